import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FollowResponseSchema, type FollowResponseSchema as Schema, SnapshotSchema } from '@sidegate/policy/control';

/** Something said to a gate. */
export type Response = MessageInitShape<typeof Schema>;

/** Tags of protobuf for fields with a length: the number of the field, times eight, and two. */
const SNAPSHOT_TAG = FollowResponseSchema.field.snapshot.number * 8 + 2;
const CONTENT_TAG = SnapshotSchema.field.content.number * 8 + 2;

/** A response in pieces that make its message. The content of a snapshot is a piece of its own, not copied: all gates that get it share it. */
export function piecesOf(response: Response): readonly Uint8Array[] {
  const { message } = response;
  if (message?.case !== 'snapshot') return [toBinary(FollowResponseSchema, create(FollowResponseSchema, response))];
  const { content = new Uint8Array(), version, nonce } = message.value;
  const head = toBinary(SnapshotSchema, create(SnapshotSchema, { version: version ?? '', nonce: nonce ?? '' }));
  const inner = Buffer.concat([head, Buffer.from([CONTENT_TAG, ...varint(content.length)])]);
  return [Buffer.concat([Buffer.from([SNAPSHOT_TAG, ...varint(inner.length + content.length)]), inner]), content];
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
