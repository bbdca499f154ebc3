import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { FollowResponseSchema } from '@sidegate/policy/control';
import { piecesOf, type Response } from './response-bytes.ts';

const snapshot = (bytes: number): Response => ({
  message: {
    case: 'snapshot',
    value: { version: 'v1', nonce: 'n'.repeat(200), content: new Uint8Array(bytes).fill(7) },
  },
});

test.each<[string, Response]>([
  ['an empty snapshot', snapshot(0)],
  ['a snapshot of 127 bytes', snapshot(127)],
  ['a snapshot of 128 bytes', snapshot(128)],
  ['a large snapshot', snapshot(3_000_000)],
  ['another word', { message: { case: 'goAway', value: { reason: 'over' } } }],
])('%s in pieces is the message that the library reads', (_name, response) => {
  const whole = create(FollowResponseSchema, response);
  const read = fromBinary(FollowResponseSchema, Buffer.concat(piecesOf(response)));
  expect(Buffer.from(toBinary(FollowResponseSchema, read)).equals(toBinary(FollowResponseSchema, whole))).toBe(true);
});

test('all gates that get a content share its bytes', () => {
  const response = snapshot(10);
  const [content] = response.message?.case === 'snapshot' ? [response.message.value.content] : [];
  expect(piecesOf(response).at(-1)).toBe(content);
});
