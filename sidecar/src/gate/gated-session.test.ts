import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Step } from '../protocols/protocol.ts';
import { commandOf, LineSession } from './testing/line-protocol.ts';
import { answer, openSession, openStage, rulesOf, say, sent, settle } from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test('a command and its answer are written before they cross', async () => {
  const stage = await openSession();
  await say(stage, 'read');
  await answer(stage, 'row');
  expect(stage.crossed).toEqual(['target> read @2', 'agent< row @4']);
  expect(stage.recorder.written).toEqual(['Judged read Allow', 'Forwarded 1', 'Answer row', 'Finished 1 Done']);
});

test('a denied command never reaches the target, and its neighbours in the pipeline do', async () => {
  const stage = await openSession({ denied: ['DROP'] });
  await say(stage, 'read', 'drop', 'write');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'target> read',
    'agent< refused data/p/r',
    'target> write',
  ]);
  expect(stage.recorder.written).toContain('Judged drop Deny');
  expect(stage.recorder.written).toContain('Finished 2 Refused');
  expect(stage.recorder.written).not.toContain('Forwarded 2');
});

test('a pipeline of many commands needs no deep stack', async () => {
  const stage = await openSession();
  await say(stage, ...Array.from({ length: 20_000 }, (_, index) => `c${index}`));
  expect(stage.crossed).toHaveLength(20_000);
});

test('with a full spool nothing crosses until there is room; then all does, in order', async () => {
  const stage = await openSession();
  stage.recorder.fault = { code: 'SpoolFull', message: 'The spool is full.' };
  await say(stage, 'one');
  expect(stage.crossed).toEqual(['hold reading @0']);
  stage.recorder.fault = undefined;
  stage.recorder.makeRoom();
  await settle();
  expect(stage.crossed).toEqual(['hold reading @0', 'resume reading @2', 'target> one @2']);
});

test('an agent that sends more than its session takes is not read until some of that is answered', async () => {
  const protocol = Object.assign(new LineSession(), { isFull: false });
  const stage = await openSession({ protocol });
  protocol.isFull = true;
  await say(stage, 'one');
  await say(stage, 'two');
  protocol.isFull = false;
  await answer(stage, '1');
  await answer(stage, '2');
  const held = stage.crossed.map((line) => line.replace(/ @.*/, '')).filter((line) => line.endsWith(' agent'));
  expect(held).toEqual(['hold agent', 'resume agent']);
});

test('an agent that is not read is asked every 10 seconds whether it is still there, and one that is read never', async () => {
  const probe = (): readonly Step[] => [{ kind: 'ToAgent', bytes: Buffer.from('there?') }];
  const stage = await openSession({ protocol: Object.assign(new LineSession(), { probe }) });
  const { world } = stage;
  const asked: number[] = [];
  for (let second = 0; second < 45; second++) {
    world.isAgentUnread = second >= 5 && second !== 30;
    stage.crossed.length = 0;
    world.sessions.tick(second * 1000);
    await settle();
    if (stage.crossed.some((line) => line.startsWith('agent< there?'))) asked.push(second);
  }
  expect(asked).toEqual([15, 25, 41]);
});

test('a session that holds more memory than it may ends with a word of that, and what it held is free for others', async () => {
  const MIB = 1024 * 1024;
  const protocol = Object.assign(new LineSession(), { heldBytes: 32 * MIB });
  const stage = await openSession({ protocol });
  await say(stage, 'one');
  expect(stage.crossed.map((line) => line.replace(/ @.*/u, ''))).toEqual(['target> one']);
  protocol.heldBytes += 1;
  await answer(stage, '1');
  expect(stage.crossed.slice(1).join('\n')).toMatch(
    /agent< bye LimitExceeded: This session holds 33554433 bytes .*may hold 33554432, all sessions together 67108864.* @\d+\nclose/u,
  );
  expect([stage.world.held.set({}, 32 * MIB), stage.world.held.set({}, 32 * MIB)]).toEqual([true, true]);
});

test('what an agent asks for and does not read counts as held', async () => {
  const MIB = 1024 * 1024;
  const stage = await openSession();
  await say(stage, 'one');
  stage.world.unsentBytes = 32 * MIB;
  await answer(stage, '1');
  expect(stage.crossed.join('\n')).not.toContain('bye');
  stage.world.unsentBytes += 1;
  await say(stage, 'two');
  expect(stage.crossed.join('\n')).toMatch(/agent< bye LimitExceeded: This session holds 33554433 bytes .*\nclose/u);
});

test.each<['SpoolFull' | 'SpoolBroken', number]>([
  ['SpoolFull', 30_000],
  ['SpoolBroken', 0],
])('when nothing can be recorded (%s) nothing is forwarded and the agent is told', async (code, afterMs) => {
  const stage = await openSession();
  // The platform's own timer stands behind AbortSignal.timeout; the recorder gives up at once instead.
  stage.recorder.fault = { code, message: 'No room.' };
  const abort = new AbortController();
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    setTimeout(() => abort.abort(), ms);
    return abort.signal;
  });
  await say(stage, 'one');
  await jest.advanceTimersByTimeAsync(afterMs);
  timeout.mockRestore();
  expect(stage.crossed.filter((line) => line.startsWith('target>'))).toEqual([]);
  expect(stage.crossed).toContainEqual(expect.stringContaining('agent< bye NotRecorded: Nothing can be recorded'));
  expect(stage.crossed.at(-1)).toBe('close @0');
  // Whoever comes now does not wait again.
  const late = openStage({ world: stage.world });
  late.session.receiveAgent(Buffer.from('login good\n'));
  // What is set immediately by something immediate runs only when time moves on.
  await jest.advanceTimersByTimeAsync(1);
  expect(sent(late)).toContainEqual(expect.stringContaining('agent< bye NotRecorded: Nothing can be recorded'));
  // Once there is room the record says how it ended, and others are served.
  stage.recorder.fault = undefined;
  stage.recorder.makeRoom();
  await settle();
  const next = openStage({ world: stage.world });
  next.session.receiveAgent(Buffer.from('login good\n'));
  await jest.advanceTimersByTimeAsync(1);
  expect(sent(next)).toEqual(['dial']);
  expect(stage.recorder.written.slice(0, 4)).toEqual([
    'Judged one Allow',
    'Forwarded 1',
    'Finished 1 Lost',
    'Closed Fault',
  ]);
});

test('with durability Central bytes wait for the store, and keep their order', async () => {
  const stage = await openSession({ durability: 'Central' });
  let stored: (result: Result<void, Fault<'StoreUnavailable'>>) => void = () => {};
  stage.recorder.stored = new Promise((resolve) => {
    stored = resolve;
  });
  await say(stage, 'one');
  stage.recorder.stored = Promise.resolve(ok(undefined));
  await say(stage, 'two');
  expect(stage.crossed).toEqual([]);
  stored(ok(undefined));
  await settle();
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual(['target> one', 'target> two']);
});

test('with durability Central a store that is away refuses', async () => {
  const stage = await openSession({ durability: 'Central' });
  stage.recorder.stored = Promise.resolve(fail({ code: 'StoreUnavailable', message: 'The store is away.' }));
  await say(stage, 'one');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'agent< bye NotRecorded: Nothing can be recorded, so nothing may pass: The store is away.',
    'ended',
    'close',
  ]);
});

test('what goes on by itself ends with the rules that allowed it', async () => {
  const command = commandOf('LISTEN');
  const stage = await openSession({ protocol: Object.assign(new LineSession(), { standing: () => [command] }) });
  stage.session.rulesChanged(rulesOf('v2', { denied: ['DROP'] }));
  await settle();
  expect(stage.crossed).toEqual([]);
  stage.session.rulesChanged(rulesOf('v3', { denied: ['LISTEN'] }));
  await settle();
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'ended',
    'agent< bye Denied: because',
    'close',
  ]);
  expect(stage.recorder.written).toContain('Closed Refused');
});

test('a policy change binds the next command of an open session', async () => {
  const stage = await openSession();
  await say(stage, 'drop');
  stage.session.rulesChanged(rulesOf('v2', { denied: ['DROP'] }));
  await say(stage, 'drop');
  expect(stage.recorder.written.filter((line) => line.startsWith('Judged'))).toEqual([
    'Judged drop Allow',
    'Judged drop Deny',
  ]);
});

test('the session ends with its token, also when no timer told it', async () => {
  const stage = await openSession({ expiresAtMs: 1_000 });
  stage.world.now = 999;
  await say(stage, 'one');
  stage.world.now = 1_000;
  await say(stage, 'two');
  expect(stage.crossed.filter((line) => line.startsWith('target>'))).toHaveLength(1);
  expect(stage.recorder.written.at(-1)).toBe('Closed Expired');
});

test('a connection that cannot be authenticated is told, recorded and closed, and the target is never dialled', async () => {
  const stage = openStage();
  await say(stage, 'login bad');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'ended',
    'agent< bye Unauthenticated: no',
    'close',
  ]);
  expect(stage.recorder.written).toEqual(['Opened', 'Closed Refused']);
});

test('where nobody can be asked a command that needs an approval is refused', async () => {
  const stage = await openSession({ desk: undefined });
  await say(stage, 'hold it');
  expect(sent(stage)).toEqual([
    'agent< refused data/p/r ApprovalRefused: because It needs an approval, and nobody can be asked here.',
  ]);
});
