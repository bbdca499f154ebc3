/** A line break with the white space around it, or a tab. White space is looked through once, from where it begins: an agent may send a MiB of it. */
const BREAKS = /(?<!\s)\s*\n\s*|\t/gu;

/** Control characters, what turns the direction of writing, what takes no room, and what looks like a space and is none to a shell. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/**
 * Text from a record as it may go to a terminal: what is not seen as it is, is shown as an escape, so that a recorded text cannot move the cursor, hide itself or
 * pass for another. `keep` leaves line breaks and tabs, `exact` only those that a shell takes for such; `join` makes one line.
 */
export function printable(text: string, lines: 'keep' | 'exact' | 'join' = 'join'): string {
  const shown = lines === 'join' ? text.replaceAll(BREAKS, ' ') : text;
  return (lines === 'keep' ? shown.replaceAll('\r\n', '\n') : shown).replaceAll(HIDDEN, (character) => {
    if (lines !== 'join' && (character === '\n' || character === '\t')) return character;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
