import {
  type AgentAccess,
  assertNever,
  describeFault,
  type Fault,
  fail,
  INJECTION_LABEL,
  ok,
  type Result,
  selectorMatches,
  type Target,
  type TargetSecrets,
} from '@sidegate/crds';
import { admitsNamespace } from './judging/admits.ts';
import type { ReferenceState } from './judging/agent-access.ts';
import type { AuthorityFault } from './judging/authorities.ts';
import type { Login, LoginFault } from './judging/login.ts';
import { isLive, type Pod } from './kinds.ts';
import type { Verdict } from './kube/conditions.ts';
import type { StoredAccess, StoredTarget } from './stored-resource.ts';

/** What is known of one Target, once for all who ask. */
export interface TargetStanding {
  readonly target: StoredTarget;
  /** Its condition Accepted, as it is now. */
  readonly accepted: Verdict;
  readonly login: Result<Login, LoginFault>;
  readonly authorities: Result<readonly string[], AuthorityFault>;
  /** Policies in its namespace that do not compile and speak for it, by `namespace/name`. */
  readonly invalidPolicies: readonly string[];
}

export interface ReferenceQuestion {
  readonly access: StoredAccess;
  /** Undefined when there is none of the name that the reference has. */
  readonly standing: TargetStanding | undefined;
  /** Labels of the AgentAccess's namespace. */
  readonly labels: Readonly<Record<string, string>>;
  /** Policies in the namespace of the agents or of the operator that do not compile and speak for the Target. */
  readonly invalidPolicies: readonly string[];
}

/** What an AgentAccess and a Target that it names are to each other. */
export function judgeReference({ access, standing, labels, invalidPolicies }: ReferenceQuestion): ReferenceState {
  if (standing === undefined) return 'NotFound';
  const { target, accepted, login, authorities } = standing;
  if (!target.resource.ok || accepted.status !== 'True') return 'NotAccepted';
  const namespace = { name: access.namespace, labels };
  if (!admitsNamespace(target.resource.value.spec, target.namespace, namespace)) return 'NotAdmitted';
  if (invalidPolicies.length + standing.invalidPolicies.length > 0) return 'PolicyInvalid';
  for (const found of [login, authorities]) {
    if (!found.ok) return found.fault.code === 'NotKnownYet' ? 'NotKnownYet' : 'NoCredential';
  }
  return 'Open';
}

/** Who asks for the credential of a Target, and what was found out about it. */
export interface ReleaseQuestion extends ReferenceQuestion {
  readonly pod: Pod;
  /** Whether the pod's gate is the one that we inject, and nothing else of the pod undoes it. */
  readonly injected: Result<void>;
}

export type ReleaseFault = Fault<
  | 'NamespaceNotLabelled'
  | 'PodNotLive'
  | 'NotInjected'
  | 'AccessInvalid'
  | 'NotSelected'
  | 'NotNamed'
  | 'SubjectNotAllowed'
  | Exclude<ReferenceState, 'Open'>
>;

export interface Release {
  readonly target: Target;
  readonly access: AgentAccess;
  /** Undefined while the AgentAccess is suspended: the door stays, to say so, and nothing is behind it. */
  readonly secrets: TargetSecrets | undefined;
}

function refuse(code: ReleaseFault['code'], message: string): Result<Release, ReleaseFault> {
  return fail({ code, message });
}

/**
 * Whether the gate in a pod gets a Target and its credential. All of it must hold: the namespace is labelled, the live pod passes the injection
 * check, the AgentAccess selects it and names the Target, the Target is Accepted and admits the namespace and (where it is known before a
 * connection) the subject, the Secret names the host. Nothing of the Secret is in a fault.
 */
export function judgeRelease(question: ReleaseQuestion): Result<Release, ReleaseFault> {
  const { pod, access, standing, labels, injected } = question;
  const { namespace = 'default', name } = pod.metadata;
  const who = `Pod ${namespace}/${name}`;
  if (labels[INJECTION_LABEL] !== 'enabled')
    return refuse('NamespaceNotLabelled', `The namespace ${namespace} is not labelled ${INJECTION_LABEL}=enabled.`);
  if (!isLive(pod)) return refuse('PodNotLive', `${who} has ended.`);
  if (!injected.ok) return refuse('NotInjected', `${who} has no proper gate: ${describeFault(injected.fault)}`);
  if (!access.resource.ok) return refuse('AccessInvalid', `AgentAccess ${access.key} cannot be read.`);
  if (!selects(access, pod)) return refuse('NotSelected', `AgentAccess ${access.key} does not select ${who}.`);
  if (standing !== undefined && !names(access.resource.value, access.namespace, standing.target))
    return refuse('NotNamed', `AgentAccess ${access.key} does not name Target ${standing.target.key}.`);
  const state = judgeReference(question);
  if (state !== 'Open') return refuse(state, describeReference(state, question));
  const { target, login, authorities } = standing ?? {};
  if (target?.resource.ok !== true || login?.ok !== true || authorities?.ok !== true)
    return refuse('NotFound', 'The Target is not there.');
  const outsider = refusedSubject(target.resource.value, access.resource.value, pod);
  if (outsider !== undefined) return refuse('SubjectNotAllowed', outsider);
  const reference = { namespace: target.namespace, name: target.name };
  const suspended = access.resource.value.spec.suspend === true;
  return ok({
    target: target.resource.value,
    access: access.resource.value,
    secrets: suspended ? undefined : { target: reference, ...login.value, authorities: authorities.value },
  });
}

/** Whether the AgentAccess speaks of the pod: it stands in the pod's own namespace, and its selector matches. */
export function selects({ resource, namespace }: StoredAccess, { metadata }: Pod): boolean {
  return (
    resource.ok &&
    namespace === (metadata.namespace ?? 'default') &&
    selectorMatches(resource.value.spec.podSelector, metadata.labels ?? {})
  );
}

function names({ spec }: AgentAccess, own: string, { namespace, name }: StoredTarget): boolean {
  return spec.targetRefs.some((ref) => ref.name === name && (ref.namespace ?? own) === namespace);
}

/** Why the pod's service account may not use the Target. With identity by token the gate judges each connection instead. */
function refusedSubject({ spec }: Target, access: AgentAccess, pod: Pod): string | undefined {
  if (access.spec.identity.source !== 'Workload') return undefined;
  const { groups = [], subjects = [] } = spec.require ?? {};
  const subject = workloadSubject(pod);
  if (subjects.length > 0 && !subjects.includes(subject)) return `The Target requires another subject than ${subject}.`;
  const own = workloadGroups(pod);
  if (groups.length === 0 || groups.some((group) => own.includes(group))) return undefined;
  return `The Target requires one of the groups ${groups.join(', ')}; ${subject} is in none of them.`;
}

/** The name of the pod's service account as the API server states it. */
export function workloadSubject({ metadata, spec }: Pod): string {
  return `system:serviceaccount:${metadata.namespace ?? 'default'}:${spec.serviceAccountName ?? 'default'}`;
}

/** The groups of every service account of the namespace, as TokenReview states them. */
export function workloadGroups({ metadata }: Pod): readonly string[] {
  return [
    'system:serviceaccounts',
    `system:serviceaccounts:${metadata.namespace ?? 'default'}`,
    'system:authenticated',
  ];
}

function describeReference(state: Exclude<ReferenceState, 'Open'>, question: ReferenceQuestion): string {
  const { access, standing, invalidPolicies } = question;
  const name = `Target ${standing?.target.key ?? ''}`;
  switch (state) {
    case 'NotFound':
      return 'There is no such Target.';
    case 'NotAccepted':
      return `${name} is not Accepted: ${standing?.accepted.message ?? ''}`;
    case 'NotAdmitted':
      return `${name} does not admit the namespace ${access.namespace}.`;
    case 'PolicyInvalid': {
      const policies = [...invalidPolicies, ...(standing?.invalidPolicies ?? [])];
      return `A Policy that speaks for ${name} does not compile: ${policies.join(', ')}.`;
    }
    case 'NoCredential':
    case 'NotKnownYet': {
      const fault = standing?.login.ok === false ? standing.login.fault : undefined;
      const other = standing?.authorities.ok === false ? standing.authorities.fault : undefined;
      return (fault ?? other)?.message ?? `${name} has no credential.`;
    }
    default:
      return assertNever(state);
  }
}
