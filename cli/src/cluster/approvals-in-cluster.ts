import type { ApprovalRequest, HeldApproval } from '@sidegate/crds';
import { describeApproval } from '../owner/approval-text.ts';
import { jsonLine } from '../read/json-line.ts';
import type { ClusterWork } from './cluster-command.ts';

/** What waits in a namespace, or in all of them. */
export const approvalsInCluster: ClusterWork = async (kubectl, given, terminal) => {
  if (given.flag('watch')) {
    const mend = 'Use kubectl get approvalrequests --watch.';
    return { code: 'Usage', message: '--watch works on one machine only.', mend };
  }
  const where = given.flag('all-namespaces') ? '--all-namespaces' : `--namespace=${given.text('namespace') ?? ''}`;
  const found = await kubectl(['get', 'approvalrequests.sidegate.dev', where], terminal.signal);
  if (!found.ok) return found.fault;
  const { items = [] } = found.value as { readonly items?: readonly ApprovalRequest[] };
  const shown = items.map(heldApproval).filter(({ state }) => given.flag('all') || state === 'Pending');
  for (const one of shown.toSorted((a, b) => a.createdAtMs - b.createdAtMs)) {
    await terminal.out(given.flag('json') ? jsonLine(one) : `${describeApproval(one, Date.now()).join('\n')}\n`);
  }
  if (shown.length === 0 && !given.flag('json')) terminal.err('Nothing waits.');
  return 0;
};

/** An ApprovalRequest as its approver sees it: the same as a held command of one machine. */
export function heldApproval({ metadata, spec, status }: ApprovalRequest): HeldApproval {
  const { command, identity, approval, policyRef, targetRef, accessRef } = spec;
  const { groups = [], subjects = [] } = approval.approvers;
  const decided = status?.conditions?.find(({ type, status: holds }) => type === 'Decided' && holds === 'True');
  return {
    id: `${metadata.namespace ?? 'default'}/${metadata.name}`,
    state: STATES[decided?.reason ?? ''] ?? 'Pending',
    session: spec.session.id,
    target: targetRef,
    access: accessRef,
    verified: identity.verified,
    claimed: identity.claimed ?? {},
    text: command.text,
    binds: command.parameters ?? [],
    sha256: command.sha256,
    rule: `${policyRef.namespace}/${policyRef.name}/${spec.rule}`,
    reason: spec.reason,
    approvers: { groups, subjects },
    needed: approval.count ?? 1,
    votes: Object.entries(status?.decisions ?? {}).map(([user, { action, reason = '' }]) => ({
      user,
      verdict: action === 'Deny' ? 'Refuse' : 'Approve',
      reason,
      atMs: 0,
    })),
    grant: approval.grant ?? { scope: 'Command' },
    createdAtMs: Date.parse(spec.requestedAt),
    expiresAtMs: Date.parse(spec.expiresAt),
  };
}

const STATES: Readonly<Record<string, HeldApproval['state']>> = {
  Approved: 'Approved',
  Denied: 'Refused',
  Expired: 'Expired',
  Withdrawn: 'Cancelled',
};
