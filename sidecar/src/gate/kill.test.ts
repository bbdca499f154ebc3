import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { KillSelection } from '@sidegate/crds';
import { isSelected } from './kill-selection.ts';
import { openSession, say, sent, World } from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const REFUSAL = { kind: 'Terminated', rule: 'kill', reason: 'dan ended this session: enough', hint: '' } as const;

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
