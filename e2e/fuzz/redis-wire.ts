/** RESP, written and taken apart without any code of the gate. Bytes are characters of the same number throughout. */

/** A command as clients send it. */
export function command(...parts: readonly string[]): Uint8Array {
  return latin1(`*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`);
}

export function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** What a server reads: commands up to the first thing that is none, and what is left over. */
export interface CommandReading {
  readonly commands: readonly (readonly string[])[];
  readonly rest: string;
  /** The server says so and hangs up. */
  readonly isBroken: boolean;
}

/** Takes apart what was sent to a server: arrays of bulk strings, and inline commands without quotes. */
export function readCommands(text: string): CommandReading {
  const commands: (readonly string[])[] = [];
  let at = 0;
  for (;;) {
    const read = readCommand(text, at);
    if (typeof read === 'string') return { commands, rest: text.slice(at), isBroken: read === 'Broken' };
    if (read.parts.length > 0) commands.push(read.parts);
    at = read.end;
  }
}

function readCommand(
  text: string,
  start: number,
): 'More' | 'Broken' | { readonly parts: readonly string[]; readonly end: number } {
  const lineEnd = text.indexOf('\n', start);
  if (lineEnd < 0) return 'More';
  if (text[start] !== '*') {
    return { parts: text.slice(start, lineEnd).trim().split(/\s+/).filter(Boolean), end: lineEnd + 1 };
  }
  const count = numberOf(text.slice(start + 1, lineEnd));
  if (count === undefined || count > 1_048_576) return 'Broken';
  const parts: string[] = [];
  let at = lineEnd + 1;
  for (let index = 0; index < count; index += 1) {
    if (at >= text.length) return 'More';
    if (text[at] !== '$') return 'Broken';
    const end = text.indexOf('\n', at);
    if (end < 0) return 'More';
    const length = numberOf(text.slice(at + 1, end));
    if (length === undefined || length < 0) return 'Broken';
    if (text.length < end + 1 + length + 2) return 'More';
    parts.push(text.slice(end + 1, end + 1 + length));
    at = end + 1 + length + 2;
  }
  return { parts, end: at };
}

function numberOf(line: string): number | undefined {
  return /^-?\d{1,15}\r$/.test(line) ? Number(line.slice(0, -1)) : undefined;
}

/** The replies that are there whole, each as its own bytes, and what is left over. */
export function cutReplies(text: string): { readonly replies: readonly string[]; readonly rest: string } {
  const replies: string[] = [];
  let at = 0;
  for (;;) {
    const end = endOfReply(text, at);
    if (end === undefined) return { replies, rest: text.slice(at) };
    replies.push(text.slice(at, end));
    at = end;
  }
}

/** Where the reply that begins at `start` ends; undefined when it is not there to its end, or is none. */
function endOfReply(text: string, start: number): number | undefined {
  const lineEnd = text.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const type = text[start] ?? '';
  const body = lineEnd + 2;
  const count = Number(text.slice(start + 1, lineEnd));
  if ('$=!'.includes(type)) {
    const end = count < 0 ? body : body + count + 2;
    return end <= text.length ? end : undefined;
  }
  if ('*~>%|'.includes(type)) {
    let at = body;
    const elements = count * ('%|'.includes(type) ? 2 : 1);
    for (let index = 0; index < elements; index += 1) {
      const end = endOfReply(text, at);
      if (end === undefined) return undefined;
      at = end;
    }
    // What is said about a reply stands before it.
    return type === '|' ? endOfReply(text, at) : at;
  }
  return '+-:_#,('.includes(type) ? body : undefined;
}
