import { expect, test } from '@jest/globals';
import { Flow, type Piece } from './flow.ts';

const piece = (text: string, isStderr = false): Piece => {
  const data = Buffer.from(text);
  return { isStderr, data, recorded: data };
};

function taken(flow: Flow): readonly string[] {
  const all: string[] = [];
  for (let one = flow.next(); one !== undefined; one = flow.next()) {
    all.push(`${one.isStderr ? 'err ' : ''}${Buffer.from(one.data).toString()}`);
  }
  return all;
}

test('what waits goes on in packets as large as its receiver takes, however small the pieces were', () => {
  const flow = new Flow(0, 10);
  for (const one of 'abcdefghijklmnopqrstuvwxyz') flow.push(piece(one));
  expect([taken(flow), flow.queued, flow.isEmpty]).toEqual([[], 26, false]);
  flow.widen(13);
  expect([taken(flow), flow.queued]).toEqual([['abcdefghij', 'klm'], 13]);
  flow.widen(100);
  expect([taken(flow), flow.queued, flow.isEmpty]).toEqual([['nopqrstuvw', 'xyz'], 0, true]);
});

test('both outputs keep their order', () => {
  const flow = new Flow(100, 10);
  for (const one of [piece('a'), piece('b'), piece('c', true), piece('d', true), piece('e')]) flow.push(one);
  expect(taken(flow)).toEqual(['ab', 'err cd', 'e']);
});

test('what has a place of its own is not joined', () => {
  const flow = new Flow(100, 10);
  let turns = 0;
  const empty = new Uint8Array(0);
  flow.push(piece('a'));
  flow.push({ isStderr: false, data: empty, recorded: empty, atItsTurn: () => (turns += 1) });
  flow.push({ ...piece('b'), recorded: Buffer.from('[masked]') });
  flow.push({ ...piece('c'), leave: () => undefined });
  flow.push(piece('d'));
  flow.push(piece('e'));
  const all: (readonly [string, string])[] = [];
  for (let one = flow.next(); one !== undefined; one = flow.next()) {
    one.atItsTurn?.();
    all.push([Buffer.from(one.data).toString(), Buffer.from(one.recorded).toString()]);
  }
  expect([all, turns]).toEqual([
    [
      ['a', 'a'],
      ['', ''],
      ['b', '[masked]'],
      ['c', 'c'],
      ['de', 'de'],
    ],
    1,
  ]);
});

test('all that waits can be taken or dropped, up to what has a place of its own', () => {
  const flow = new Flow(0, 10);
  const empty = new Uint8Array(0);
  const turn: Piece = { isStderr: false, data: empty, recorded: empty, atItsTurn: () => undefined };
  for (const one of [piece('a'), piece('b'), turn]) flow.push(one);
  flow.dropData();
  expect([flow.queued, flow.next()]).toEqual([0, turn]);
  for (const one of 'xyz') flow.push(piece(one));
  expect(flow.takeAll().map(({ data }) => Buffer.from(data).toString())).toEqual(['xyz']);
  expect([flow.queued, flow.isEmpty]).toEqual([0, true]);
});
