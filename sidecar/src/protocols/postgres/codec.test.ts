import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BodyReader, FRAME, FrameScanner } from './codec.ts';
import { writeFrame, writeStartup } from './codec-writer.ts';

function scanAll(pieces: readonly Uint8Array[], max: number, untagged = false): (string | Uint8Array)[] {
  const scanner = new FrameScanner(max, untagged);
  const found: (string | Uint8Array)[] = [];
  for (const piece of pieces) {
    scanner.feed(piece);
    for (;;) {
      const result = scanner.next();
      if (result === 'More') break;
      if (result !== 'Frame') return [...found, result];
      found.push(Uint8Array.from(scanner.frame()));
    }
  }
  return found;
}

const query = writeFrame(FRAME.query, 'select 1');

describe('FrameScanner', () => {
  test('gives a whole frame as a view of its chunk', () => {
    const chunk = Uint8Array.from([...query, ...query]);
    const scanner = new FrameScanner(100, false);
    scanner.feed(chunk);
    expect(scanner.next()).toBe('Frame');
    expect(scanner.next()).toBe('Frame');
    expect(scanner.buffer).toBe(chunk);
    expect(scanner.start).toBe(query.length);
    expect(scanner.next()).toBe('More');
  });

  test.each([
    ['one byte less', query.length + 1, query],
    ['exactly the limit', query.length, query],
    ['one byte more', query.length - 1, 'TooLarge'],
  ])('a frame of %s than is allowed', (_, max, expected) => {
    expect(scanAll([query], max)).toEqual([expected === 'TooLarge' ? expected : Uint8Array.from(query)]);
  });

  test('a length that is too large is refused before the frame is there, also when the header comes in pieces', () => {
    const header = Uint8Array.of(FRAME.query, 0x7f, 0xff, 0xff, 0xff);
    expect(scanAll([header], 1 << 20)).toEqual(['TooLarge']);
    expect(scanAll([header.subarray(0, 2), header.subarray(2)], 1 << 20)).toEqual(['TooLarge']);
  });

  test.each([
    ['less than itself', [0, 0, 0, 3]],
    ['negative', [0xff, 0xff, 0xff, 0xff]],
  ])('a length that is %s is malformed', (_, length) => {
    expect(scanAll([Uint8Array.of(FRAME.query, ...length)], 1 << 20)).toEqual(['Malformed']);
  });

  test('frames do not depend on how the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (bodies, cuts, untagged) => {
          const frames = bodies.map((body) =>
            Uint8Array.from(untagged ? writeFrame(0, body).subarray(1) : writeFrame(1, body)),
          );
          const whole = Buffer.concat(frames);
          const pieces: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < whole.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            pieces.push(Uint8Array.from(whole.subarray(at, at + size)));
            at += size;
          }
          expect(scanAll(pieces, 1000, untagged)).toEqual(frames);
        },
      ),
    );
  });

  test('chunks may be fed ahead, and what is left can be taken out', () => {
    const scanner = new FrameScanner(100, false);
    scanner.feed(query.subarray(0, 3));
    scanner.feed(query.subarray(3));
    scanner.feed(Uint8Array.of(9, 9));
    expect(scanner.heldBytes).toBe(query.length + 2);
    expect(scanner.next()).toBe('Frame');
    expect(scanner.takeRest()).toEqual(Uint8Array.of(9, 9));
    expect(scanner.heldBytes).toBe(0);
  });
});

describe('BodyReader', () => {
  test('reads what was written', () => {
    const frame = writeFrame(FRAME.parse, 'name', { int16: -2 }, { int32: 7 }, Uint8Array.of(1, 2), { int8: 3 });
    const body = new BodyReader(frame, 5);
    expect([body.string(), body.int16(), body.int32(), [...body.bytes(2)], body.byte(), body.complete]).toEqual([
      'name',
      -2,
      7,
      [1, 2],
      3,
      true,
    ]);
  });

  test('never reads past the end, whatever is asked', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 12 }),
        fc.array(fc.constantFrom('string', 'int16', 'int32', 'byte')),
        (bytes, asks) => {
          const body = new BodyReader(bytes);
          for (const ask of asks) body[ask as 'byte']();
          expect(body.at).toBeLessThanOrEqual(bytes.length);
          expect(body.complete).toBe(!body.failed && body.at === bytes.length);
        },
      ),
    );
  });

  test('a string without its zero byte has failed', () => {
    const body = new BodyReader(Buffer.from('abc'));
    expect(body.string()).toBe('');
    expect(body.failed).toBe(true);
  });
});

test('a start-up packet has no type byte', () => {
  const packet = writeStartup(0x0003_0000, [['user', 'me']]);
  expect(scanAll([packet], 100, true)).toEqual([Uint8Array.from(packet)]);
});
