import { type CutFrame, cutFrames } from './postgres-frames.ts';

/**
 * What a server that was sent these bytes, from the start-up on, may take for a command: all but data that is in its place. Data are rows of a COPY, types of
 * parameters and values: a damaged length turns what would have been a command into one of them.
 */
export function commandPart(sent: Uint8Array): Buffer {
  const { frames, rest } = cutFrames(sent.subarray(Buffer.from(sent).readUInt32BE(0)));
  return Buffer.concat([...frames.map(withoutData), rest]);
}

function withoutData({ letter, body }: CutFrame): Uint8Array {
  const bytes = Buffer.from(body);
  if (letter === 'd') return bytes.subarray(0, 0);
  if (letter !== 'P' && letter !== 'B') return bytes;
  const names = bytes.indexOf(0, bytes.indexOf(0) + 1) + 1;
  const end = letter === 'P' ? endOfTypes(bytes, names) : endOfValues(bytes, names);
  return end === bytes.length ? bytes.subarray(0, names) : bytes;
}

/** Parse: a number of types, four bytes each ("Message Formats"). */
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
