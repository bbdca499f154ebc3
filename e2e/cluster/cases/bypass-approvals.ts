import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { BOT_USER, type Fields, type Ground } from '../bypass/ground.ts';
import { HELD, type HeldCommand, heldCommand } from '../bypass/held.ts';
import { type Outcome, outcomeOf } from '../bypass/outcome.ts';
import { withoutClauses } from '../bypass/removal.ts';

/** A user of the group that the rule names. */
const as = (user: string): readonly string[] => [`--as=${user}`, '--as-group=dba', '--as-group=system:authenticated'];
const DRY = ['--dry-run=server'];

const entry = (): Fields => ({
  action: 'Approve',
  reason: 'as agreed',
  decidedAt: new Date().toISOString(),
  groups: ['dba'],
});

/** Writes into the status of the request with kubectl. */
async function writes(
  ground: Ground,
  held: HeldCommand,
  user: string,
  status: Fields,
  more: readonly string[] = DRY,
): Promise<Outcome> {
  const name = held.path.split('/').at(-1) ?? '';
  const what = ['patch', 'approvalrequests.sidegate.dev', name, '-n', 'data', '--subresource=status', '--type=merge'];
  const patch = ['-p', JSON.stringify({ status })];
  return outcomeOf(await ground.stage.cluster.try([...what, ...patch, ...as(user), ...more]));
}

function writing(what: string, status: () => Fields, refusal: RegExp): Attempt {
  return { what, refusal, run: async (ground) => writes(ground, await heldCommand(ground), BOT_USER, status()) };
}

/** Whether the server has seen the held command. */
async function ran({ stage }: Ground): Promise<boolean> {
  return (await stage.postgresLog()).includes(HELD);
}

/** Has the entry of whoever asked written, past admission. Resolves with what the operator says of it. */
async function approvesItself(ground: Ground): Promise<Outcome> {
  const { cluster } = ground.stage;
  const held = await heldCommand(ground);
  await using _away = await withoutClauses('sidegate-approval-decisions/requester').take(ground);
  await cluster.until('the entry is written', async () => {
    const written = await writes(ground, held, BOT_USER, { decisions: { [BOT_USER]: entry() } }, []);
    if (!written.succeeded) throw new Error(written.said);
    return true;
  });
  // The operator says of every entry that does not count why it does not.
  const said = await cluster.until('the operator has judged the entry', async () => {
    const { status }: { status?: { conditions?: readonly Fields[] } } = Object(await ground.must({ path: held.path }));
    const words = (status?.conditions ?? []).map(({ reason, message }) => `${String(reason)} ${String(message)}`);
    return words.find((one) => /Approved|asked for this/.test(one));
  });
  return { succeeded: await ran(ground), said };
}

async function approvedByJane(ground: Ground): Promise<Outcome> {
  const held = await heldCommand(ground);
  const written = await writes(ground, held, 'jane', { decisions: { jane: entry() } }, []);
  if (!written.succeeded) return written;
  await ground.stage.cluster.until('the server sees it', async () => (await ran(ground)) || undefined);
  return { succeeded: true, said: 'the server ran it' };
}

function guarded(name: string, clause: string, what: string, ...attempts: readonly Attempt[]): Bypass {
  return { name, what, refusedBy: `\`${clause}\``, attempts, without: withoutClauses(clause) };
}

/** A command of an agent that has every right to decide. */
export const APPROVAL_BYPASSES: readonly Bypass[] = [
  guarded(
    'own-request',
    'sidegate-approval-decisions/requester',
    'one’s own request',
    writing(
      'its own entry',
      () => ({ decisions: { [BOT_USER]: entry() } }),
      /Nobody decides what they asked for themselves/,
    ),
  ),
  guarded(
    'other-name',
    'sidegate-approval-decisions/own',
    'one’s own request, in the name of somebody else',
    writing('an entry of jane’s', () => ({ decisions: { jane: entry() } }), /bears the name of the user who writes it/),
  ),
  guarded(
    'own-outcome',
    'sidegate-approval-decisions/conditions',
    'the outcome itself',
    writing(
      'the condition Decided',
      () => {
        const lastTransitionTime = new Date().toISOString();
        const said = { status: 'True', reason: 'Approved', message: 'It is approved.', lastTransitionTime };
        return { conditions: [{ type: 'Decided', ...said }] };
      },
      /What came of a request is said by the operator alone/,
    ),
  ),
  guarded('own-made-request', 'sidegate-approval-requests/create', 'a request that no gate asked for', {
    what: 'another ApprovalRequest of the same command',
    refusal: /made by the operator alone/,
    run: async (ground) => {
      const { request } = await heldCommand(ground);
      const made = { ...request, metadata: { name: 'made-up', namespace: 'data' }, status: undefined };
      const create = ['create', '-f', '-', ...DRY, ...as(BOT_USER)];
      return outcomeOf(await ground.stage.cluster.try(create, JSON.stringify(made)));
    },
  }),
  {
    name: 'own-approval',
    what: 'one’s own approval, where admission let it through',
    refusedBy: 'operator and gate, which judge every entry again',
    armedWith: 'the approval of somebody else',
    attempts: [
      {
        what: 'the command runs',
        refusal: /asked for this and may not decide it/,
        run: approvesItself,
        armed: approvedByJane,
      },
    ],
  },
];
