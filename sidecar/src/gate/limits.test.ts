import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { LimitRule } from '@sidegate/policy';
import { answer, DAN, openSession, rulesOf, type Stage, say, sent, settle, World } from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function limit(parts: Partial<LimitRule>): LimitRule {
  const by = { policy: { namespace: 'data', name: 'p' }, rule: 'budget' };
  return { by, name: 'budget', perSeconds: 60, action: 'Deny', ...parts };
}

const ASKING = { action: 'RequireApproval', approval: { approvers: { groups: ['dba'] }, timeoutSeconds: 60 } } as const;

/** What crossed, reasons shortened to their numbers. */
function crossed(stage: Stage): readonly string[] {
  return sent(stage).map((line) => line.replace(/The limit budget of (.*) in 60 seconds is used up\./u, '$1'));
}

async function approve({ world }: Stage): Promise<void> {
  world.desk.decide(world.pending[0]?.id ?? '', 'Approve', DAN, 'go on');
  await settle();
}

test('commands are counted over all sessions of an agent, and one more is refused until the window has room', async () => {
  const world = new World();
  const limits = [limit({ commands: 3 })];
  const one = await openSession({ world, limits });
  const other = await openSession({ world, limits });
  const another = await openSession({ world, limits, subject: 'another' });
  await say(one, 'a', 'b');
  await say(other, 'c', 'd');
  await say(another, 'e');
  expect(crossed(one)).toEqual(['target> a', 'target> b']);
  expect(crossed(other)).toEqual(['target> c', 'agent< refused data/p/budget LimitExceeded: 3 commands']);
  expect(crossed(another)).toEqual(['target> e']);
  expect(other.recorder.written).toContain('Judged d Deny');
  await world.pass(60_998);
  await say(one, 'f');
  await world.pass(1);
  await say(one, 'g');
  expect(crossed(one).slice(2)).toEqual(['agent< refused data/p/budget LimitExceeded: 3 commands', 'target> g']);
});

test('what a session has spent is remembered after it has ended', async () => {
  const world = new World();
  const limits = [limit({ commands: 1 })];
  const one = await openSession({ world, limits });
  await say(one, 'a');
  one.session.agentLeft();
  world.budgets.tick(world.now);
  const other = await openSession({ world, limits });
  await say(other, 'b');
  expect(crossed(other)).toEqual(['agent< refused data/p/budget LimitExceeded: 1 command']);
  other.session.agentLeft();
  world.budgets.tick(world.now + 61_000);
  expect(world.budgets.size).toBe(0);
});

test('a reload of the policy forgets nothing, and a larger limit has room at once', async () => {
  const stage = await openSession({ limits: [limit({ commands: 1 })] });
  await say(stage, 'a');
  stage.session.rulesChanged(rulesOf('v2', { limits: [limit({ commands: 1 })] }));
  await say(stage, 'b');
  stage.session.rulesChanged(rulesOf('v3', { limits: [limit({ commands: 2 })] }));
  await say(stage, 'c', 'd');
  expect(crossed(stage)).toEqual([
    'target> a',
    'agent< refused data/p/budget LimitExceeded: 1 command',
    'target> c',
    'agent< refused data/p/budget LimitExceeded: 2 commands',
  ]);
});

test('rows are counted before they pass: the one too many is cut, and nothing more is begun', async () => {
  const stage = await openSession({ limits: [limit({ rows: 2 })] });
  await say(stage, 'a', 'b', 'c');
  await answer(stage, 'row');
  await answer(stage, 'row');
  await answer(stage, 'row');
  await say(stage, 'd');
  expect(crossed(stage).slice(3)).toEqual([
    'agent< row',
    'agent< row',
    'agent< cut data/p/budget: 2 rows',
    'agent< refused data/p/budget LimitExceeded: 2 rows',
  ]);
  expect(stage.recorder.written).toContain('Finished 3 Failed');
});

test.each([
  [4, 'agent< row'],
  [3, 'agent< cut data/p/budget: 3 bytes'],
])('bytes are counted before they pass: a limit of %i', async (bytes, expected) => {
  const stage = await openSession({ limits: [limit({ bytes })] });
  await say(stage, 'a');
  await answer(stage, 'row');
  expect(crossed(stage).slice(1)).toEqual([expected]);
});

test('a running answer is counted by the rules in force', async () => {
  const stage = await openSession({ limits: [limit({ rows: 10 })] });
  await say(stage, 'a');
  stage.session.rulesChanged(rulesOf('v2', { limits: [limit({ bytes: 1 })] }));
  await answer(stage, 'row');
  expect(crossed(stage).slice(1)).toEqual(['agent< cut data/p/budget: 1 byte']);
});

test('a limit that asks holds the next command; an approval makes it as good as new, once', async () => {
  const stage = await openSession({ limits: [limit({ commands: 2, ...ASKING })] });
  await say(stage, 'a', 'b', 'c', 'd', 'e');
  expect(crossed(stage).slice(2)).toEqual([expect.stringMatching(/^agent< wait this command waits.*2 commands/)]);
  expect(stage.world.pending).toMatchObject([{ text: 'c', rule: 'data/p/budget' }]);
  stage.crossed.length = 0;
  await approve(stage);
  expect(crossed(stage)).toEqual(['target> c', 'target> d', expect.stringMatching(/^agent< wait/)]);
  expect(stage.recorder.written).toContain('Hold 3 Approved, Approved by dan: go on');
});

test('a limit that asks and is not answered refuses', async () => {
  const stage = await openSession({ limits: [limit({ commands: 1, ...ASKING })] });
  await say(stage, 'a', 'b');
  await stage.world.pass(60_000);
  expect(crossed(stage).at(-1)).toBe(
    'agent< refused data/p/budget ApprovalRefused: Nobody approved it within 60 seconds.',
  );
});

test('a rule and a limit that both ask are answered one after the other, and the rule first', async () => {
  const stage = await openSession({ limits: [limit({ commands: 1, ...ASKING })] });
  await say(stage, 'a', 'hold b');
  expect(stage.world.pending).toMatchObject([{ rule: 'data/p/r' }]);
  await approve(stage);
  expect(stage.world.pending).toMatchObject([{ rule: 'data/p/budget' }]);
  expect(crossed(stage).filter((line) => line.startsWith('target>'))).toEqual(['target> a']);
  await approve(stage);
  expect(crossed(stage).at(-1)).toBe('target> hold b');
});

test('an approval of a limit is none of a rule of the same name', async () => {
  const by = { policy: { namespace: 'data', name: 'p' }, rule: 'r' };
  const stage = await openSession({ limits: [limit({ by, commands: 1, ...ASKING })] });
  await say(stage, 'a', 'b');
  await approve(stage);
  expect(crossed(stage).at(-1)).toBe('target> b');
  await say(stage, 'hold b');
  await approve(stage);
  await approve(stage);
  expect(crossed(stage).at(-1)).toBe('target> hold b');
  expect(stage.recorder.written.filter((line) => line.startsWith('Hold 3'))).toHaveLength(2);
});

test('a denied command is not counted', async () => {
  const stage = await openSession({ limits: [limit({ commands: 1 })], denied: ['DROP'] });
  await say(stage, 'drop', 'a', 'drop');
  expect(crossed(stage)).toEqual(['agent< refused data/p/r', 'target> a', 'agent< refused data/p/r']);
});
