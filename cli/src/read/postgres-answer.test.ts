import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backend, dataRow, int16, int32, READY, rowDescription } from '../testing/backend-bytes.ts';
import { PostgresAnswer } from './postgres-answer.ts';

const ANSWER = Buffer.concat([
  backend('1'),
  rowDescription(['id', 23], ['name']),
  dataRow('1', 'Anna'),
  dataRow('2', undefined),
  backend('C', 'SELECT 2'),
  backend('N', 'SNOTICE', 'VNOTICE', 'C00000', 'Mhello', Buffer.from([0])),
  backend('E', 'SFEHLER', 'VERROR', 'C42501', 'Mdenied', 'Dby data/p/r', 'Hask', Buffer.from([0])),
  backend('H', Buffer.from([0]), int16(0)),
  backend('d', Buffer.from('a\tb\n')),
  backend('c'),
  backend('A', int32(7), 'jobs', 'payload'),
  backend('s'),
  READY,
]);

const ITEMS = [
  {
    kind: 'Columns',
    columns: [
      { name: 'id', typeOid: 23, binary: false },
      { name: 'name', typeOid: 25, binary: false },
    ],
  },
  { kind: 'Row', values: ['1', 'Anna'] },
  { kind: 'Row', values: ['2', undefined] },
  { kind: 'Complete', tag: 'SELECT 2' },
  { kind: 'Notice', fields: { severity: 'NOTICE', code: '00000', message: 'hello', detail: '', hint: '' } },
  {
    kind: 'Error',
    fields: { severity: 'ERROR', code: '42501', message: 'denied', detail: 'by data/p/r', hint: 'ask' },
  },
  { kind: 'CopyData', text: 'a\tb\n' },
  { kind: 'Notification', channel: 'jobs', payload: 'payload' },
  { kind: 'Suspended' },
];

function read(...pieces: readonly Uint8Array[]) {
  const answer = new PostgresAnswer();
  return pieces.flatMap((piece) => [...answer.add(piece)]);
}

describe('an answer', () => {
  test('is read whole, byte by byte, and split at every byte alike', () => {
    expect(read(ANSWER)).toEqual(ITEMS);
    expect(read(...Array.from(ANSWER, (byte) => Uint8Array.of(byte)))).toEqual(ITEMS);
    for (let at = 1; at < ANSWER.length; at += 1) {
      expect(read(ANSWER.subarray(0, at), ANSWER.subarray(at))).toEqual(ITEMS);
    }
  });

  test('of noise never throws, and ends with saying so or with nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const items = read(...pieces);
        const broken = items.findIndex(({ kind }) => kind === 'Unreadable');
        expect(broken === -1 || broken === items.length - 1).toBe(true);
      }),
    );
  });

  test.each<[string, Uint8Array]>([
    ['a length below its own', Buffer.from([0x44, 0, 0, 0, 3])],
    ['a row that ends inside a value', backend('D', int16(1), int32(10), Buffer.from('short'))],
    ['a row with fewer values than it says', backend('D', int16(2), int32(-1))],
    ['a description that is cut', backend('T', int16(1), 'name', int32(0))],
    ['an error without its end', backend('E', 'VERROR')],
    ['a value of negative length', backend('D', int16(1), int32(-2))],
  ])('with %s is unreadable from there', (_name, bytes) => {
    expect(read(READY, bytes, ANSWER)).toEqual([{ kind: 'Unreadable', bytes: bytes.length }]);
  });
});

test('a value that comes in a thousand pieces is joined once', () => {
  const answer = new PostgresAnswer();
  const row = dataRow('x'.repeat(64 * 1024 * 1024));
  const items = [];
  for (let at = 0; at < row.length; at += 8 * 1024) items.push(...answer.add(row.subarray(at, at + 8 * 1024)));
  expect(items.map((item) => (item.kind === 'Row' ? item.values[0]?.length : item.kind))).toEqual([64 * 1024 * 1024]);
});

describe('a value', () => {
  const binary = (typeOid: number, hex: string) => {
    const items = read(rowDescription(['v', typeOid, true]), dataRow(Buffer.from(hex, 'hex')));
    const [, row] = items;
    return row?.kind === 'Row' ? row.values[0] : undefined;
  };

  test.each<[string, number, string, string]>([
    ['bool', 16, '01', 't'],
    ['bool', 16, '00', 'f'],
    ['int2', 21, 'ffff', '-1'],
    ['int4', 23, '0000002a', '42'],
    ['int8', 20, '7fffffffffffffff', '9223372036854775807'],
    ['oid', 26, 'ffffffff', '4294967295'],
    ['float8', 701, '3ff8000000000000', '1.5'],
    ['date', 1082, '00000000', '2000-01-01'],
    ['timestamp', 1114, '0000000000000000', '2000-01-01 00:00:00.000'],
    ['timestamptz', 1184, '00000000000f4240', '2000-01-01 00:00:01.000Z'],
    ['timestamptz beyond time', 1184, '7fffffffffffffff', '9223372036854775807 us'],
    ['uuid', 2950, '00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'],
    ['text', 25, '416e6e61', 'Anna'],
    ['bytea', 17, 'ff00', '\\xff00'],
    ['int4 of a wrong length', 23, '2a', '*'],
    ['an unknown type', 99_999, '00', '\\x00'],
  ])('of type %s (%i) in binary is shown', (_name, typeOid, hex, text) => {
    expect(binary(typeOid, hex)).toBe(text);
  });

  test('in text stays text, whatever its type', () => {
    expect(read(rowDescription(['v', 23]), dataRow('0000'))[1]).toEqual({ kind: 'Row', values: ['0000'] });
  });

  test('without a description is shown as what its bytes are', () => {
    expect(read(dataRow('Anna', Buffer.from('00ff', 'hex')))).toEqual([{ kind: 'Row', values: ['Anna', '\\x00ff'] }]);
  });
});
