import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Container, Pod } from '../kinds.ts';
import { agentFault, leadsOut, OWN_CONTAINERS, showsNode } from './agent-container.ts';
import { LOCK_CONTAINER } from './egress-lock.ts';
import {
  AGENT_AUDIENCE,
  GATE_AUDIENCE,
  GATE_CONTAINER,
  GATE_TOKEN_VOLUME,
  type GateTemplate,
  type OwnContainers,
} from './gate-template.ts';

export type InjectionFault = Fault<
  'NoGate' | 'NoLock' | 'GateChanged' | 'VolumeChanged' | 'PodOpen' | 'AgentOpen' | 'ForeignToken'
>;

/** Undefined when nothing is wrong. */
type Judge = (pod: Pod, template: GateTemplate) => InjectionFault | undefined;

/**
 * Whether a pod's gate is the one that we inject, and nothing else of the pod reaches into it. Admission guards say the same when a pod is made;
 * a credential is released only when it still holds. Marks and labels that say "injected" are not looked at.
 */
export function checkInjection(pod: Pod, template: GateTemplate): Result<void, InjectionFault> {
  for (const judge of JUDGES) {
    const fault = judge(pod, template);
    if (fault !== undefined) return fail(fault);
  }
  return ok(undefined);
}

/** What may differ: the image is judged by itself, and the others do not change what the gate's program does. */
export const FREE_FIELDS: ReadonlySet<string> = new Set(['image', 'imagePullPolicy', 'resources', 'resizePolicy']);

/** Sources of projected volumes that prove nothing, and tokens, which are judged by themselves. A certificate of the pod is none of them. */
export const KNOWN_SOURCES: readonly string[] = [
  'clusterTrustBundle',
  'configMap',
  'downwardAPI',
  'secret',
  'serviceAccountToken',
];

/** The API server's own volume: where a namespace keeps service-account tokens, which the guards allow or not. */
const API_VOLUME = 'kube-api-access-';

const JUDGES: readonly Judge[] = [
  hasOneGate,
  hasOneLock,
  gateIsOurs,
  volumesAreOurs,
  podIsClosed,
  agentsAreClosed,
  tokensAreOurs,
];

function hasOneGate({ spec }: Pod): InjectionFault | undefined {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  if (all.filter(({ name }) => name === GATE_CONTAINER).length !== 1)
    return { code: 'NoGate', message: `It has not exactly one container named ${GATE_CONTAINER}.` };
  if (gateOf(initContainers)?.name === GATE_CONTAINER) return undefined;
  return {
    code: 'NoGate',
    message: `Its first init container is not ${GATE_CONTAINER}, so others run without a gate.`,
  };
}

/** Whether the pod is locked as it is set now, or was when it was made. */
function hasOneLock({ spec }: Pod, { lock, former }: GateTemplate): InjectionFault | undefined {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  const found = all.filter(({ name }) => name === LOCK_CONTAINER).length;
  const first = lockOf(initContainers) === undefined ? 0 : 1;
  if (found !== first)
    return { code: 'NoLock', message: `Its container ${LOCK_CONTAINER} is not its first init container alone.` };
  const known = [{ lock }, ...former].some((one) => (one.lock === undefined ? 0 : 1) === first);
  if (known) return undefined;
  return first === 0
    ? {
        code: 'NoLock',
        message: `It has no container ${LOCK_CONTAINER}, and egress is Locked.`,
        mend: 'Make the pod again.',
      }
    : {
        code: 'NoLock',
        message: `It has a container ${LOCK_CONTAINER}, and egress is open.`,
        mend: 'Make the pod again.',
      };
}

function gateIsOurs({ spec }: Pod, template: GateTemplate): InjectionFault | undefined {
  const { initContainers = [] } = spec;
  const [gate, lock] = [gateOf(initContainers) ?? { name: '' }, lockOf(initContainers)];
  const ours = [template, ...template.former].filter((one) => (one.lock === undefined) === (lock === undefined));
  const sameImage = ours.filter((one) => one.container.image === gate.image && one.lock?.image === lock?.image);
  if (sameImage.length === 0) return changedGate(imagesMessage(gate, lock, template));
  const changes = sameImage.map((one) => [
    ...changedFields(one.container, gate).map((field) => `gate's ${field}`),
    ...(one.lock === undefined || lock === undefined ? [] : changedFields(one.lock, lock)).map(
      (field) => `lock's ${field}`,
    ),
  ]);
  if (changes.some((fields) => fields.length === 0)) return undefined;
  return changedGate(`Its ${changes[0]?.join(', ') ?? ''} is not what we inject.`);
}

function imagesMessage(gate: Container, lock: Container | undefined, template: OwnContainers): string {
  const [image = '', ours = ''] = [gate.image, template.container.image];
  if (image !== ours || lock === undefined) return `Its gate runs the image ${image}, and ${ours} is injected.`;
  return `Its lock runs the image ${lock.image ?? ''}, and ${template.lock?.image ?? 'none'} is injected.`;
}

/** The lock where it must be: before everything else. */
function lockOf(initContainers: readonly Container[]): Container | undefined {
  const [first] = initContainers;
  return first?.name === LOCK_CONTAINER ? first : undefined;
}

/** What stands where the gate must be: first, or after the lock. */
function gateOf(initContainers: readonly Container[]): Container | undefined {
  return initContainers[lockOf(initContainers) === undefined ? 0 : 1];
}

/** The fields that make the gate's program another one, or open it to others: all that are not known to be harmless. */
function changedFields(stated: Container, found: Container): readonly string[] {
  const fields = new Set([...Object.keys(stated), ...Object.keys(found)]);
  return [...fields].filter((field) => !FREE_FIELDS.has(field) && !covers(stated[field], found[field]));
}

function changedGate(message: string): InjectionFault {
  const mend =
    'Make the pod again, so that it gets the gate of today; or list what was set when it was made under the key `former` of the ConfigMap sidegate-injection.';
  return { code: 'GateChanged', message, mend };
}

function volumesAreOurs({ spec }: Pod, { volumes }: GateTemplate): InjectionFault | undefined {
  const changed = volumes.find(({ name, ...source }) => {
    const found = spec.volumes?.filter((volume) => volume.name === name) ?? [];
    return found.length !== 1 || !covers(source, found[0]);
  });
  return changed === undefined
    ? undefined
    : { code: 'VolumeChanged', message: `Its volume ${changed.name} is not what we inject.` };
}

function podIsClosed({ spec }: Pod): InjectionFault | undefined {
  const open = (['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const).find(
    (field) => spec[field] === true,
  );
  return open === undefined ? undefined : { code: 'PodOpen', message: `Its spec.${open} is true.` };
}

function agentsAreClosed({ spec }: Pod, { hostPaths }: GateTemplate): InjectionFault | undefined {
  const { initContainers = [], containers, ephemeralContainers = [], volumes = [] } = spec;
  const host = volumes.find((volume) => showsNode(volume, hostPaths));
  if (host !== undefined)
    return { code: 'AgentOpen', message: `Its volume ${host.name} shows the node's own folders.` };
  const podUid = Object(spec['securityContext']).runAsUser;
  const locked = lockOf(initContainers) !== undefined;
  const outlet = locked ? volumes.find(leadsOut) : undefined;
  if (outlet !== undefined)
    return { code: 'AgentOpen', message: `Its volume ${outlet.name} leads out of the pod, which is locked.` };
  for (const container of [...initContainers, ...containers, ...ephemeralContainers]) {
    // Each of these is there once, in its place, and is ours.
    if (OWN_CONTAINERS.includes(container.name)) continue;
    const why = agentFault(container, podUid, locked);
    if (why !== undefined) return { code: 'AgentOpen', message: `Its container ${container.name} ${why}.` };
  }
  return undefined;
}

function tokensAreOurs({ spec }: Pod): InjectionFault | undefined {
  for (const { name, projected } of spec.volumes ?? []) {
    for (const source of projected?.sources ?? []) {
      const { serviceAccountToken } = source;
      const foreign = Object.keys(source).find((kind) => !KNOWN_SOURCES.includes(kind));
      if (foreign !== undefined)
        return {
          code: 'ForeignToken',
          message: `Its volume ${name} holds ${foreign}, which may prove elsewhere who the pod is.`,
        };
      if (serviceAccountToken === undefined) continue;
      const { audience } = serviceAccountToken;
      const ours = name === GATE_TOKEN_VOLUME ? audience === GATE_AUDIENCE : audience === AGENT_AUDIENCE;
      if (!ours && !(audience === undefined && name.startsWith(API_VOLUME)))
        return { code: 'ForeignToken', message: `Its volume ${name} holds a token of another audience.` };
    }
  }
  return undefined;
}

/**
 * True when `found` says all that `stated` says, and no more: a field that the API server fills with its default is none that we leave out.
 * Lists are compared whole and in order.
 */
function covers(stated: unknown, found: unknown): boolean {
  if (Array.isArray(stated) || Array.isArray(found)) {
    const ours = Array.isArray(stated) ? stated : [];
    const theirs = Array.isArray(found) ? found : [];
    return ours.length === theirs.length && ours.every((item, index) => covers(item, theirs[index]));
  }
  if (typeof stated !== 'object' || stated === null) return (stated ?? EMPTY) === (found ?? EMPTY);
  if (typeof found !== 'object' || found === null) return false;
  const theirs: Readonly<Record<string, unknown>> = { ...found };
  const listed = Object.entries(stated).every(([key, value]) => covers(value, theirs[key]));
  return listed && Object.keys(theirs).every((key) => key in stated || HARMLESS.has(key));
}

const EMPTY = Symbol('nothing is stated');

/** What the API server and usual admission plugins add by themselves. */
const HARMLESS: ReadonlySet<string> = new Set([
  'name',
  'defaultMode',
  'runAsNonRoot',
  'seccompProfile',
  'recursiveReadOnly',
]);
