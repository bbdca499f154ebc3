import {
  API_VERSION,
  type ApprovalRequest,
  type ApprovalRequestSpec,
  type ApprovalTerms,
  type Fault,
  fail,
  ok,
  POD_ANNOTATION,
  POD_UID_LABEL,
  type Policy,
  type Result,
} from '@sidegate/crds';
import { APPROVAL_TIMEOUT_SECONDS_DEFAULT, approvalRequestName } from '@sidegate/policy';
import type { Held } from '@sidegate/policy/control';
import type { BundleContent } from '../gate-bundle.ts';
import type { ApproverNames, IdentitySource } from './approver-names.ts';

export type HoldFault = Fault<'NoSuchRule' | 'NoSuchDoor' | 'CannotBeShown'>;

export interface HoldFacts {
  /** What the gate runs on, of the version that the hold names. */
  readonly content: BundleContent;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly names: ApproverNames;
  readonly nowMs: number;
}

/** The UID of the Policy that asks, when it is known, makes the request go with it. */
export type RequestToMake = Omit<ApprovalRequest, 'status'> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
};

const ID = /^[a-z0-9]{5,32}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const TEXT_LENGTH_MAX = 65_536;
const BINDS_MAX = 1_024;
const BIND_LENGTH_MAX = 32_770;
const CLAIMS_MAX = 16;
const CLAIM_LENGTH_MAX = 1_024;
const USERS_MAX = 256;
const OWN_USERS_MAX = 64;

/**
 * The ApprovalRequest for a held command. The gate says what it holds; who may approve, and for how long, is taken from the Policy that it was
 * given, so that a gate can ask nobody whom no rule names. A command that the request cannot show whole is a fault.
 */
export function requestOf(held: Held, facts: HoldFacts): Result<RequestToMake, HoldFault> {
  const { content, pod, nowMs } = facts;
  const { policy: policyRef, target: targetRef, access: accessRef } = held;
  const policy = content.resources.policies.find(isNamed(policyRef));
  const terms = policy === undefined ? undefined : termsOf(policy, held);
  if (policyRef === undefined || terms === undefined) {
    return fail({ code: 'NoSuchRule', message: `No rule ${held.rule} of the Policy asks for an approval.` });
  }
  const target = content.resources.targets.find(isNamed(targetRef));
  const access = content.resources.accesses.find(isNamed(accessRef));
  if (targetRef === undefined || accessRef === undefined || target === undefined || access === undefined) {
    return fail({ code: 'NoSuchDoor', message: 'The gate was not given this Target through this AgentAccess.' });
  }
  if (!ID.test(held.id) || !SHA256.test(held.sha256) || held.requester === undefined) {
    return fail({ code: 'CannotBeShown', message: 'The gate did not say what it holds.' });
  }
  const parameters = held.binds.map(({ text }) => (text === undefined ? 'NULL' : `'${text.replaceAll("'", "''")}'`));
  const tooLong = parameters.some((one) => one.length > BIND_LENGTH_MAX) || held.text.length > TEXT_LENGTH_MAX;
  if (tooLong || parameters.length > BINDS_MAX) {
    return fail({ code: 'CannotBeShown', message: 'The command is too long to be shown to an approver whole.' });
  }
  const timeoutMs = (terms.timeoutSeconds ?? APPROVAL_TIMEOUT_SECONDS_DEFAULT) * 1_000;
  const spec: ApprovalRequestSpec = {
    targetRef: reference(targetRef),
    accessRef: reference(accessRef),
    policyRef: reference(policyRef),
    rule: held.rule,
    reason: held.reason.slice(0, 1_024),
    session: { id: held.sessionId, commandId: Number(held.commandId) },
    command: { protocol: target.spec.protocol, sha256: held.sha256, text: held.text, parameters },
    ...whoOf(held, access.spec.identity.source, terms, facts.names),
    approval: terms,
    requestedAt: timeOf(nowMs - held.waitedMilliseconds),
    expiresAt: timeOf(nowMs + Math.min(held.remainingMilliseconds, timeoutMs)),
  };
  const metadata = {
    name: approvalRequestName(pod.uid, held.id),
    namespace: policyRef.namespace,
    labels: { 'app.kubernetes.io/managed-by': 'sidegate', [POD_UID_LABEL]: pod.uid },
    annotations: { [POD_ANNOTATION]: `${pod.namespace}/${pod.name}` },
  };
  return ok({ apiVersion: API_VERSION, kind: 'ApprovalRequest', metadata, spec });
}

/** True when an object of that name is the request for this very command: what it shows and who may decide are the same. */
export function isSameRequest(one: ApprovalRequestSpec, other: ApprovalRequestSpec): boolean {
  return factsOf(one) === factsOf(other);
}

function factsOf({
  command,
  session,
  rule,
  policyRef,
  targetRef,
  accessRef,
  identity,
  approval,
}: ApprovalRequestSpec): string {
  const { protocol, sha256, text, parameters = [] } = command;
  const { groups = [], subjects = [] } = approval.approvers;
  const references = [policyRef, targetRef, accessRef].map(({ namespace, name }) => `${namespace}/${name}`);
  const { issuer, subject, source } = identity.verified;
  return JSON.stringify([
    [protocol, sha256, text, parameters],
    [session.id, session.commandId, rule, ...references],
    [issuer, subject, source, [...(identity.users ?? [])].toSorted()],
    [[...groups].toSorted(), [...subjects].toSorted(), approval.count ?? 1],
  ]);
}

function whoOf(
  { requester, claimed }: Held,
  source: IdentitySource,
  { approvers }: ApprovalTerms,
  names: ApproverNames,
): Pick<ApprovalRequestSpec, 'identity' | 'approverUsers'> {
  const { issuer = '', subject = '', groups = [], hasGroups = false } = requester ?? {};
  const claims = Object.entries(claimed).slice(0, CLAIMS_MAX);
  const users = (approvers.subjects ?? []).flatMap((one) => names.usersOf(one, source));
  return {
    identity: {
      verified: { source, issuer, subject, ...(hasGroups ? { groups: groups.slice(0, USERS_MAX) } : {}) },
      users: names.usersOf(subject, source).slice(0, OWN_USERS_MAX),
      claimed: Object.fromEntries(claims.map(([name, value]) => [name, value.slice(0, CLAIM_LENGTH_MAX)])),
    },
    approverUsers: [...new Set(users)].slice(0, USERS_MAX),
  };
}

function termsOf({ spec }: Policy, { rule, isLimit }: Held): ApprovalTerms | undefined {
  const asking = isLimit ? spec.limits : spec.rules;
  const found = asking?.find(({ name }) => name === rule);
  return found?.action === 'RequireApproval' ? found.approval : undefined;
}

function isNamed(ref: { readonly namespace: string; readonly name: string } | undefined) {
  return ({ metadata }: { readonly metadata: { readonly namespace?: string; readonly name: string } }): boolean =>
    ref !== undefined && metadata.name === ref.name && (metadata.namespace ?? 'default') === ref.namespace;
}

function reference({ namespace, name }: { readonly namespace: string; readonly name: string }): {
  readonly namespace: string;
  readonly name: string;
} {
  return { namespace, name };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
