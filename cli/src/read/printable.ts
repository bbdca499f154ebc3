/** A line break with the white space around it, or a tab. White space is looked through once, from where it begins: an agent may send a MiB of it. */
const BREAKS = /(?<!\s)\s*\n\s*|\t/gu;

/**
 * Text from a record as it may go to a terminal: control characters, and those that turn the direction of writing, are shown as
 * escapes, so that a recorded text cannot move the cursor or hide itself. `keep` leaves line breaks and tabs; `join` makes one line.
 */
export function printable(text: string, lines: 'keep' | 'join' = 'join'): string {
  const shown = lines === 'join' ? text.replaceAll(BREAKS, ' ') : text.replaceAll('\r\n', '\n');
  return shown.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (lines === 'keep' && (character === '\n' || character === '\t')) return character;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
