import { compileGlob, PATTERN_LENGTH_MAX, type TextTest } from './glob.ts';

/**
 * How a pattern meets a name. `Restrict` (denials, approvals, masks) leans to matching: blind to case, and a schema that is not known matches
 * every pattern. `Permit` (Allow rules) leans to not matching: exact case, and an unknown schema matches only `*`.
 */
export type Leaning = 'Restrict' | 'Permit';

/** Tests a name of so many parts: `schema.table`, `schema.table.column`. */
export interface QualifiedNameTest {
  readonly pattern: string;
  /** Each part by itself, from the left. */
  readonly parts: readonly TextTest[];
}

/**
 * Reads `schema.table` or `schema.table.column`; dots after the last expected part belong to it. Undefined when there are too few parts, an
 * empty one, or the pattern is too long.
 */
export function compileQualifiedName(
  pattern: string,
  partCount: number,
  leaning: Leaning,
): QualifiedNameTest | undefined {
  if (pattern.length > PATTERN_LENGTH_MAX) return undefined;
  const pieces = pattern.split('.');
  const parts = [...pieces.slice(0, partCount - 1), pieces.slice(partCount - 1).join('.')];
  if (parts.length < partCount || parts.some((part) => part.trim() === '' || part !== part.trim())) return undefined;
  return { pattern, parts: parts.map((part) => compilePart(part, leaning)) };
}

function compilePart(part: string, leaning: Leaning): TextTest {
  const test = compileGlob(part, leaning === 'Restrict');
  if (leaning === 'Permit') return (text) => (text === '' ? part === '*' : test(text));
  return (text) => text === '' || test(text);
}

/** True when every part matches. */
export function matchesName(test: QualifiedNameTest, ...names: readonly string[]): boolean {
  return test.parts.every((part, index) => part(names[index] ?? ''));
}
