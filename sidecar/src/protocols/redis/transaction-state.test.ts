import { describe, expect, test } from '@jest/globals';
import { Talk } from './testing/talk.ts';

/** What the gate asked to judge last. */
const lastJudged = (talk: Talk): string => talk.playback.trace.findLast(({ kind }) => kind === 'Judge')?.details ?? '';

describe('what the server refuses does not move the session', () => {
  test.each(['EXEC now', 'DISCARD it'])('%s leaves a transaction open, so a SELECT in it waits for EXEC', (wrong) => {
    const talk = new Talk({ target: { databases: ['0', '1'] } });
    talk.agent('MULTI', wrong);
    talk.server("+OK\r\n-ERR wrong number of arguments for 'exec' command\r\n");
    talk.told();
    talk.agent('SELECT 1');
    expect(talk.told()).toMatch(/^-NOPERM/);
  });

  test('EXEC with arguments ends a transaction where the server says so, and nothing is read before', () => {
    const talk = new Talk({ target: { databases: ['0', '1'] } });
    talk.agent('MULTI', 'GET a', 'EXEC now', 'SELECT 1', 'GET b');
    expect(talk.sent()).toBe('MULTI; GET a; EXEC now');
    talk.server('+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: wrong number of arguments\r\n');
    expect(talk.sent()).toBe('SELECT 1');
    talk.server('+OK\r\n');
    expect(lastJudged(talk)).toContain('"place":{"database":"1"}');
    expect([talk.sent(), talk.playback.violations]).toEqual(['GET b', []]);
  });

  test('an aborted EXEC does not end the transaction that was begun behind it', () => {
    const talk = new Talk({ target: { databases: ['0', '1'] } });
    talk.agent('MULTI', 'LPUSH', 'EXEC', 'MULTI');
    talk.server('+OK\r\n-ERR wrong number of arguments\r\n-EXECABORT Transaction discarded\r\n+OK\r\n');
    talk.told();
    talk.agent('SELECT 1');
    expect(talk.told()).toMatch(/^-NOPERM/);
  });

  test.each<[story: string, end: string, answer: string, place: string | undefined]>([
    ['that is carried out moves it', 'EXEC', '*2\r\n+OK\r\n$-1\r\n', '"place":{"database":"1"}'],
    ['that fails does not', 'EXEC', '*2\r\n-ERR out of range\r\n$-1\r\n', undefined],
    ['whose transaction is aborted does not', 'EXEC', '-EXECABORT no\r\n', undefined],
    ['that is thrown away does not', 'DISCARD', '+OK\r\n', undefined],
  ])('a SELECT in a transaction %s', (_story, end, answer, place) => {
    const talk = new Talk();
    talk.agent('MULTI', 'SELECT 1', 'GET a');
    expect(lastJudged(talk)).toContain('"database":"1 (if SELECT in EXEC succeeds)"');
    talk.agent(end, 'GET b');
    talk.server('+OK\r\n+QUEUED\r\n+QUEUED\r\n');
    talk.server(answer);
    expect(lastJudged(talk)).toContain('"text":"GET b"');
    if (place === undefined) expect(lastJudged(talk)).not.toContain('"place"');
    else expect(lastJudged(talk)).toContain(place);
    expect(talk.playback.violations).toEqual([]);
  });
});

test('a command in another database says so', () => {
  const talk = new Talk();
  talk.agent('GET a');
  expect(lastJudged(talk)).not.toContain('"place"');
  talk.server('$-1\r\n');
  talk.agent('SELECT 1');
  talk.server('+OK\r\n');
  talk.agent('GET a');
  expect(lastJudged(talk)).toContain('"place":{"database":"1"}');
});

test('a command that a transaction puts off says so, since the agent says when it runs', () => {
  const talk = new Talk();
  talk.agent('MULTI', 'GET a');
  expect(lastJudged(talk)).toContain('"place":{"transaction":"(runs when the agent says EXEC)"}');
  talk.agent('EXEC', 'GET a');
  expect(lastJudged(talk)).not.toContain('"place"');
});
