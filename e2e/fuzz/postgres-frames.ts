/** Frames of PostgreSQL's protocol, written and cut apart without any code of the gate. */

type Part = string | number | Uint8Array | readonly Part[];

const INT32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
const INT16 = (value: number): Uint8Array => INT32(value).subarray(2);

/** Strings are zero-terminated, numbers are one byte. */
function write(part: Part): Uint8Array {
  if (typeof part === 'string') return Buffer.from(`${part}\0`);
  if (typeof part === 'number') return Uint8Array.of(part);
  return part instanceof Uint8Array ? part : Buffer.concat(part.map(write));
}

/** A frame: its letter, then its length, then the parts. */
export function frame(letter: string, ...parts: readonly Part[]): Uint8Array {
  const body = write(parts);
  return Buffer.concat([Buffer.from(letter), INT32(body.length + 4), body]);
}

/** Length-prefixed values; null is -1. */
function values(texts: readonly (string | null)[]): Part {
  return [
    INT16(texts.length),
    texts.map((text) => (text === null ? INT32(-1) : [INT32(Buffer.byteLength(text)), Buffer.from(text)])),
  ];
}

/** What an agent sends. */
export const AGENT = {
  startup: (): Uint8Array => {
    const body = Buffer.from('\0\x03\0\0user\0me\0database\0shop\0\0', 'latin1');
    return Buffer.concat([INT32(body.length + 4), body]);
  },
  query: (text: string): Uint8Array => frame('Q', text),
  parse: (name: string, text: string): Uint8Array => frame('P', name, text, INT16(0)),
  bind: (portal: string, statement: string, texts: readonly (string | null)[]): Uint8Array =>
    frame('B', portal, statement, INT16(0), values(texts), INT16(0)),
  describe: (what: 'S' | 'P', name: string): Uint8Array => frame('D', Buffer.from(what), name),
  execute: (portal: string, rowsMax: number): Uint8Array => frame('E', portal, INT32(rowsMax)),
  close: (what: 'S' | 'P', name: string): Uint8Array => frame('C', Buffer.from(what), name),
  sync: (): Uint8Array => frame('S'),
  flush: (): Uint8Array => frame('H'),
  terminate: (): Uint8Array => frame('X'),
  copyData: (text: string): Uint8Array => frame('d', Buffer.from(text)),
  copyDone: (): Uint8Array => frame('c'),
  copyFail: (reason: string): Uint8Array => frame('f', reason),
} as const;

/** A column of a result: its table and place in it, zeros for none. */
export interface ResultColumn {
  readonly name: string;
  readonly table: number;
  readonly attribute: number;
}

/** What a server sends. */
export const SERVER = {
  authenticated: (): Uint8Array => frame('R', INT32(0)),
  status: (name: string, value: string): Uint8Array => frame('S', name, value),
  key: (): Uint8Array => frame('K', INT32(7), INT32(1234)),
  ready: (status: string): Uint8Array => frame('Z', Buffer.from(status)),
  parseComplete: (): Uint8Array => frame('1'),
  bindComplete: (): Uint8Array => frame('2'),
  closeComplete: (): Uint8Array => frame('3'),
  noData: (): Uint8Array => frame('n'),
  suspended: (): Uint8Array => frame('s'),
  empty: (): Uint8Array => frame('I'),
  parameters: (): Uint8Array => frame('t', INT16(0)),
  columns: (columns: readonly ResultColumn[]): Uint8Array =>
    frame(
      'T',
      INT16(columns.length),
      columns.map(({ name, table, attribute }) => [
        name,
        INT32(table),
        INT16(attribute),
        INT32(25),
        INT16(-1),
        INT32(-1),
        INT16(0),
      ]),
    ),
  row: (texts: readonly (string | null)[]): Uint8Array => frame('D', values(texts)),
  complete: (tag: string): Uint8Array => frame('C', tag),
  error: (code: string, message: string): Uint8Array =>
    frame(
      'E',
      ['S', 'ERROR', 'V', 'ERROR', 'C', code, 'M', message].map((part, at) =>
        at % 2 === 0 ? Buffer.from(part) : part,
      ),
      0,
    ),
  notice: (message: string): Uint8Array =>
    frame(
      'N',
      ['S', 'NOTICE', 'V', 'NOTICE', 'C', '00000', 'M', message].map((part, at) =>
        at % 2 === 0 ? Buffer.from(part) : part,
      ),
      0,
    ),
  notification: (channel: string, payload: string): Uint8Array => frame('A', INT32(9), channel, payload),
  copyOut: (columns: number): Uint8Array =>
    frame(
      'H',
      0,
      INT16(columns),
      Array.from({ length: columns }, () => INT16(0)),
    ),
  copyIn: (columns: number): Uint8Array =>
    frame(
      'G',
      0,
      INT16(columns),
      Array.from({ length: columns }, () => INT16(0)),
    ),
} as const;

/** A frame as it was cut out of a stream. */
export interface CutFrame {
  readonly letter: string;
  readonly body: Uint8Array;
}

/** The whole frames in `bytes`, and what is left over. */
export function cutFrames(bytes: Uint8Array): { readonly frames: readonly CutFrame[]; readonly rest: Uint8Array } {
  const frames: CutFrame[] = [];
  const view = Buffer.from(bytes);
  let at = 0;
  while (at + 5 <= view.length) {
    const end = at + 1 + view.readInt32BE(at + 1);
    if (end > view.length || end < at + 5) break;
    frames.push({ letter: String.fromCharCode(view[at] ?? 0), body: view.subarray(at + 5, end) });
    at = end;
  }
  return { frames, rest: view.subarray(at) };
}
