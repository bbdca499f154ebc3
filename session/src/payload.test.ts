import { describe, expect, it, test } from '@jest/globals';
import * as fc from 'fast-check';
import { GrowingPayload, joinEvents, splitEvents } from './payload.ts';

const event = fc.uint8Array({ maxLength: 400 });

test('events that were joined are told apart again, and nothing that is cut short is', () => {
  fc.assert(
    fc.property(fc.array(event), fc.nat(), (events, seed) => {
      const payload = joinEvents(events);
      expect(splitEvents(payload)).toEqual(events.map((bytes) => Uint8Array.from(bytes)));
      if (payload.length === 0) return;
      const cut = splitEvents(payload.subarray(0, seed % payload.length));
      if (cut !== undefined) expect(joinEvents(cut)).toEqual(payload.subarray(0, seed % payload.length));
    }),
  );
});

/** Memory that fills what it is given back, so that whoever still looks at it is found out. */
function strictMemory() {
  const given: Buffer[] = [];
  return {
    taken: 0,
    given,
    take(bytes: number): Buffer {
      this.taken += 1;
      const at = given.findIndex((buffer) => buffer.length >= bytes);
      return given.splice(at, at < 0 ? 0 : 1)[0] ?? Buffer.alloc(bytes);
    },
    give(buffer: Buffer): void {
      buffer.fill(0xee);
      given.push(buffer);
    },
  };
}

describe('a payload that grows', () => {
  it('holds what was added and not let go of, at the same positions', () => {
    const count = fc.nat({ max: 4 });
    const step = fc.oneof(fc.record({ add: event }), fc.record({ letGo: count }), fc.record({ takeBack: count }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = { ...strictMemory(), take: (bytes: number) => Buffer.alloc(bytes) };
        const payload = new GrowingPayload(memory);
        const held: { readonly from: number; readonly to: number; readonly bytes: Uint8Array }[] = [];
        for (const one of steps) {
          if ('add' in one) {
            const from = payload.end;
            payload.add(one.add);
            held.push({ from, to: payload.end, bytes: one.add });
          } else if ('takeBack' in one) {
            const [gone] = held.splice(Math.max(0, held.length - one.takeBack));
            payload.letGoAfter(gone?.from ?? payload.end);
          } else {
            held.splice(0, one.letGo);
            payload.letGoBefore(held[0]?.from ?? payload.end);
          }
          for (const { from, to, bytes } of held)
            expect(splitEvents(payload.view(from, to))).toEqual([Uint8Array.from(bytes)]);
          const [first] = held;
          if (first === undefined) continue;
          expect(payload.view(first.from, payload.end)).toEqual(joinEvents(held.map(({ bytes }) => bytes)));
        }
      }),
    );
  });

  it('takes no more memory for more that passes through it', () => {
    const memory = strictMemory();
    const payload = new GrowingPayload(memory);
    const bytes = new Uint8Array(1000);
    for (let count = 0; count < 100; count += 1) payload.add(bytes);
    const { taken } = memory;
    let from = 0;
    for (let count = 0; count < 10_000; count += 1) {
      payload.add(bytes);
      from += 1002;
      payload.letGoBefore(from);
    }
    expect(memory.taken).toBeLessThanOrEqual(taken + 1);
  });

  it('gives its memory back once it holds nothing', () => {
    const memory = strictMemory();
    const payload = new GrowingPayload(memory);
    payload.add(new Uint8Array(5000));
    payload.letGoBefore(payload.end);
    expect(memory.given).toHaveLength(1);
    payload.add(Uint8Array.of(1, 2));
    expect(payload.view(payload.end - 3, payload.end)).toEqual(Buffer.from([2, 1, 2]));
  });
});
