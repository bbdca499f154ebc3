import { KeptByName } from './kept-by-name.ts';
import { strongerMask } from './mask/index.ts';
import type { KeyMasks, Mask } from './masking.ts';
import { compileGlob, type TextTest } from './match/glob.ts';
import { mayMeet, splitKeyPattern } from './match/key-pattern.ts';

/** With fewer rules it is quicker to ask them again than to look up what they said, and the names of keys need not be kept. */
const KEPT_FROM_RULES = 16;
/** How many answers about single keys are remembered, and the longest name of one. */
const [KEPT_MAX, KEPT_LENGTH_MAX] = [10_000, 256];

interface KeyRule {
  readonly pattern: string;
  readonly key: TextTest;
  readonly field: TextTest | undefined;
  readonly mask: Mask;
}

/** Joins masks on keys: where several meet one value the strongest holds, whatever their order. */
export function buildKeyMasks(masks: readonly { readonly pattern: string; readonly mask: Mask }[]): KeyMasks {
  const rules = masks.map(({ pattern, mask }): KeyRule => {
    const [key, field] = splitKeyPattern(pattern);
    return {
      pattern: key,
      key: compileGlob(key, false),
      field: field === undefined ? undefined : compileGlob(field, false),
      mask,
    };
  });
  const kept = new KeptByName<readonly KeyRule[]>(KEPT_MAX, KEPT_LENGTH_MAX);
  const findRules = (key: string): readonly KeyRule[] =>
    rules.some((rule) => rule.key(key)) ? rules.filter((rule) => rule.key(key)) : NO_RULES;
  const rulesOf = (key: string): readonly KeyRule[] =>
    rules.length < KEPT_FROM_RULES ? findRules(key) : kept.get(key, findRules);
  return {
    mask(key, field) {
      const found = rulesOf(key);
      if (found.length === 0) return undefined;
      return strongestOf(
        found.filter((rule) => rule.field === undefined || (field !== undefined && rule.field(field))),
      );
    },
    any: (key, isPattern) => strongestOf(isPattern ? rules.filter((rule) => mayMeet(rule.pattern, key)) : rulesOf(key)),
  };
}

const NO_RULES: readonly KeyRule[] = [];

function strongestOf(rules: readonly { readonly mask: Mask }[]): Mask | undefined {
  let strongest: Mask | undefined;
  for (const { mask } of rules) strongest = strongest === undefined ? mask : strongerMask(strongest, mask);
  return strongest;
}
