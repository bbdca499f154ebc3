/** The longest pattern that is taken, in UTF-16 units: longer than any name a target knows. */
export const PATTERN_LENGTH_MAX = 512;

/** A test of one text. */
export type TextTest = (text: string) => boolean;

/**
 * Compiles a pattern in which `*` stands for any text, also none; every other character stands for itself. Runs in time linear in the text for
 * each piece between stars. `foldCase` makes it blind to case.
 */
export function compileGlob(pattern: string, foldCase: boolean): TextTest {
  const wanted = foldCase ? pattern.toLowerCase() : pattern;
  if (/^\*+$/.test(wanted)) return () => true;
  if (!wanted.includes('*')) return foldCase ? (text) => text.toLowerCase() === wanted : (text) => text === wanted;
  const pieces = wanted.split('*');
  const head = pieces[0] ?? '';
  const tail = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  return (text) => matchesPieces(foldCase ? text.toLowerCase() : text, head, middle, tail);
}

function matchesPieces(text: string, head: string, middle: readonly string[], tail: string): boolean {
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (const piece of middle) {
    const found = text.indexOf(piece, from);
    if (found < 0 || found + piece.length > end) return false;
    from = found + piece.length;
  }
  return true;
}
