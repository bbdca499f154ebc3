import type { HeldApproval } from '@sidegate/crds';
import { jsonLine } from '../read/json-line.ts';
import { describeApproval } from './approval-text.ts';
import { askRun } from './owner-client.ts';
import type { OwnerCommand } from './owner-command.ts';

const LOOK_MS = 500;

/** `sidegate approvals`: what waits for a human. */
export const APPROVALS: OwnerCommand = {
  name: 'approvals',
  summary: 'Shows commands that wait for an approval.',
  options: {
    watch: { type: 'flag', summary: 'Goes on, and shows each as it comes and as it ends, until Ctrl-C.' },
    all: { type: 'flag', summary: 'Also those that were decided or ended lately.' },
  },
  details: `
The whole command is shown, masks applied; one too long to show whole (16 KiB) is refused. Decide with sidegate approve ID or refuse ID.
With --json one approval a line: id, state (Pending, Approved, Refused, Expired, Cancelled), session, target, access, verified, claimed,
text, binds, sha256, rule, reason, approvers, needed, votes, grant, createdAtMs, expiresAtMs.`,
  async work(socketPath, given, terminal) {
    const seen = new Map<string, string>();
    let all = given.flag('all');
    for (;;) {
      const asked = await askRun(socketPath, { kind: 'Approvals' });
      if (!asked.ok) return asked.fault;
      const fresh = asked.value.approvals.filter((one) => isFresh(one, seen, all));
      for (const one of fresh) {
        const text = given.flag('json') ? jsonLine(one) : `${describeApproval(one, Date.now()).join('\n')}\n`;
        await terminal.out(text);
      }
      if (!given.flag('watch')) {
        if (fresh.length === 0 && !given.flag('json')) terminal.err('Nothing waits.');
        return 0;
      }
      // From the second look on everything new is told, how it ended as well.
      all = true;
      await terminal.pause(LOOK_MS);
      if (terminal.signal.aborted) return 0;
    }
  },
};

/** Something that was not told before, or stands otherwise than it was told. */
function isFresh(approval: HeldApproval, seen: Map<string, string>, all: boolean): boolean {
  const { id, state, votes } = approval;
  const now = `${state} ${votes.length}`;
  if (seen.get(id) === now) return false;
  seen.set(id, now);
  return all || state === 'Pending';
}
