/** One object as a line of JSON: 64-bit numbers as numbers where they are exact, bytes as base64, protobuf's own fields left out. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(plain(value))}\n`;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !key.startsWith('$'));
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]));
}
