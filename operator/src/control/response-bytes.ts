import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FollowResponseSchema, type FollowResponseSchema as Schema, SnapshotSchema } from '@sidegate/policy/control';

/** Something said to a gate. */
export type Response = MessageInitShape<typeof Schema>;

/** A response in pieces that make its message. The content of a snapshot is a piece of its own, not copied: all gates that get it share it. */
export function piecesOf(response: Response): readonly Uint8Array[] {
  const { message } = response;
  if (message?.case !== 'snapshot') return [toBinary(FollowResponseSchema, create(FollowResponseSchema, response))];
  const { content = new Uint8Array(), version, nonce } = message.value;
  const head = toBinary(SnapshotSchema, create(SnapshotSchema, { version: version ?? '', nonce: nonce ?? '' }));
  const inner = new BinaryWriter()
    .raw(head)
    .tag(SnapshotSchema.field.content.number, WireType.LengthDelimited)
    .uint32(content.length)
    .finish();
  const outer = new BinaryWriter()
    .tag(FollowResponseSchema.field.snapshot.number, WireType.LengthDelimited)
    .uint32(inner.length + content.length)
    .raw(inner)
    .finish();
  return [outer, content];
}
