import type { MaskRules } from '@sidegate/policy';
import { passesMasks } from '../passes-masks.ts';
import { changeText, type Field, MessageReader, writeFrame } from './codec.ts';
import { LENGTH_BYTES, MESSAGE } from './messages.ts';

/** Width, height, and both in pixels (RFC 4254, section 6.2). */
const SIZE_BYTES = 16;

/** A request in a channel, in its frame, as its receiver and the record may see it. */
export function maskedRequest(
  frame: Uint8Array,
  [masks, recordMasks]: readonly [MaskRules, MaskRules],
): readonly [shown: Uint8Array, recorded: Uint8Array] {
  const shown = recordedRequest(frame, masks);
  return [shown, masks === recordMasks ? shown : recordedRequest(frame, recordMasks)];
}

/** A request in a channel, in its frame, with masked content in its texts (RFC 4254, sections 6.2 to 6.10): the same bytes when there is none. */
export function recordedRequest(frame: Uint8Array, masks: MaskRules): Uint8Array {
  if (masks.empty || passesMasks(frame.subarray(LENGTH_BYTES), masks)) return frame;
  const reader = new MessageReader(frame.subarray(LENGTH_BYTES));
  const recipient = { uint32: reader.uint32() };
  const type = reader.text();
  const wantsReply = reader.boolean();
  const masked = (bytes: Uint8Array): Uint8Array => changeText(bytes, (text) => masks.maskContent(text));
  const raw = (bytes: Uint8Array): Field => ({ raw: bytes });
  const { at } = reader;
  const fields = fieldsOf(type, reader, masked);
  // A text that stands where none belongs is one all the same.
  const rest = reader.whole ? reader.rest() : frame.subarray(LENGTH_BYTES + at);
  const known = reader.whole ? fields : [];
  return writeFrame(MESSAGE.channelRequest, recipient, type, wantsReply, ...known, raw(masked(rest)));
}

function fieldsOf(type: string, reader: MessageReader, masked: (bytes: Uint8Array) => Uint8Array): Field[] {
  const text = (): Uint8Array => masked(reader.bytes());
  switch (type) {
    case 'env':
      return [text(), text()];
    case 'pty-req':
      return [text(), { raw: reader.take(SIZE_BYTES) }, text()];
    case 'signal':
      return [text()];
    case 'exit-signal':
      return [text(), reader.boolean(), text(), text()];
    default:
      return [];
  }
}
