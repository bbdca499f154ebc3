import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeEvent } from './decode.ts';
import { encodeEvent, writeEvent } from './encode.ts';
import type { SessionEvent } from './event.ts';
import { EventSchema } from './generated/sidegate/session/v1/session_pb.js';
import { sampleOpened } from './testing/index.ts';
import { WireBuffer } from './wire-buffer.ts';

const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ minLength: 20, maxLength: 300 }),
  fc.constantFrom('', 'é'.repeat(63), 'é'.repeat(64), '€'.repeat(43), 'x'.repeat(127), 'x'.repeat(128)),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.integer({ min: 4094, max: 70_000 }).map((length) => new Uint8Array(length).fill(7)),
);
const map = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  text,
  { maxKeys: 5, noNullPrototype: true },
);
const texts = fc.array(text, { maxLength: 4 });
const at = { atUs: count };
const name = { namespace: text, name: text };

const opened = fc.record({
  kind: fc.constant('Opened' as const),
  ...at,
  sessionId: text,
  gate: fc.record({ id: text, version: text }),
  protocol: text,
  target: fc.record({ ...name, host: text, port: fc.nat(65_535) }),
  access: fc.record(name),
  verified: fc.record(
    {
      source: text,
      issuer: text,
      subject: text,
      groups: texts,
      groupsKnown: fc.boolean(),
      expiresAtMs: count,
      pod: fc.record({ ...name, uid: text }),
    },
    { requiredKeys: ['source', 'issuer', 'subject', 'groups', 'groupsKnown', 'expiresAtMs'] },
  ),
  claimed: map,
  details: map,
  policyVersion: text,
});

const judgedFields = {
  kind: fc.constant('CommandJudged' as const),
  ...at,
  commandId: count,
  text,
  sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  binds: fc.array(fc.option(text, { nil: undefined }), { maxLength: 4 }),
  verbs: texts,
  objects: texts,
  complete: fc.boolean(),
  decision: fc.constantFrom('Allow' as const, 'Deny' as const, 'RequireApproval' as const),
  rule: text,
  reason: text,
  policyVersion: text,
  observed: texts,
  claimed: map,
};

const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  opened,
  fc.record(judgedFields),
  fc.record({ ...judgedFields, prepares: text }),
  fc.record({
    kind: fc.constant('HoldEnded' as const),
    ...at,
    commandId: count,
    approvalId: text,
    outcome: fc.constantFrom('Approved' as const, 'Refused' as const, 'Expired' as const, 'Cancelled' as const),
    decidedBy: fc.array(fc.record({ user: text, decision: text, reason: text, ...at }), { maxLength: 3 }),
    reason: text,
  }),
  fc.record({ kind: fc.constant('CommandForwarded' as const), ...at, commandId: count }),
  fc.record({ kind: fc.constantFrom('AnswerPart' as const, 'InputPart' as const), ...at, commandId: count, bytes }),
  fc.record({
    kind: fc.constant('CommandFinished' as const),
    ...at,
    commandId: count,
    outcome: fc.constantFrom('Done' as const, 'Failed' as const, 'Refused' as const, 'Lost' as const),
    tag: text,
    errorCode: text,
    errorText: text,
    rows: count,
    answerBytes: count,
    durationUs: count,
    maskedValues: count,
  }),
  fc.record({ kind: fc.constant('Remark' as const), ...at, code: text, text }),
  fc.record({ kind: fc.constant('Closed' as const), ...at, code: text, reason: text }),
);
const sequence = count.filter((value) => value > 0);

describe('the encoding by hand', () => {
  test('is byte for byte what the protobuf library writes', () => {
    fc.assert(
      fc.property(sequence, event, (number, one) => {
        const encoded = encodeEvent(number, one);
        // Maps keep their order here, so even that must agree.
        expect(Buffer.from(toBinary(EventSchema, fromBinary(EventSchema, encoded)))).toEqual(Buffer.from(encoded));
      }),
      { numRuns: 500 },
    );
  });

  test('gives back every event', () => {
    fc.assert(
      fc.property(sequence, event, (number, one) => {
        const decoded = decodeEvent(encodeEvent(number, one));
        expect(decoded).toEqual({ ok: true, value: { sequence: number, event: one } });
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [-1, 0],
    [Number.NaN, 0],
    [Number.NEGATIVE_INFINITY, 0],
    [0.5, 0],
    [1_700_000_000_123.5, 1_700_000_000_123],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    [Number.MAX_SAFE_INTEGER + 1, Number.MAX_SAFE_INTEGER],
    // A token that says it holds for ever: 2 ** 63 seconds.
    [2 ** 63 * 1000, Number.MAX_SAFE_INTEGER],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    [Number.MAX_VALUE, Number.MAX_SAFE_INTEGER],
  ])('writes %p as a number that readers take: %i', (expiresAtMs, read) => {
    const verified = { ...sampleOpened().verified, expiresAtMs };
    const decoded = decodeEvent(encodeEvent(1, sampleOpened({ verified })));
    expect(decoded).toMatchObject({
      ok: true,
      value: { event: { policyVersion: '1', verified: { expiresAtMs: read } } },
    });
  });

  test.each([
    ['copies content below the limit', 4095, 0],
    ['hands back content at the limit', 4096, 4096],
    ['hands back content above the limit', 4097, 4097],
  ])('%s', (_name, length, handedBack) => {
    const content = new Uint8Array(length);
    const tail = writeEvent(new WireBuffer(), 1, { kind: 'AnswerPart', atUs: 1, commandId: 1, bytes: content });
    expect(tail?.length ?? 0).toBe(handedBack);
    if (handedBack > 0) expect(tail).toBe(content);
  });

  test('appends to what is there, however often the buffer grows', () => {
    const out = new WireBuffer(1);
    const parts = Array.from({ length: 200 }, (_, index): Buffer => {
      const start = out.length;
      writeEvent(out, index + 1, { kind: 'Remark', atUs: index, code: 'C', text: 'x'.repeat(index) });
      return Buffer.from(out.view(start));
    });
    expect(Buffer.from(out.view())).toEqual(Buffer.concat(parts));
    for (const [index, part] of parts.entries())
      expect(decodeEvent(part)).toMatchObject({ value: { sequence: index + 1 } });
  });
});

describe('decoding', () => {
  const closed = encodeEvent(3, { kind: 'Closed', atUs: 9, code: 'AgentLeft', reason: 'gone' });

  test('takes a whole event and refuses the same one cut anywhere', () => {
    expect(decodeEvent(closed).ok).toBe(true);
    for (let length = 0; length < closed.length; length += 1) {
      expect(decodeEvent(closed.subarray(0, length))).toMatchObject({ ok: false, fault: { code: 'EventMalformed' } });
    }
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        decodeEvent(noise);
      }),
    );
    fc.assert(
      fc.property(event, fc.nat(), fc.nat(255), (one, place, value) => {
        const changed = Uint8Array.from(encodeEvent(1, one));
        changed[place % changed.length] = value;
        decodeEvent(changed);
      }),
    );
  });

  test('understands changed bytes as the protobuf library does, or not at all', () => {
    fc.assert(
      fc.property(event, fc.nat(), fc.nat(255), (one, place, value) => {
        const changed = Uint8Array.from(encodeEvent(1, one));
        changed[place % changed.length] = value;
        const decoded = decodeEvent(changed);
        if (!decoded.ok) return;
        const theirs = toBinary(EventSchema, fromBinary(EventSchema, changed), { writeUnknownFields: false });
        const ours = encodeEvent(decoded.value.sequence, decoded.value.event);
        expect(Buffer.compare(toBinary(EventSchema, fromBinary(EventSchema, ours)), theirs)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['no number', '1001', false],
    ['a number', '0801520100'.replace('520100', '5200'), true],
    ['a number that cannot be kept exactly', '08ffffffffffffffffff015200', false],
    ['a kind that this version does not know', '0801fa0100', false],
    ['an outcome that this version does not know', '080142021063', false],
    ['a field that this version does not know', '08015200f20100', true],
    ['the largest number of a field', '08015200f8ffffff0f00', true],
    ['a number of a field that is too large', '08015200f8ffffff1f00', false],
    ['a number of a field that is written at length', '08015200f8818080800000', false],
    ['a field of a type that is no more', '08015200f301', false],
    ['two kinds', '08015200520100'.replace('520100', '5200'), false],
    ['a text', '080152030a0161', true],
    ['a text that is no UTF-8', '080152030a01ff', false],
    ['the replacement character itself', '080152050a03efbfbd', true],
    ['a text that is longer than what holds it', '080152030a0261', false],
    ['a text as a number', '080152020801', false],
  ])('%s', (_name, hex, taken) => {
    expect(decodeEvent(Buffer.from(hex, 'hex')).ok).toBe(taken);
  });
});
