import { describe, expect, test } from '@jest/globals';
import { writeCommand } from './codec.ts';
import { Talk } from './testing/talk.ts';

const NAME = 'n'.repeat(100_000);
const heldBytes = ({ playback }: Talk): number => playback.heldBytes;
const say = ({ playback }: Talk, ...words: readonly string[]): void => playback.agent(writeCommand(words));

describe('names that a session keeps count for what it may hold', () => {
  test('of commands whose answers are to come', () => {
    const talk = new Talk();
    for (let count = 0; count < 10; count += 1) say(talk, 'GET', NAME);
    expect(heldBytes(talk)).toBeGreaterThan(1_000_000);
    talk.server('$-1\r\n'.repeat(9));
    expect(heldBytes(talk)).toBeLessThan(200_000);
    talk.server('$-1\r\n');
    expect(heldBytes(talk)).toBe(0);
  });

  test.each([
    ['EXEC', `*10\r\n${'$-1\r\n'.repeat(10)}`],
    ['DISCARD', '+OK\r\n'],
    ['RESET', '+RESET\r\n+OK\r\n'],
  ])('of what a transaction puts off, until %s', (end, answer) => {
    const talk = new Talk();
    talk.agent('MULTI');
    for (let count = 0; count < 10; count += 1) say(talk, 'GET', NAME);
    talk.server(`+OK\r\n${'+QUEUED\r\n'.repeat(10)}`);
    expect(heldBytes(talk)).toBeGreaterThan(1_000_000);
    talk.agent(end);
    talk.server(answer);
    expect(heldBytes(talk)).toBe(0);
  });

  test('of channels that it is subscribed to', () => {
    const talk = new Talk();
    const names = Array.from({ length: 10 }, (_, index) => `${NAME}${index}`);
    const confirm = (event: string, name: string): string =>
      `*3\r\n$${event.length}\r\n${event}\r\n$${name.length}\r\n${name}\r\n:1\r\n`;
    say(talk, 'SUBSCRIBE', ...names);
    expect(heldBytes(talk)).toBeGreaterThan(1_000_000);
    talk.server(names.map((name) => confirm('subscribe', name)).join(''));
    expect(heldBytes(talk)).toBeGreaterThan(1_000_000);
    say(talk, 'UNSUBSCRIBE', ...names);
    talk.server(names.map((name) => confirm('unsubscribe', name)).join(''));
    expect(heldBytes(talk)).toBe(0);
  });

  test('values that go on to the server do not', () => {
    const talk = new Talk();
    for (let count = 0; count < 10; count += 1) say(talk, 'SET', 'a', NAME);
    expect(heldBytes(talk)).toBeLessThan(10_000);
  });

  test('nor do their number in ordinary pipelines', () => {
    const talk = new Talk();
    for (let count = 0; count < 64; count += 1) say(talk, 'GET', 'a');
    expect(heldBytes(talk)).toBeLessThan(64 * 1024);
  });
});

describe('the arguments of a command that is not whole', () => {
  const begin = (): Talk => {
    const talk = new Talk();
    talk.playback.agent(Buffer.from('*100001\r\n$4\r\nMGET\r\n'));
    return talk;
  };

  test('count for more than their bytes', () => {
    const talk = begin();
    talk.playback.agent(Buffer.from('$1\r\na\r\n'.repeat(50_000)));
    expect(heldBytes(talk)).toBeGreaterThan(25_000_000);
  });

  test('count for more where each comes by itself', () => {
    const talk = begin();
    for (let count = 0; count < 5_000; count += 1) talk.playback.agent(Buffer.from('$1\r\na\r\n'));
    expect(heldBytes(talk)).toBeGreaterThan(5_000_000);
    talk.playback.agent(Buffer.from('$1\r\na\r\n'.repeat(95_000)));
    expect(talk.sent()).toMatch(/^MGET a a/);
    talk.server('*0\r\n');
    expect(heldBytes(talk)).toBe(0);
  });
});
