import { type CutFrame, cutFrames } from './postgres-frames.ts';

/**
 * What a server that was sent these bytes, from the start-up on, may take for a command: all but names and data that are in their place. Data are rows of a
 * COPY, why one failed, types of parameters and values: a damaged length turns what would have been a command into one of them.
 */
export function commandPart(sent: Uint8Array): Buffer {
  const { frames, rest } = cutFrames(sent.subarray(Buffer.from(sent).readUInt32BE(0)));
  return Buffer.concat([...frames.map(onlyCommand), rest]);
}

const NOTHING = Buffer.alloc(0);

/** Texts of a frame end with a zero ("Message Formats"). A frame that does not end where it should is given whole. */
function onlyCommand({ letter, body }: CutFrame): Buffer {
  const bytes = Buffer.from(body);
  const first = bytes.indexOf(0) + 1;
  const second = bytes.indexOf(0, first) + 1;
  const whole = (end: number, command: Buffer): Buffer => (end === bytes.length ? command : bytes);
  switch (letter) {
    case 'd':
      return NOTHING;
    case 'C':
    case 'D':
    case 'f':
      return whole(first, NOTHING);
    case 'E':
      return whole(first + 4, NOTHING);
    case 'P':
      return whole(endOfTypes(bytes, second), bytes.subarray(first, second));
    case 'B':
      return whole(endOfValues(bytes, second), NOTHING);
    default:
      return bytes;
  }
}

/** Parse: a number of types, four bytes each. */
function endOfTypes(bytes: Buffer, from: number): number {
  return from + 2 > bytes.length ? -1 : from + 2 + 4 * bytes.readUInt16BE(from);
}

/** Bind: formats of values, the values with their lengths, formats of results. */
function endOfValues(bytes: Buffer, from: number): number {
  const number = (at: number, length: number): number =>
    at + length > bytes.length ? 0 : Math.max(0, bytes.readIntBE(at, length));
  let at = from + 2 + 2 * number(from, 2);
  const values = number(at, 2);
  at += 2;
  for (let value = 0; value < values && at < bytes.length; value += 1) at += 4 + number(at, 4);
  return at + 2 + 2 * number(at, 2);
}
