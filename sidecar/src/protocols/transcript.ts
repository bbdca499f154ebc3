/** One chunk of a recorded conversation, as it came. */
export interface TranscriptChunk {
  readonly from: 'Agent' | 'Target';
  readonly bytes: Uint8Array;
}

const LINE_BYTES_MAX = 96;

/**
 * A conversation as text: `agent ` or `target ` begins a chunk, `+ ` goes on with it, `#` is a remark. Printable ASCII stands for itself, any other
 * byte and the backslash are `\xNN`. Throws on anything else: a transcript is part of the tests.
 */
export function readTranscript(text: string): readonly TranscriptChunk[] {
  const chunks: { readonly from: 'Agent' | 'Target'; bytes: Uint8Array }[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, head, body = ''] = /^(agent|target|\+) (.*)$/.exec(line) ?? [];
    if (head === undefined) throw new Error(`not a line of a transcript: ${line}`);
    const bytes = unescape(body);
    const last = chunks.at(-1);
    if (head !== '+') chunks.push({ from: head === 'agent' ? 'Agent' : 'Target', bytes });
    else if (last === undefined) throw new Error('a transcript does not begin with +');
    else last.bytes = Buffer.concat([last.bytes, bytes]);
  }
  return chunks;
}

/** The text of a conversation, lines broken after at most 96 bytes. */
export function writeTranscript(remark: string, chunks: readonly TranscriptChunk[]): string {
  const lines = remark.split('\n').map((line) => `# ${line}`);
  for (const { from, bytes } of chunks) {
    for (let at = 0; at === 0 || at < bytes.length; at += LINE_BYTES_MAX) {
      const head = at === 0 ? from.toLowerCase() : '+';
      lines.push(`${head} ${escape(bytes.subarray(at, at + LINE_BYTES_MAX))}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function escape(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte >= 32 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}

function unescape(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '\\') {
      bytes.push(text.charCodeAt(at));
      continue;
    }
    const [, hex] = /^\\x([\da-f]{2})$/.exec(text.slice(at, at + 4)) ?? [];
    if (hex === undefined) throw new Error(`not an escape: ${text.slice(at, at + 4)}`);
    bytes.push(Number.parseInt(hex, 16));
    at += 3;
  }
  return Uint8Array.from(bytes);
}
