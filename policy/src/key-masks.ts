import { strongerMask } from './mask/index.ts';
import type { KeyMasks, Mask } from './masking.ts';
import { compileGlob } from './match/glob.ts';
import { mayMeet, splitKeyPattern } from './match/key-pattern.ts';

/** How many answers about single keys are remembered. */
const KEPT_MAX = 10_000;

/** Joins masks on keys: where several meet one value the strongest holds, whatever their order. */
export function buildKeyMasks(masks: readonly { readonly pattern: string; readonly mask: Mask }[]): KeyMasks {
  const rules = masks.map(({ pattern, mask }) => {
    const [key, field] = splitKeyPattern(pattern);
    return {
      pattern: key,
      key: compileGlob(key, false),
      field: field === undefined ? undefined : compileGlob(field, false),
      mask,
    };
  });
  const kept = new Map<string, readonly (typeof rules)[number][]>();
  const rulesOf = (key: string): readonly (typeof rules)[number][] => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const found = rules.filter((rule) => rule.key(key));
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(key, found);
    return found;
  };
  return {
    mask: (key, field) =>
      strongestOf(
        rulesOf(key).filter((rule) => rule.field === undefined || (field !== undefined && rule.field(field))),
      ),
    any: (key, isPattern) => strongestOf(isPattern ? rules.filter((rule) => mayMeet(rule.pattern, key)) : rulesOf(key)),
  };
}

function strongestOf(rules: readonly { readonly mask: Mask }[]): Mask | undefined {
  let strongest: Mask | undefined;
  for (const { mask } of rules) strongest = strongest === undefined ? mask : strongerMask(strongest, mask);
  return strongest;
}
