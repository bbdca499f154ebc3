import { INJECTION_LABEL } from '@sidegate/crds';
import type { Verdict } from '../kube/conditions.ts';
import type { StoredAccess } from '../stored-resource.ts';
import { listed, withSummary } from './summary.ts';
import { describeFaults } from './target.ts';

/** What an AgentAccess and one Target that it names are to each other, whatever the pod. Only `Open` opens it. */
export type ReferenceState =
  | 'Open'
  | 'NotFound'
  | 'NotAccepted'
  | 'NotAdmitted'
  | 'NoCredential'
  | 'PolicyInvalid'
  | 'NotKnownYet';

/** One reference to a Target, and what is wrong with it. */
export interface ReferenceFacts {
  /** `namespace/name`. */
  readonly target: string;
  readonly state: ReferenceState;
}

/** What the gates that an AgentAccess applies to last said. */
export interface GateFacts {
  /** Live pods that it selects and that have a gate. */
  readonly gates: number;
  /** Those whose gate holds the current version. */
  readonly programmed: number;
  /** Those whose gate is connected. */
  readonly connected: number;
  /** Those whose log is flowing. */
  readonly recording: number;
  /** Why gates refused the current version, each reason once. */
  readonly refusals: readonly string[];
  /** `HOST:PORT in pod NAME`: something else in the pod listens there, so the Target cannot be reached. */
  readonly blocked: readonly string[];
  /** Live pods that it selects and that have no gate, or not the one that they should have. */
  readonly ungated: number;
  /** Targets that an older AgentAccess opens in the same pods, by `namespace/name`. */
  readonly overlapped: readonly string[];
  /** Why gates are sent nothing: what they must know is too much. */
  readonly tooLarge: readonly string[];
}

export interface AccessFacts {
  readonly namespaceLabelled: boolean;
  readonly references: readonly ReferenceFacts[];
  /** Issuers that it names and the operator's configuration does not. */
  readonly unknownIssuers: readonly string[];
  readonly gates: GateFacts;
}

/** Ready, Accepted, Programmed and Recorded of an AgentAccess. */
export function judgeAgentAccess(access: StoredAccess, facts: AccessFacts): readonly Verdict[] {
  const accepted = judgeAcceptance(access, facts);
  const verdicts = [accepted, judgeProgrammed(facts.gates), judgeRecorded(facts.gates)];
  const suspended = access.resource.ok && access.resource.value.spec.suspend === true;
  const fine =
    facts.gates.gates === 0
      ? 'No pod is selected yet.'
      : `${count(facts.gates.gates, 'gate')} hold the current version.`;
  const summed = withSummary(verdicts, fine);
  if (!suspended) return summed;
  const message = 'spec.suspend is true: every session ends and none opens.';
  return [{ type: 'Ready', status: 'False', reason: 'Suspended', message }, ...verdicts];
}

const REFERENCE_FAULTS: Readonly<
  Record<
    Exclude<ReferenceFacts['state'], 'Open'>,
    { readonly reason: string; readonly say: (target: string) => string }
  >
> = {
  NotFound: {
    reason: 'TargetNotFound',
    say: (target) => `There is no Target ${target}: create it, or correct spec.targetRefs.`,
  },
  NotAdmitted: {
    reason: 'NamespaceNotAllowed',
    say: (target) => `Target ${target} does not admit this namespace: its owner may widen spec.allowedNamespaces.`,
  },
  NotAccepted: {
    reason: 'TargetNotAccepted',
    say: (target) => `Target ${target} is not Accepted: see its conditions.`,
  },
  NotKnownYet: {
    reason: 'NotKnownYet',
    say: (target) => `The Secrets beside Target ${target} are not read yet.`,
  },
  NoCredential: {
    reason: 'CredentialNotReady',
    say: (target) => `Target ${target} has no credential that may be used: see its conditions.`,
  },
  PolicyInvalid: {
    reason: 'PolicyInvalid',
    say: (target) =>
      `A Policy that speaks for Target ${target} is not Accepted, so it stays closed: see its conditions.`,
  },
};

function judgeAcceptance({ resource, namespace }: StoredAccess, facts: AccessFacts): Verdict {
  const type = 'Accepted';
  const refused = (reason: string, message: string): Verdict => ({ type, status: 'False', reason, message });
  if (!resource.ok) return refused('InvalidSpec', describeFaults(resource.fault));
  if (!facts.namespaceLabelled) {
    return refused(
      'NamespaceNotLabelled',
      `Pods of the namespace ${namespace} get no gate: label it ${INJECTION_LABEL}=enabled and restart them.`,
    );
  }
  if (facts.unknownIssuers.length > 0) {
    const names = facts.unknownIssuers.map((name) => `"${name}"`).join(', ');
    return refused('IssuerNotFound', `The operator's configuration has no issuer ${names}.`);
  }
  const faults = facts.references.flatMap(({ target, state }) =>
    state === 'Open' ? [] : [{ ...REFERENCE_FAULTS[state], target }],
  );
  const [first] = faults;
  if (first === undefined) return { type, status: 'True', reason: 'Accepted', message: 'Every Target may be used.' };
  const unknown = faults.every(({ reason }) => reason === 'NotKnownYet');
  if (unknown) return { type, status: 'Unknown', reason: first.reason, message: first.say(first.target) };
  return refused(first.reason, listed(faults.map(({ say, target }) => say(target))));
}

function judgeProgrammed(facts: GateFacts): Verdict {
  const { gates, programmed, connected, refusals, blocked, overlapped, tooLarge, ungated } = facts;
  const type = 'Programmed';
  if (refusals.length > 0)
    return {
      type,
      status: 'False',
      reason: 'Refused',
      message: `A gate refused the current version: ${listed(refusals)}`,
    };
  if (tooLarge.length > 0) return { type, status: 'False', reason: 'TooLarge', message: listed(tooLarge) };
  if (blocked.length > 0) {
    const message = `Something else in the pod listens where the gate must: ${blocked.join(', ')}. End it, or let it listen elsewhere.`;
    return { type, status: 'False', reason: 'DoorBlocked', message };
  }
  if (overlapped.length > 0) {
    const message = `In some pods an older AgentAccess opens the same: ${overlapped.join(', ')}. Let one of them select those pods.`;
    return { type, status: 'False', reason: 'Overlapped', message };
  }
  if (ungated > 0) {
    const message = `${count(ungated, 'selected pod')} without a proper gate: made before the namespace was labelled, or before an upgrade. Restart them.`;
    return { type, status: 'False', reason: 'PodsWithoutGate', message };
  }
  if (gates === 0) return { type, status: 'True', reason: 'NoGates', message: 'No pod with a gate is selected.' };
  if (programmed === gates)
    return { type, status: 'True', reason: 'Programmed', message: `${count(gates, 'gate')} hold the current version.` };
  const away = gates - connected;
  const message = `${programmed} of ${count(gates, 'gate')} hold the current version${away > 0 ? `; ${away} are not connected` : ''}.`;
  return { type, status: 'False', reason: away > 0 ? 'NotConnected' : 'Pending', message };
}

function judgeRecorded({ gates, connected, recording }: GateFacts): Verdict {
  const type = 'Recorded';
  if (gates === 0) return { type, status: 'True', reason: 'NoGates', message: 'No pod with a gate is selected.' };
  if (recording === gates)
    return { type, status: 'True', reason: 'Recording', message: `The logs of ${count(gates, 'gate')} are flowing.` };
  if (recording === connected) {
    const message = `${gates - connected} of ${count(gates, 'gate')} are not connected, so nothing is known of their logs.`;
    return { type, status: 'Unknown', reason: 'NotConnected', message };
  }
  const message = `The logs of ${connected - recording} of ${count(gates, 'gate')} do not reach the store; they keep them until they do.`;
  return { type, status: 'False', reason: 'StoreUnreachable', message };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
