/** A mask's `keys` entry in its two parts, as Redis itself writes a field in SORT: `customer:*->ssn`. The field is undefined when there is none. */
export function splitKeyPattern(pattern: string): readonly [key: string, field: string | undefined] {
  const at = pattern.indexOf('->');
  return at < 0 ? [pattern, undefined] : [pattern.slice(0, at), pattern.slice(at + 2)];
}

/** True unless it is certain that no key matches both: `pattern` with `*` alone, `redisPattern` as Redis writes them. */
export function mayMeet(pattern: string, redisPattern: string): boolean {
  const one = literalStart(pattern, /\*/);
  const other = literalStart(redisPattern, /[*?[\\]/);
  return one.startsWith(other) || other.startsWith(one);
}

/** True only when it is certain that every key that `redisPattern` matches is one of `pattern`'s. */
export function coversPattern(pattern: string, redisPattern: string): boolean {
  if (/^\*+$/.test(pattern) || (pattern === redisPattern && !/[?[\\]/.test(pattern))) return true;
  const start = pattern.slice(0, -1);
  if (!pattern.endsWith('*') || start.includes('*')) return false;
  return literalStart(redisPattern, /[*?[\\]/).startsWith(start);
}

function literalStart(pattern: string, special: RegExp): string {
  const at = pattern.search(special);
  return at < 0 ? pattern : pattern.slice(0, at);
}
