import type { Container, ContainerSecurity, Pod, Variable, Volume, VolumeMount } from '../kinds.ts';
import { OWN_CONTAINERS } from './agent-container.ts';
import { LOCK_CONTAINER, USER_CAPABILITY } from './egress-lock.ts';
import {
  AGENT_TOKEN_PATH,
  AGENT_TOKEN_VOLUME,
  dnsConfig,
  GATE_CONTAINER,
  type GateTemplate,
  RAW_CAPABILITY,
  SERVICE_ACCOUNT_PATH,
} from './gate-template.ts';

/** The API server's own token volume, which its admission plugin adds under a name with a random ending. */
export const API_VOLUME = 'kube-api-access-';

/** What injection must know of the pod's namespace. */
export interface NamespaceFacts {
  readonly name: string;
  /** The namespace keeps its service-account tokens, and the settings allow that. */
  readonly keepsTokens: boolean;
}

/**
 * The pod with its gate. Pure, and the same again when it is done twice: a pod that has a gate keeps it, whoever put it there, so what comes out
 * must be checked.
 */
export function injectPod(pod: Pod, template: GateTemplate, facts: NamespaceFacts): Pod {
  const { spec } = pod;
  const { containers, initContainers = [], ephemeralContainers, volumes = [] } = spec;
  const locked = template.lock !== undefined;
  const agent = (container: Container): Container =>
    OWN_CONTAINERS.includes(container.name)
      ? withoutApiMounts(container, facts.keepsTokens)
      : injectAgent(container, template.agent, facts.keepsTokens, locked);
  const missing = [template.lock, template.container]
    .filter((own) => own !== undefined)
    .filter(({ name }) => ![...initContainers, ...containers].some((one) => one.name === name));
  const security = Object(spec['securityContext'] ?? {});
  const names = new Set(template.sysctls.map(({ name }) => name));
  const others = (security.sysctls ?? []).filter(({ name }: { name: never }) => !names.has(name));
  return {
    ...pod,
    spec: {
      ...spec,
      containers: containers.map(agent),
      initContainers: [...missing, ...initContainers.map(agent)],
      ...(ephemeralContainers === undefined ? {} : { ephemeralContainers: ephemeralContainers.map(agent) }),
      volumes: injectVolumes(volumes, template.volumes, facts.keepsTokens),
      securityContext: { ...security, sysctls: [...others, ...template.sysctls] },
      dnsPolicy: 'None',
      dnsConfig: dnsConfig(facts.name, template.clusterDomain),
      // What a namespace keeps is mounted already; asked once more, the API server would give it to the gate as well.
      automountServiceAccountToken: false,
    },
  };
}

/** A debugging container that is added to a pod which has its gate: of that pod nothing else can be changed. */
export function injectEphemeral(pod: Pod, template: GateTemplate, facts: NamespaceFacts): Pod {
  const { spec } = pod;
  if (spec.ephemeralContainers === undefined || !spec.initContainers?.some(({ name }) => name === GATE_CONTAINER))
    return pod;
  // As the pod was made, whatever is set by now.
  const locked = spec.initContainers.some(({ name }) => name === LOCK_CONTAINER);
  const ephemeralContainers = spec.ephemeralContainers.map((container) =>
    injectAgent(container, template.agent, facts.keepsTokens, locked),
  );
  return { ...pod, spec: { ...spec, ephemeralContainers } };
}

/** Where agents find what is ours. In a namespace that keeps its tokens ours is beside them. */
export function agentMounts(mounts: readonly VolumeMount[], keepsTokens: boolean): readonly VolumeMount[] {
  return mounts.map((mount) =>
    keepsTokens && mount.mountPath === SERVICE_ACCOUNT_PATH ? { ...mount, mountPath: AGENT_TOKEN_PATH } : mount,
  );
}

function injectAgent(
  container: Container,
  agent: GateTemplate['agent'],
  keepsTokens: boolean,
  locked: boolean,
): Container {
  const { env = [], volumeMounts = [] } = container;
  const own = new Set(env.map(({ name }) => name));
  const ours = agentMounts(agent.mounts, keepsTokens);
  const taken = new Set(ours.map(({ mountPath }) => mountPath));
  const kept = volumeMounts
    .filter(({ mountPath }) => !taken.has(mountPath))
    .map((mount) => (keepsTokens || !isApiVolume(mount.name) ? mount : { ...mount, name: AGENT_TOKEN_VOLUME }));
  const added: readonly Variable[] = agent.variables.filter(({ name }) => !own.has(name));
  return {
    ...container,
    env: [...env, ...added],
    volumeMounts: [...kept, ...ours],
    securityContext: confined(container.securityContext, locked),
  };
}

/** Capabilities that agents lose. */
export function droppedCapabilities(locked: boolean): readonly string[] {
  return locked ? [RAW_CAPABILITY, USER_CAPABILITY] : [RAW_CAPABILITY];
}

function confined(security: ContainerSecurity = {}, locked: boolean): ContainerSecurity {
  const { capabilities = {}, allowPrivilegeEscalation } = security;
  const { drop = [] } = capabilities;
  const kept = droppedCapabilities(locked).filter((name) => !drop.includes(name) && !drop.includes('ALL'));
  return {
    ...security,
    ...(kept.length === 0 ? {} : { capabilities: { ...capabilities, drop: [...drop, ...kept] } }),
    // Who asks for it is told no by the guards.
    ...(locked && allowPrivilegeEscalation === undefined ? { allowPrivilegeEscalation: false } : {}),
  };
}

/** The volume goes, so what a pod brings under one of our names must not mount it: the guards then say what is wrong with it. */
function withoutApiMounts(container: Container, keepsTokens: boolean): Container {
  const { volumeMounts } = container;
  if (keepsTokens || volumeMounts === undefined) return container;
  return { ...container, volumeMounts: volumeMounts.filter(({ name }) => !isApiVolume(name)) };
}

function injectVolumes(volumes: readonly Volume[], ours: readonly Volume[], keepsTokens: boolean): readonly Volume[] {
  const kept = volumes.filter(({ name }) => keepsTokens || !isApiVolume(name));
  const names = new Set(kept.map(({ name }) => name));
  return [...kept, ...ours.filter(({ name }) => !names.has(name))];
}

function isApiVolume(name: string): boolean {
  return name.startsWith(API_VOLUME);
}
