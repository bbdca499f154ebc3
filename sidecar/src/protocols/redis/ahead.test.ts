import { describe, expect, test } from '@jest/globals';
import type { Refusal } from '../protocol.ts';
import { writeCommand } from './codec.ts';
import { Talk } from './testing/talk.ts';

const DENIED: Refusal = { kind: 'Denied', rule: 'data/guard/later', reason: 'No longer.', hint: '' };
const isFull = ({ playback }: Talk): boolean => playback.isFull;

describe('what is sent behind a command that waits at the server is judged when its turn has come', () => {
  test.each<[waits: string, answer: string]>([
    ['BLPOP a b 0', '*-1\r\n'],
    ['BRPOPLPUSH a b 0', '$-1\r\n'],
    ['BLMPOP 0 1 a LEFT', '*-1\r\n'],
    ['BZPOPMIN a 0', '*-1\r\n'],
    ['XREAD COUNT 1 BLOCK 0 STREAMS a $', '*-1\r\n'],
    ['XREADGROUP GROUP g c BLOCK 0 STREAMS a >', '*-1\r\n'],
    ['WAIT 1 0', ':0\r\n'],
  ])('%s', (waits, answer) => {
    let later: 'Forward' | Refusal = 'Forward';
    const talk = new Talk({ answers: { settle: () => later } });
    talk.agent(waits, 'GET a', 'GET b');
    expect(talk.sent()).toBe(waits);
    later = DENIED;
    talk.server(answer);
    expect([talk.sent(), talk.told()]).toEqual(['', expect.stringMatching(/(-NOPERM data\/guard\/later: .*){2}$/)]);
  });

  test.each<[waits: string, answer: string]>([
    ['BLPOP a 0', '*-1\r\n'],
    ['SELECT 0', '+OK\r\n'],
    ['HELLO 2', '*2\r\n+proto\r\n:2\r\n'],
    ['RESET', '+RESET\r\n+OK\r\n'],
    ['EXEC x', "-ERR wrong number of arguments for 'exec' command\r\n"],
    ['PING', '+PONG\r\n'],
  ])('behind %s before what the server says next, however that is cut', (waits, answer) => {
    const outcome = (pendingCommandsMax: number, size: number): readonly unknown[] => {
      const talk = new Talk({ limits: { frameBytesMax: 1 << 20, pendingCommandsMax, preparedMax: 1 } });
      talk.agent(waits, 'GET a', 'GET b');
      const said = `${answer}$1\r\nx\r\nno reply\r\n`;
      for (let at = 0; at < said.length; at += size) talk.server(said.slice(at, at + size));
      return [talk.sent(), talk.told(), talk.finished()];
    };
    for (const pendingMax of [1, 64]) {
      const whole = outcome(pendingMax, 1000);
      expect(whole).toEqual(outcome(pendingMax, 1));
      expect(whole[0]).toMatch(/GET a; GET b$/);
    }
  });

  test.each(['XREAD STREAMS a 0', 'LPOP a', 'XREADGROUP GROUP g c STREAMS a >'])('%s does not wait', (line) => {
    const talk = new Talk();
    talk.agent(line, 'GET a');
    expect(talk.sent()).toBe(`${line}; GET a`);
  });

  test('in a transaction nothing waits', () => {
    const talk = new Talk();
    talk.agent('MULTI', 'BLPOP a 0', 'GET a', 'EXEC');
    expect(talk.sent()).toBe('MULTI; BLPOP a 0; GET a; EXEC');
  });
});

describe('an agent that sends ahead of the server is read up to a limit', () => {
  const ECHO = writeCommand(['ECHO', 'x'.repeat(1024 * 1024 - 100)]);
  const fill = (talk: Talk, megabytes: number): void => {
    for (let count = 0; count < megabytes; count += 1) talk.playback.agent(ECHO);
  };

  test('behind a command that waits', () => {
    const talk = new Talk();
    talk.agent('BLPOP never 0');
    fill(talk, 1);
    expect(isFull(talk)).toBe(false);
    fill(talk, 1);
    expect(isFull(talk)).toBe(true);
    talk.server('*-1\r\n');
    expect(isFull(talk)).toBe(false);
  });

  test('with as many commands on their way as there may be', () => {
    const talk = new Talk({ limits: { frameBytesMax: 1 << 20, pendingCommandsMax: 4, preparedMax: 1 } });
    fill(talk, 4 + 1);
    expect(isFull(talk)).toBe(false);
    fill(talk, 1);
    expect(isFull(talk)).toBe(true);
    talk.server('$1\r\nx\r\n');
    expect(isFull(talk)).toBe(false);
  });

  test('before its login is done', () => {
    const talk = new Talk({ unopened: true });
    talk.agent('HELLO 2');
    fill(talk, 1);
    expect(isFull(talk)).toBe(false);
    fill(talk, 1);
    expect(isFull(talk)).toBe(true);
    talk.server('*2\r\n+proto\r\n:2\r\n');
    expect(isFull(talk)).toBe(false);
  });

  test('a command that comes in many pieces is no reason', () => {
    const talk = new Talk({ limits: { frameBytesMax: 1 << 26, pendingCommandsMax: 4, preparedMax: 1 } });
    talk.playback.agent(Buffer.from('*2\r\n$4\r\nECHO\r\n$40000000\r\n'));
    talk.playback.agent(Buffer.alloc(39_000_000, 'x'));
    expect(isFull(talk)).toBe(false);
  });
});
