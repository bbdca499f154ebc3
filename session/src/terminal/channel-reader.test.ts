import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CHANNEL_BYTES as SSH } from '../testing/index.ts';
import { type ChannelItem, ChannelReader } from './channel-reader.ts';

function read(...pieces: readonly Uint8Array[]): ChannelItem[] {
  const reader = new ChannelReader();
  return pieces.flatMap((piece) => [...reader.add(piece)]);
}

const CARRIED: readonly (readonly [Uint8Array, ChannelItem | undefined])[] = [
  [SSH.variable('LANG', 'C'), { kind: 'Variable', name: 'LANG', value: 'C' }],
  [SSH.terminal('xterm', 80, 24), { kind: 'Terminal', type: 'xterm', columns: 80, rows: 24 }],
  [SSH.resized(100, 40), { kind: 'Resized', columns: 100, rows: 40 }],
  [SSH.success, undefined],
  [SSH.windowAdjust, undefined],
  [SSH.data('out'), { kind: 'Data', isStderr: false, data: Buffer.from('out') }],
  [SSH.stderr('err'), { kind: 'Data', isStderr: true, data: Buffer.from('err') }],
  [SSH.signal('INT'), { kind: 'Signal', name: 'INT' }],
  [SSH.eof, { kind: 'End' }],
  [SSH.exit(3), { kind: 'ExitStatus', status: 3 }],
  [SSH.killed('KILL'), { kind: 'ExitSignal', name: 'KILL' }],
  [SSH.close, undefined],
];
const whole = Buffer.concat(CARRIED.map(([bytes]) => bytes));
const items = CARRIED.flatMap(([, item]) => (item === undefined ? [] : [item]));

describe('what a channel carried', () => {
  test('is read whole', () => {
    expect(read(whole)).toEqual(items);
  });

  test('is the same when it comes byte by byte', () => {
    expect(read(...Array.from(whole, (byte) => Uint8Array.of(byte)))).toEqual(items);
  });

  test('that is cut short says nothing yet, and says it once the rest comes', () => {
    const [bytes] = [SSH.exit(3)];
    expect(read(bytes.subarray(0, -1))).toEqual([]);
    expect(read(bytes.subarray(0, -1), bytes.subarray(-1))).toEqual([{ kind: 'ExitStatus', status: 3 }]);
  });

  test.each([
    ['is longer than any', Buffer.from([0x7f, 0xff, 0xff, 0xff, 94])],
    ['ends inside a field', Buffer.from([0, 0, 0, 6, 94, 0, 0, 0, 0, 9])],
  ])('stops at a message that %s, and says so', (_why, bytes) => {
    expect(read(SSH.data('a'), bytes, SSH.data('b'))).toEqual([
      { kind: 'Data', isStderr: false, data: Buffer.from('a') },
      { kind: 'Unreadable', bytes: bytes.length },
    ]);
  });

  test('never makes it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
        expect(Array.isArray(read(...pieces))).toBe(true);
      }),
    );
  });
});
