import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Approver } from '@sidegate/policy';
import { APPROVAL_TEXT_LENGTH_MAX } from './approval-question.ts';
import {
  answer,
  DAN,
  EVE,
  openSession,
  type RulesScript,
  rulesOf,
  type Stage,
  type StageOptions,
  say,
  sent,
  settle,
  World,
} from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const BOT: Approver = { user: 'bot', subject: 'bot', groups: ['dba'] };
const STRANGER: Approver = { user: 'zoe', subject: 'zoe', groups: ['sales'] };

/** A session in which `line` waits; the notice about it is forgotten. */
async function openHeld(options: StageOptions = {}, line = 'hold it'): Promise<Stage> {
  const stage = await openSession(options);
  await say(stage, line);
  expect(sent(stage)).toEqual([expect.stringMatching(/^agent< wait this command waits for approval/)]);
  stage.crossed.length = 0;
  return stage;
}

async function decide(
  { world }: Stage,
  verdict: 'Approve' | 'Refuse',
  by: Approver = DAN,
  id = world.pending[0]?.id ?? '',
  reason = 'fine',
): Promise<string> {
  const decided = world.desk.decide(id, verdict, by, reason);
  await settle();
  return decided.ok ? decided.value.state : decided.fault.code;
}

function forwarded(stage: Stage): readonly string[] {
  return sent(stage).filter((line) => line.startsWith('target>'));
}

test('a held command is forwarded once it is approved, after the record says by whom', async () => {
  const stage = await openHeld();
  expect(await decide(stage, 'Approve')).toBe('Approved');
  expect(stage.crossed).toEqual(['target> hold it @4']);
  expect(stage.recorder.written).toEqual([
    'Judged hold it RequireApproval',
    'Hold 1 Approved, Approved by dan: fine',
    'Judged hold it Allow',
    'Forwarded 1',
  ]);
});

test('a held command is refused when it is refused, and the session goes on', async () => {
  const stage = await openHeld();
  expect(await decide(stage, 'Refuse')).toBe('Refused');
  await say(stage, 'read');
  expect(sent(stage)).toEqual(['agent< refused data/p/r ApprovalRefused: dan refused it: fine', 'target> read']);
  expect(stage.recorder.written).toContain('Hold 1 Refused, Refused by dan: fine (dan refused it: fine)');
});

test('a held command is refused when its time is over, and not a millisecond before', async () => {
  const stage = await openHeld();
  await stage.world.pass(59_999);
  expect(stage.crossed).toEqual([]);
  await stage.world.pass(1);
  expect(sent(stage)).toEqual(['agent< refused data/p/r ApprovalRefused: Nobody approved it within 60 seconds.']);
  expect(stage.recorder.written).toContain('Hold 1 Expired (Nobody approved it within 60 seconds.)');
});

test('a clock that was set back lets nobody wait for ever, nor expire early', async () => {
  const stage = await openHeld();
  stage.world.now -= 30_000;
  await stage.world.pass(60_000);
  expect(stage.crossed).toEqual([]);
  await stage.world.pass(30_000);
  expect(sent(stage)).toEqual([expect.stringContaining('Nobody approved it')]);
});

test.each<[string, (stage: Stage) => void, RegExp]>([
  ['its agent has left', ({ session }) => session.agentLeft(), /^Hold 1 Cancelled .The agent closed the connection/],
  ['its target has left', ({ session }) => session.targetLeft('Gone.'), /^Hold 1 Cancelled .Gone/],
  ['its session was ended', ({ session }) => session.expire(), /^Hold 1 Cancelled .The token/],
])('a held command cannot be approved after %s', async (_, leave, recorded) => {
  const stage = await openHeld();
  const id = stage.world.pending[0]?.id;
  leave(stage);
  await settle();
  expect(stage.world.pending).toEqual([]);
  expect(await decide(stage, 'Approve', DAN, id)).toBe('Ended');
  expect(forwarded(stage)).toEqual([]);
  expect(stage.recorder.written).toContainEqual(expect.stringMatching(recorded));
  expect(stage.recorder.written.filter((line) => line === 'Finished 1 Lost')).toHaveLength(1);
});

test('an approval after the token has ended lets nothing pass', async () => {
  const stage = await openHeld({ expiresAtMs: 1_000 });
  stage.world.now = 1_000;
  await decide(stage, 'Approve');
  expect(forwarded(stage)).toEqual([]);
  expect(stage.recorder.written.at(-1)).toBe('Closed Expired');
});

test('the agent can cancel what waits; what runs is cancelled at the target', async () => {
  const stage = await openHeld();
  expect(stage.session.cancel()).toBeUndefined();
  await settle();
  expect(sent(stage)).toEqual([expect.stringContaining('The agent cancelled it while it waited.')]);
  expect(stage.world.pending).toEqual([]);
  expect(stage.session.cancel()).toEqual(Buffer.from('cancel\n'));
});

test.each<[string, Approver, string]>([
  ['who asked', BOT, 'SelfApproval'],
  ['whom the rule does not name', STRANGER, 'NotApprover'],
])('nobody %s may approve', async (_, by, code) => {
  const stage = await openHeld();
  expect(await decide(stage, 'Approve', by)).toBe(code);
  expect(stage.crossed).toEqual([]);
  expect(await decide(stage, 'Approve')).toBe('Approved');
});

test('an approval counts once, for one command', async () => {
  const stage = await openHeld();
  const id = stage.world.pending[0]?.id;
  await decide(stage, 'Approve');
  expect(await decide(stage, 'Approve', EVE, id)).toBe('Ended');
  await answer(stage, 'ok');
  stage.crossed.length = 0;
  await say(stage, 'hold it');
  expect(forwarded(stage)).toEqual([]);
  expect(stage.world.pending).toHaveLength(1);
  expect(stage.world.pending[0]?.id).not.toBe(id);
});

test('an id that nobody gave is unknown', async () => {
  const stage = await openHeld();
  expect(await decide(stage, 'Approve', DAN, 'zzzzz')).toBe('UnknownApproval');
});

test('a rule that asks for two people waits for two', async () => {
  const stage = await openHeld({ terms: { count: 2 } });
  expect(await decide(stage, 'Approve', DAN)).toBe('Pending');
  expect(await decide(stage, 'Approve', DAN)).toBe('AlreadyVoted');
  expect(stage.crossed).toEqual([]);
  expect(await decide(stage, 'Approve', EVE)).toBe('Approved');
  expect(forwarded(stage)).toEqual(['target> hold it']);
});

test('two rules that ask are answered one after the other', async () => {
  const stage = await openHeld({}, 'hold twice');
  expect(await decide(stage, 'Approve')).toBe('Approved');
  expect(sent(stage)).toEqual([expect.stringContaining('data/p/r2')]);
  expect(await decide(stage, 'Approve', EVE)).toBe('Approved');
  expect(forwarded(stage)).toEqual(['target> hold twice']);
  expect(stage.recorder.written).toEqual([
    'Judged hold twice RequireApproval',
    'Hold 1 Approved, Approved by dan: fine',
    'Judged hold twice RequireApproval',
    'Hold 1 Approved, Approved by eve: fine',
    'Judged hold twice Allow',
    'Forwarded 1',
  ]);
});

test('commands behind a held one wait in their order, and other sessions do not', async () => {
  const world = new World();
  const stage = await openHeld({ world });
  const other = await openSession({ world });
  await say(stage, 'next');
  await say(other, 'read');
  expect(stage.crossed).toEqual([]);
  expect(forwarded(other)).toEqual(['target> read']);
  await decide(stage, 'Approve');
  expect(forwarded(stage)).toEqual(['target> hold it', 'target> next']);
});

test.each<[string, RulesScript, RegExp, string]>([
  ['allows it, it passes', { released: ['HOLD IT'] }, /^target> hold it$/, 'Judged hold it Allow'],
  ['denies it, it is refused', { denied: ['HOLD IT'] }, /^agent< refused data.p.r$/, 'Judged hold it Deny'],
  [
    'asks as well, it is asked anew',
    {},
    /^agent< wait this command waits for approval/,
    'Judged hold it RequireApproval',
  ],
])('when the policy changes and %s', async (_, script, crossed, judged) => {
  const stage = await openHeld();
  const id = stage.world.pending[0]?.id;
  stage.session.rulesChanged(rulesOf('v2', script));
  await settle();
  expect(sent(stage)).toEqual([expect.stringMatching(crossed)]);
  expect(stage.recorder.written).toContain('Hold 1 Cancelled (The policy changed; the command was judged anew.)');
  expect(stage.recorder.written.filter((line) => line.startsWith('Judged')).at(-1)).toBe(judged);
  expect(await decide(stage, 'Approve', DAN, id)).toBe('Ended');
});

test('the same policy sent again disturbs nobody who waits', async () => {
  const stage = await openHeld();
  stage.session.rulesChanged(rulesOf('v1'));
  expect(await decide(stage, 'Approve')).toBe('Approved');
  expect(forwarded(stage)).toEqual(['target> hold it']);
});

test('a session that may no longer be open leaves nothing waiting', async () => {
  const stage = await openHeld();
  stage.world.sessions.rebind({
    version: 'v2',
    openSession: () => ({ ok: false, fault: { code: 'Suspended', message: 'Suspended.' } }),
  });
  await settle();
  expect(stage.world.pending).toEqual([]);
  expect(forwarded(stage)).toEqual([]);
});

test('a grant for the session lets the same command pass again there, and nothing else', async () => {
  const world = new World();
  const terms = { grant: { scope: 'Session' } } as const;
  const stage = await openHeld({ world, terms });
  const other = await openSession({ world, terms });
  await decide(stage, 'Approve');
  await world.pass(1_000_000);
  await say(stage, 'hold it', 'hold that');
  expect(forwarded(stage)).toEqual(['target> hold it', 'target> hold it']);
  await say(other, 'hold it');
  expect(forwarded(other)).toEqual([]);
  expect(stage.recorder.written.filter((line) => line.startsWith('Hold 2'))).toEqual([
    expect.stringMatching(/^Hold 2 Approved, Approved by dan: fine \(An earlier approval/),
  ]);
  expect(world.pending.map(({ text }) => text)).toEqual(['hold that', 'hold it']);
});

test('a grant for a window ends when it says, in open sessions as well', async () => {
  const world = new World();
  const terms = { grant: { scope: 'Window', windowSeconds: 100 } } as const;
  const stage = await openHeld({ world, terms });
  const other = await openSession({ world, terms });
  const otherTarget = await openSession({ world, terms, target: 'production' });
  const otherSubject = await openSession({ world, terms, subject: 'another' });
  await decide(stage, 'Approve');
  await world.pass(99_999);
  for (const one of [other, otherTarget, otherSubject]) await say(one, 'hold it');
  expect(forwarded(other)).toEqual(['target> hold it']);
  expect(forwarded(otherTarget)).toEqual([]);
  expect(forwarded(otherSubject)).toEqual([]);
  await world.pass(1);
  await say(other, 'hold it');
  expect(forwarded(other)).toEqual(['target> hold it']);
});

test('a grant ends with the rules that it was given under', async () => {
  const stage = await openHeld({ terms: { grant: { scope: 'Session' } } });
  await decide(stage, 'Approve');
  const before = rulesOf('v2', { terms: { grant: { scope: 'Session' } } });
  stage.session.rulesChanged(before);
  await say(stage, 'hold it');
  expect(forwarded(stage)).toEqual(['target> hold it']);
  expect(stage.world.pending).toHaveLength(1);
});

test.each([
  [APPROVAL_TEXT_LENGTH_MAX, 'waits'],
  [APPROVAL_TEXT_LENGTH_MAX + 1, 'refused'],
])('a command of %i characters that needs an approval %s', async (length, expected) => {
  const stage = await openSession();
  await say(stage, `hold ${'x'.repeat(length - 'hold '.length)}`);
  expect(sent(stage)).toEqual([expect.stringContaining(expected)]);
  expect(stage.world.pending.map(({ text }) => text.length)).toEqual(expected === 'waits' ? [length] : []);
});

test('more of what was approved needs no approval of its own, and more of anything else does', async () => {
  const stage = await openHeld();
  await decide(stage, 'Approve');
  await say(stage, 'hold more #1', 'hold more #2', 'hold other #9');
  expect(forwarded(stage)).toEqual(['target> hold it', 'target> hold more #1', 'target> hold more #2']);
  expect(stage.world.pending.map(({ text }) => text)).toEqual(['hold other #9']);
  stage.session.rulesChanged(rulesOf('v2', { released: ['HOLD OTHER #9'] }));
  await say(stage, 'hold more #1');
  expect(stage.world.pending.map(({ text }) => text)).toEqual(['hold more #1']);
});

test('an agent may send so much ahead of a held command, and no more', async () => {
  const stage = await openHeld();
  const line = Buffer.alloc(1024 * 1024, 'x');
  for (let megabytes = 0; megabytes < 16; megabytes++) stage.session.receiveAgent(line);
  await settle();
  expect(stage.crossed).toEqual([]);
  stage.session.receiveAgent(Buffer.from('x'));
  await settle();
  expect(sent(stage)).toEqual(['ended', expect.stringContaining('were sent while a command waits'), 'close']);
  expect(stage.world.pending).toEqual([]);
});

test('so many commands wait and not one more', async () => {
  const world = new World();
  const stages: Stage[] = [];
  for (let count = 0; count < 4; count++) {
    const stage = await openSession({ world });
    await say(stage, 'hold it');
    stages.push(stage);
  }
  expect(world.pending).toHaveLength(3);
  expect(stages.map((stage) => sent(stage)[0]?.slice(0, 14))).toEqual([
    ...Array.from({ length: 3 }, () => 'agent< wait th'),
    'agent< refused',
  ]);
});

test('an approver sees who asks, proved and claimed apart, and what is asked', async () => {
  const { world } = await openHeld({ claims: { agent: 'helper', onBehalfOf: 'carol' } });
  expect(world.desk.list()).toEqual([
    {
      id: expect.stringMatching(/^[a-z0-9]{5}$/),
      state: 'Pending',
      session: 's1',
      target: { namespace: 'data', name: 'db' },
      access: { namespace: 'agents', name: 'bots' },
      verified: { issuer: 'i', subject: 'bot', groups: [] },
      claimed: { agent: 'helper', onBehalfOf: 'carol' },
      text: 'hold it',
      binds: [],
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      rule: 'data/p/r',
      reason: 'because',
      approvers: { groups: ['dba'], subjects: [] },
      needed: 1,
      votes: [],
      grant: { scope: 'Command' },
      createdAtMs: 1,
      expiresAtMs: 60_001,
    },
  ]);
});
