import { expect, test } from '@jest/globals';
import type { Refusal } from '../protocol.ts';
import { NO_MASKS, Talk } from './testing/talk.ts';

/** A session that may give so many rows and bytes. */
function limited(rows: number, bytes: number): Talk {
  const talk = new Talk({ answers: { masks: NO_MASKS } });
  const used = { rows: 0, bytes: 0 };
  const cut: Refusal = { kind: 'LimitExceeded', rule: 'data/guard/budget', reason: 'Used up.', hint: '' };
  talk.playback.meter = {
    take: (moreRows, moreBytes) => {
      if (used.rows + moreRows > rows || used.bytes + moreBytes > bytes) return cut;
      used.rows += moreRows;
      used.bytes += moreBytes;
      return undefined;
    },
  };
  return talk;
}

test('limits count keys', () => {
  const talk = limited(2, 1e9);
  talk.agent('MGET a b', 'GET c', 'PING');
  talk.server('*2\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n+PONG\r\n');
  expect(talk.told()).toBe('*2 $1 1 $1 2 -NOPERM data/guard/budget: Used up. +PONG');
  expect(talk.finished()).toEqual(['Done', 'Failed', 'Done']);
});

test('limits count names of keys, also those that a transaction gives', () => {
  const talk = limited(3, 1e9);
  talk.agent('MULTI', 'GET a', 'KEYS *', 'LRANGE b 0 -1', 'EXEC');
  talk.server('+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n');
  talk.told();
  talk.server('*3\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n');
  expect(talk.told()).toBe('-NOPERM data/guard/budget: Used up.');
  const enough = limited(4, 1e9);
  enough.agent('MULTI', 'GET a', 'KEYS *', 'LRANGE b 0 -1', 'EXEC');
  enough.server('+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n');
  enough.told();
  enough.server('*3\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n');
  expect(enough.told()).toBe('*3 $1 1 *2 $1 a $1 b *1 $1 1');
});

test.each<[string, string]>([
  ['SORT ids BY nosort GET order:*', '*3\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n'],
  ['SORT ids BY nosort GET order:* STORE all', ':2\r\n'],
])('limits count what SORT reads: %s', (line, answer) => {
  for (const [rows, told] of [
    [2, answer.replaceAll('\r\n', ' ').trimEnd()],
    [1, '-NOPERM data/guard/budget: Used up.'],
  ] as const) {
    const talk = limited(rows, 1e9);
    talk.agent(line);
    talk.server(answer);
    expect(talk.told()).toBe(told);
  }
});

test('limits count bytes: an answer is refused whole', () => {
  const talk = limited(1e9, 20);
  talk.agent('GET a', 'GET b');
  talk.server('$3\r\nabc\r\n$30\r\n012345678901234567890123456789\r\n');
  expect(talk.told()).toBe('$3 abc -NOPERM data/guard/budget: Used up.');
  expect(talk.playback.closed).toBe(false);
});

test('limits end the connection in the middle of an answer that has begun', () => {
  const talk = limited(1e9, 2_000_000);
  talk.agent('LRANGE a 0 -1');
  const element = `$60000\r\n${'x'.repeat(60_000)}\r\n`;
  talk.server(`*100\r\n${element.repeat(20)}`);
  expect(talk.playback.closed).toBe(false);
  talk.server(element.repeat(40));
  expect(talk.playback.closed).toBe(true);
  expect(talk.told()).not.toContain('Used up');
});
