import { expect, test } from '@jest/globals';
import { EXHIBIT_MASKS } from './testing/exhibit.ts';
import { NO_MASKS, Talk } from './testing/talk.ts';

/** A session without masks, in which the server has begun to answer; then masks are added, and the rest comes. */
function toldAround(command: string, before: string, after: string, version: 2 | 3 = 2): string {
  const talk = new Talk({ version, answers: { masks: NO_MASKS } });
  talk.agent(command);
  talk.server(before);
  talk.playback.masksChanged(EXHIBIT_MASKS);
  talk.server(after);
  expect(talk.playback.violations).toEqual([]);
  return talk.told();
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

test.each<[story: string, command: string, before: string, after: string]>([
  ['a field', 'HGETALL customer:1', `*4\r\n${bulk('name')}${bulk('Ada')}${bulk('ssn')}`, bulk('078-05-1120')],
  ['a key', 'BLPOP session:1 0', `*2\r\n${bulk('session:1')}`, bulk('078-05-1120')],
  [
    'a field of an entry',
    'XRANGE customer:1 - +',
    `*1\r\n*2\r\n${bulk('1-0')}*2\r\n${bulk('ssn')}`,
    bulk('078-05-1120'),
  ],
])('masks that come between the name of %s and its value hold for the value', (_story, command, before, after) => {
  const told = toldAround(command, before, after);
  expect(told).toContain('[masked]');
  expect(told).not.toContain('078-05-1120');
});

test('and a value whose name is seen again is told apart again', () => {
  const before = `*6\r\n${bulk('name')}${bulk('Ada')}${bulk('ssn')}`;
  const after = `${bulk('078-05-1120')}${bulk('city')}${bulk('London')}`;
  expect(toldAround('HGETALL customer:1', before, after)).toContain('London');
});
