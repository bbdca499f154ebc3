import { describe, expect, test } from '@jest/globals';
import { Talk } from './testing/talk.ts';

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const confirm = (kind: string, channel: string, count: number, head = '*'): string =>
  `${head}3\r\n${bulk(kind)}${bulk(channel)}:${count}\r\n`;
const SECRET = bulk('secret');

describe('answers stay with their commands', () => {
  test('where two channels look alike as text: one is a byte that is no UTF-8, the other how it is written', () => {
    const talk = new Talk();
    talk.agent('SUBSCRIBE "\\xff" "\\\\xff"', 'UNSUBSCRIBE', 'GET session:1', 'ECHO x');
    talk.server(confirm('subscribe', '\xff', 1) + confirm('subscribe', '\\xff', 2));
    talk.server(confirm('unsubscribe', '\xff', 1) + confirm('unsubscribe', '\\xff', 0));
    talk.told();
    talk.server(SECRET + bulk('x'));
    expect([talk.told(), talk.finished()]).toEqual(['$8 [masked] $1 x', ['Done', 'Done', 'Done', 'Done']]);
  });

  test('where one of the two goes, a message of the other is no answer', () => {
    const talk = new Talk();
    talk.agent('SUBSCRIBE "\\\\xff" secrets', 'UNSUBSCRIBE secrets "\\xff"', 'PING');
    talk.server(confirm('subscribe', '\\xff', 1) + confirm('subscribe', 'secrets', 2));
    talk.server(confirm('unsubscribe', 'secrets', 1) + confirm('unsubscribe', '\xff', 1));
    talk.told();
    talk.server(`*3\r\n${bulk('message')}${bulk('\\xff')}${bulk('hi')}`);
    expect([talk.told(), talk.finished()]).toEqual(['*3 $7 message $4 \\xff $2 hi', ['Done', 'Done']]);
  });

  test.each<[version: 2 | 3, head: string]>([
    [2, '*'],
    [3, '>'],
  ])('where a slot leaves the server, which ends a subscription unasked in RESP%d', (version, head) => {
    const talk = new Talk({ version });
    talk.agent('SSUBSCRIBE x');
    talk.server(confirm('ssubscribe', 'x', 1, head));
    talk.agent('GET session:1', 'ECHO x');
    talk.told();
    talk.server(confirm('sunsubscribe', 'x', 0, head) + SECRET + bulk('x'));
    expect(talk.told()).toBe(`${head}3 $12 sunsubscribe $1 x :0 $8 [masked] $1 x`);
    expect(talk.finished()).toEqual(['Done', 'Done', 'Done']);
  });

  test('where it does so while the same is asked for again', () => {
    const talk = new Talk({ version: 3 });
    talk.agent('SSUBSCRIBE x');
    talk.server(confirm('ssubscribe', 'x', 1, '>'));
    talk.agent('SSUBSCRIBE x', 'GET session:1', 'ECHO x');
    talk.told();
    talk.server(`${confirm('sunsubscribe', 'x', 0, '>')}-CLUSTERDOWN no\r\n${SECRET}${bulk('x')}`);
    expect(talk.told()).toBe('>3 $12 sunsubscribe $1 x :0 -CLUSTERDOWN no $8 [masked] $1 x');
    expect(talk.finished()).toEqual(['Done', 'Failed', 'Done', 'Done']);
  });
});

test('what is subscribed goes on, also what is not confirmed yet, and what is not any longer does not', () => {
  const talk = new Talk({ version: 3 });
  const standing = (): readonly string[] =>
    talk.playback.standing.map((one) =>
      one.protocol === 'Redis' ? [one.name, ...one.keys.map(({ name }) => name)].join(' ') : '',
    );
  talk.agent('SUBSCRIBE a "\\xff"', 'PSUBSCRIBE b*', 'SSUBSCRIBE c', 'UNSUBSCRIBE a');
  expect(standing()).toEqual(['SUBSCRIBE a \\xff', 'PSUBSCRIBE b*', 'SSUBSCRIBE c']);
  talk.server(confirm('subscribe', 'a', 1, '>') + confirm('subscribe', '\xff', 2, '>'));
  talk.server(confirm('psubscribe', 'b*', 3, '>') + confirm('ssubscribe', 'c', 1, '>'));
  expect(standing()).toEqual(['SUBSCRIBE a \\xff', 'PSUBSCRIBE b*', 'SSUBSCRIBE c']);
  talk.server(confirm('unsubscribe', 'a', 2, '>'));
  expect(standing()).toEqual(['SUBSCRIBE \\xff', 'PSUBSCRIBE b*', 'SSUBSCRIBE c']);
  talk.agent('RESET');
  talk.server('+RESET\r\n+OK\r\n');
  expect(standing()).toEqual([]);
});

describe('SUNSUBSCRIBE', () => {
  test.each<[version: 2 | 3, head: string, pong: string]>([
    [2, '*', '+PONG\r\n'],
    [2, '*', '*2\r\n$4\r\npong\r\n$0\r\n\r\n'],
    [3, '>', '+PONG\r\n'],
  ])('is followed by a PING of the gate in RESP%d, whose answer nobody sees', (version, head, pong) => {
    const talk = new Talk({ version });
    talk.agent('SSUBSCRIBE x y');
    talk.server(confirm('ssubscribe', 'x', 1, head) + confirm('ssubscribe', 'y', 2, head));
    talk.agent('SUNSUBSCRIBE x', 'GET session:1');
    expect(talk.sent()).toBe('SSUBSCRIBE x y; SUNSUBSCRIBE x; PING; GET session:1');
    talk.told();
    talk.server(confirm('sunsubscribe', 'x', 1, head) + pong + SECRET);
    expect([talk.told(), talk.finished()]).toEqual([
      `${head}3 $12 sunsubscribe $1 x :1 $8 [masked]`,
      ['Done', 'Done', 'Done'],
    ]);
  });

  test.each<[story: string, command: string, server: string]>([
    ['refused', 'SUNSUBSCRIBE x', '-MOVED 1 other:6379\r\n'],
    ['answered once more', 'SUNSUBSCRIBE x', confirm('sunsubscribe', 'x', 0)],
    ['answered that nothing is left', 'SUNSUBSCRIBE', '*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n'],
  ])('ends the session when it was ended unasked before, and is %s', (_, command, server) => {
    const talk = new Talk();
    talk.agent('SSUBSCRIBE x');
    talk.server(confirm('ssubscribe', 'x', 1));
    talk.agent(command, 'GET session:1', 'ECHO x');
    talk.server(`${confirm('sunsubscribe', 'x', 0)}${server}+PONG\r\n${SECRET}${bulk('x')}`);
    expect([talk.playback.closed, talk.told().includes('secret')]).toEqual([true, false]);
  });
});
