import { assertNever, type HeldApproval } from '@sidegate/crds';
import { jsonLine } from '../read/json-line.ts';
import { askRun } from './owner-client.ts';
import type { OwnerCommand } from './owner-command.ts';

const DETAILS = `
Whoever runs sidegate run decides. Which groups that person is in, and under which token subject they ask for things themselves, stands
in the Configuration under owner. With --json the approval as it stands then; see sidegate approvals --help. Exit code 1: the word does not
count, and why is said (UnknownApproval, Ended, Expired, NotApprover, SelfApproval, AlreadyVoted, NotRunning).`;

/** `sidegate approve`. */
export const APPROVE: OwnerCommand = {
  name: 'approve',
  summary: 'Lets a held command pass.',
  words: 'ID',
  wordCount: { least: 1, most: 1 },
  options: { reason: { type: 'text', value: 'WHY', summary: 'Kept in the record of the command.' } },
  details: DETAILS,
  work: (socketPath, given, terminal) => decide('Approve', socketPath, given, terminal),
};

/** `sidegate refuse`. */
export const REFUSE: OwnerCommand = {
  name: 'refuse',
  summary: 'Refuses a held command; its session goes on.',
  words: 'ID',
  wordCount: { least: 1, most: 1 },
  options: { reason: { type: 'text', value: 'WHY', summary: 'Told to the agent, and kept in the record. Needed.' } },
  details: DETAILS,
  work: async (socketPath, given, terminal) => {
    if ((given.text('reason') ?? '').trim() !== '') return decide('Refuse', socketPath, given, terminal);
    return { code: 'Usage', message: 'A refusal needs --reason: the agent is told why.' };
  },
};

async function decide(
  verdict: 'Approve' | 'Refuse',
  ...[socketPath, given, terminal]: Parameters<OwnerCommand['work']>
): ReturnType<OwnerCommand['work']> {
  const [approval = ''] = given.words;
  const decided = await askRun(socketPath, { kind: 'Decide', approval, verdict, reason: given.text('reason') ?? '' });
  if (!decided.ok) return decided.fault;
  const { approval: now } = decided.value;
  await terminal.out(given.flag('json') ? jsonLine(now) : `${describeState(now)}\n`);
  return 0;
}

function describeState({ id, state, needed, votes }: HeldApproval): string {
  switch (state) {
    case 'Pending':
      return `${id} has ${votes.length} of ${needed} approvals.`;
    case 'Approved':
      return `${id} is approved.`;
    case 'Refused':
    case 'Expired':
    case 'Cancelled':
      return `${id} is ${state.toLowerCase()}.`;
    default:
      return assertNever(state);
  }
}
