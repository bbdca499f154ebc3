/**
 * One object as a line of JSON: 64-bit numbers as numbers where they are exact, bytes as base64, protobuf's own fields left out. What a terminal would
 * obey, or a reader might take for the end of the line, stands in it as an escape.
 */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(plain(value)).replaceAll(OBEYED, escaped)}\n`;
}

/** Control characters that JSON leaves as they are, those that turn the direction of writing or have no width, and other ends of lines. */
const OBEYED = /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu;

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_none, at) => {
    const unit = character.charCodeAt(at);
    return `\\u${unit.toString(16).padStart(4, '0')}`;
  }).join('');
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  // A map of what agents say may have any key, so only a message's own are left out.
  const isOwn = '$typeName' in value ? (key: string) => key === '$typeName' || key === '$unknown' : () => false;
  const entries = Object.entries(value).filter(([key]) => !isOwn(key));
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]));
}
