import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { KillSelection } from '@sidegate/crds';
import { isSelected } from './kill-selection.ts';
import { answer, openSession, say, sent, settle, World } from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const REFUSAL = { kind: 'Terminated', rule: 'kill', reason: 'dan ended this session: enough', hint: '' } as const;

test('a kill cancels what runs at the target, and only what runs', async () => {
  const world = new World();
  const busy = await openSession({ world });
  const idle = await openSession({ world });
  await say(busy, 'read');
  await say(idle, 'read');
  await answer(idle, 'row');
  for (const stage of [busy, idle]) {
    stage.crossed.length = 0;
    stage.session.terminate(REFUSAL, 'Killed');
  }
  await settle();
  expect(sent(busy)[0]).toBe('cancel> cancel');
  expect(sent(idle)).toEqual(['ended', 'agent< bye Terminated: dan ended this session: enough', 'close']);
  expect(busy.recorder.written).toContain('Finished 1 Lost');
});

test('a kill waits neither for a store that is away nor for room in the spool', async () => {
  const stage = await openSession({ durability: 'Central' });
  stage.recorder.stored = new Promise(() => {});
  await say(stage, 'one');
  stage.session.terminate(REFUSAL, 'Killed');
  await settle();
  const bye = 'agent< bye Terminated: dan ended this session: enough';
  expect(sent(stage)).toEqual(['cancel> cancel', 'ended', bye, 'close']);
  const blocked = await openSession();
  blocked.recorder.fault = { code: 'SpoolFull', message: 'The spool is full.' };
  await say(blocked, 'one');
  blocked.session.terminate(REFUSAL, 'Killed');
  const ended = ['hold reading', 'cancel> cancel', 'ended', 'close'];
  expect(sent(blocked)).toEqual(ended);
  blocked.recorder.fault = undefined;
  blocked.recorder.makeRoom();
  await settle();
  expect(sent(blocked)).toEqual([...ended, 'resume reading']);
  expect(blocked.recorder.written.at(-1)).toBe('Closed Killed');
});

test.each<[string, KillSelection, readonly string[]]>([
  ['one session', { session: 's2' }, ['s2']],
  ['a subject', { subject: 'bot' }, ['s1', 's3']],
  ['an AgentAccess', { agent: 'bots' }, ['s1', 's2', 's3']],
  ['an AgentAccess with its namespace', { agent: 'agents/bots' }, ['s1', 's2', 's3']],
  ['an agent by the name it claims', { agent: 'helper' }, ['s3']],
  ['a session that is not there', { session: 's9' }, []],
  ['the beginning of an id that is too short', { session: 's' }, []],
  ['a subject that is not there', { subject: 'helper' }, []],
])('a kill of %s ends those and leaves the others', async (_, which, ended) => {
  const world = new World();
  const stages = [
    await openSession({ world }),
    await openSession({ world, subject: 'another' }),
    await openSession({ world, claims: { agent: 'helper' } }),
  ];
  expect(world.sessions.terminate((session, door) => isSelected(which, session, door), REFUSAL, 'Killed')).toEqual(
    ended,
  );
  for (const stage of stages) await say(stage, 'read');
  for (const stage of stages) {
    const isEnded = ended.includes(stage.session.sessionId ?? '');
    expect(sent(stage)).toEqual(
      isEnded ? ['ended', 'agent< bye Terminated: dan ended this session: enough', 'close'] : ['target> read'],
    );
  }
  expect(world.recorder.written.filter((line) => line === 'Closed Killed')).toHaveLength(ended.length);
});
