import type { ApprovalRequest } from '@sidegate/crds';
import { jsonLine } from '../read/json-line.ts';
import { printable } from '../read/printable.ts';
import { heldApproval } from './approvals-in-cluster.ts';
import type { ClusterWork } from './cluster-command.ts';

const GROUPS_MAX = 16;
/** The longest reason that the API takes, in characters. */
const REASON_LENGTH_MAX = 1_024;

interface WhoAmI {
  readonly status?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } };
}

/** Writes the caller's decision into the request, with the groups as whose member it may decide. */
export function decideInCluster(action: 'Approve' | 'Deny'): ClusterWork {
  return async (kubectl, given, terminal) => {
    const [name = ''] = given.words;
    const namespace = `--namespace=${given.text('namespace') ?? ''}`;
    const reason = given.text('reason') ?? '';
    if (action === 'Deny' && reason.trim() === '')
      return { code: 'Usage', message: 'A refusal needs --reason: the agent is told why.' };
    if (reason.length > REASON_LENGTH_MAX)
      return { code: 'Usage', message: `The reason is longer than ${REASON_LENGTH_MAX} characters.` };
    const me = await kubectl(['auth', 'whoami'], terminal.signal);
    if (!me.ok) return me.fault;
    const { username, groups = [] } = (me.value as WhoAmI).status?.userInfo ?? {};
    if (username === undefined) return { code: 'KubectlFailed', message: 'kubectl does not say who you are.' };
    const found = await kubectl(['get', 'approvalrequests.sidegate.dev', name, namespace], terminal.signal);
    if (!found.ok) return found.fault;
    const may = (found.value as ApprovalRequest).spec.approval.approvers.groups ?? [];
    const mine = groups.filter((group) => may.includes(group)).slice(0, GROUPS_MAX);
    const entry = {
      action,
      reason,
      decidedAt: new Date().toISOString(),
      ...(mine.length === 0 ? {} : { groups: mine }),
    };
    const patch = JSON.stringify({ status: { decisions: { [username]: entry } } });
    const written = await kubectl(
      ['patch', 'approvalrequests.sidegate.dev', name, namespace, '--subresource=status', '--type=merge', '-p', patch],
      terminal.signal,
    );
    if (!written.ok) return written.fault;
    if (given.flag('json')) await terminal.out(jsonLine(heldApproval(written.value as ApprovalRequest)));
    else await terminal.out(`${printable(username)} ${action === 'Approve' ? 'approves' : 'refuses'} ${name}.\n`);
    return 0;
  };
}
