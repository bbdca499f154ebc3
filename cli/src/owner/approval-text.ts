import type { HeldApproval } from '@sidegate/crds';
import { printable } from '../read/printable.ts';
import { showDuration } from '../read/time.ts';

/** A held command as lines for the person who decides it: who asks, proved and claimed apart, what, and why it waits. */
export function describeApproval(approval: HeldApproval, nowMs: number): readonly string[] {
  const { id, target, access, verified, claimed, text, binds, rule, reason, sha256, session } = approval;
  const groups = verified.groups === undefined ? 'groups unknown' : `groups ${verified.groups.join(', ') || 'none'}`;
  const claims = Object.entries(claimed).map(([name, value]) => `${name}=${value}`);
  const way = `${target.namespace}/${target.name} through ${access.namespace}/${access.name}, session ${session}`;
  return [
    `${printable(id)}  ${standing(approval, nowMs)}`,
    `  who       ${printable(verified.subject)} (${printable(verified.issuer)}; ${printable(groups)})`,
    ...(claims.length === 0 ? [] : [`  claims    ${printable(claims.join(', '))}`]),
    `  target    ${printable(way)}`,
    `  rule      ${printable(`${rule}: ${reason}`)}`,
    ...whole('command', text),
    ...binds.flatMap((bind, index) => whole(`$${index + 1}`, bind ?? 'NULL')),
    `  sha256    ${printable(sha256)}`,
    `  approvers ${printable(approversOf(approval))}; ${grantOf(approval)}`,
    ...approval.votes.map(
      ({ user, verdict, reason: why }) =>
        `  ${verdict === 'Approve' ? 'approved' : 'refused '}  by ${printable(user)}${why === '' ? '' : `: ${printable(why)}`}`,
    ),
  ];
}

function standing({ state, expiresAtMs, needed, votes }: HeldApproval, nowMs: number): string {
  if (state !== 'Pending') return state.toLowerCase();
  const left = showDuration(Math.max(0, expiresAtMs - nowMs) * 1000);
  return `waits, ${left} left${needed > 1 ? `, ${votes.length} of ${needed} approvals` : ''}`;
}

/** Never cut, and nothing taken out: who approves sees all of it. */
function whole(title: string, text: string): readonly string[] {
  const [first = '', ...others] = printable(text, 'exact').split('\n');
  return [`  ${title.padEnd(9)} ${first}`, ...others.map((line) => `            ${line}`)];
}

function approversOf({ approvers: { groups, subjects }, needed }: HeldApproval): string {
  const names = [...groups.map((group) => `group ${group}`), ...subjects];
  return `${needed > 1 ? `${needed} of ` : ''}${names.join(', ')}`;
}

function grantOf({ grant: { scope, windowSeconds } }: HeldApproval): string {
  switch (scope) {
    case 'Command':
      return 'for this one command';
    case 'Session':
      return 'for this command for the rest of the session';
    default:
      return `for this command for ${windowSeconds ?? 0} seconds`;
  }
}
