import { describeFault, type FieldFault, type Result } from '@sidegate/crds';
import type { Verdict } from '../kube/conditions.ts';
import type { StoredTarget } from '../stored-resource.ts';
import type { AuthorityFault } from './authorities.ts';
import type { Login, LoginFault } from './login.ts';
import { listed, withSummary } from './summary.ts';

/** What must be known of a Target's surroundings to accept it. */
export interface AcceptanceFacts {
  /** Why agents may run in its namespace; undefined when none do. */
  readonly agentsHere: string | undefined;
  /** The older Target with the same host and port, by `namespace/name`. */
  readonly rival: string | undefined;
}

export interface TargetFacts {
  /** Its condition Accepted, as {@link judgeAcceptance} gives it. */
  readonly accepted: Verdict;
  readonly login: Result<Login, LoginFault>;
  readonly authorities: Result<readonly string[], AuthorityFault>;
}

/** Ready, Accepted and CredentialReady of a Target. */
export function judgeTarget(target: StoredTarget, facts: TargetFacts): readonly Verdict[] {
  return withSummary(
    [facts.accepted, judgeCredential(target, facts)],
    'Gates may open it for the agents that may use it.',
  );
}

/** Whether the Target may be opened at all: what a release asks too. */
export function judgeAcceptance(
  { resource, namespace }: StoredTarget,
  { agentsHere, rival }: AcceptanceFacts,
): Verdict {
  if (!resource.ok) return refused('InvalidSpec', describeFaults(resource.fault));
  if (agentsHere !== undefined) {
    return refused(
      'AgentsInNamespace',
      `${agentsHere} Whoever may make pods in ${namespace} could read the credential: move the Target and its Secret to a namespace without agents.`,
    );
  }
  if (rival !== undefined) {
    const { host, port } = resource.value.spec;
    return refused(
      'Conflicted',
      `${host}:${port} already stands in Target ${rival}. One host and port may stand in one Target: remove one of the two.`,
    );
  }
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The Target is valid.' };
}

function refused(reason: string, message: string): Verdict {
  return { type: 'Accepted', status: 'False', reason, message };
}

/** The faults of a resource as one message. */
export function describeFaults(faults: readonly FieldFault[]): string {
  return listed(faults.map(describeFault));
}

function judgeCredential({ resource }: StoredTarget, { login, authorities }: TargetFacts): Verdict {
  const type = 'CredentialReady';
  if (!resource.ok)
    return {
      type,
      status: 'Unknown',
      reason: 'InvalidSpec',
      message: 'The Target cannot be read, so neither can this.',
    };
  for (const found of [login, authorities]) {
    if (found.ok) continue;
    const status = found.fault.code === 'NotKnownYet' ? 'Unknown' : 'False';
    return { type, status, reason: found.fault.code, message: describeFault(found.fault) };
  }
  const none = resource.value.spec.credential === undefined;
  return none
    ? { type, status: 'True', reason: 'NotNeeded', message: 'The Target names no credential.' }
    : { type, status: 'True', reason: 'CredentialFound', message: 'The Secret is there and names the host.' };
}
