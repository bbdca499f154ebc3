/** Builds messages of SSH channels as records hold them, for tests: a length of four bytes, then the message (RFC 4254). */
function message(type: number, ...fields: readonly (number | string | Uint8Array | boolean)[]): Uint8Array {
  const parts = fields.map((field) => {
    if (typeof field === 'number') return uint32(field);
    if (typeof field === 'boolean') return Buffer.from([field ? 1 : 0]);
    const bytes = Buffer.from(field);
    return Buffer.concat([uint32(bytes.length), bytes]);
  });
  const body = Buffer.concat([Buffer.from([type]), ...parts]);
  return Buffer.concat([uint32(body.length), body]);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const CHANNEL = 7;

export const CHANNEL_BYTES = {
  data: (data: string | Uint8Array): Uint8Array => message(94, CHANNEL, data),
  stderr: (data: string | Uint8Array): Uint8Array => message(95, CHANNEL, 1, data),
  windowAdjust: message(93, CHANNEL, 1000),
  success: message(99, CHANNEL),
  eof: message(96, CHANNEL),
  close: message(97, CHANNEL),
  terminal: (type: string, columns: number, rows: number): Uint8Array =>
    message(98, CHANNEL, 'pty-req', true, type, columns, rows, 0, 0, ''),
  resized: (columns: number, rows: number): Uint8Array =>
    message(98, CHANNEL, 'window-change', false, columns, rows, 0, 0),
  variable: (name: string, value: string): Uint8Array => message(98, CHANNEL, 'env', false, name, value),
  signal: (name: string): Uint8Array => message(98, CHANNEL, 'signal', false, name),
  exit: (status: number): Uint8Array => message(98, CHANNEL, 'exit-status', false, status),
  killed: (name: string): Uint8Array => message(98, CHANNEL, 'exit-signal', false, name, false, '', ''),
} as const;
