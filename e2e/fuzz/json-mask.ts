import { assertNever, type MaskWith } from '@sidegate/crds';
import { buildContentMask, buildJsonMask, DETECTOR_NAMES, maskText } from '@sidegate/policy';
import * as fc from 'fast-check';
import { maskTypes } from './detectors.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { busyTexts } from './sensitive-values.ts';

const KEY = Buffer.from('a key for fuzzing');
const nothing = (text: string): string => text;

/** JSON as it is written: each token with the white space after it. */
type Written =
  | { readonly kind: 'Scalar'; readonly text: string; readonly space: string }
  | { readonly kind: 'Array'; readonly items: readonly Written[]; readonly space: string }
  | { readonly kind: 'Object'; readonly members: readonly Member[]; readonly space: string };

interface Member {
  readonly name: string;
  readonly isEscaped: boolean;
  readonly value: Written;
}

type Step = { readonly deep: boolean; readonly test: string | number };

const space = fc.constantFrom('', '', ' ', '\n', '\t ');
const names = fc.constantFrom('a', 'b', 'x y', 'é', '');
const scalars = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '0',
    '-0.0',
    '1e400',
    '12345678901234567890.10',
    '-1E-2',
    'true',
    'false',
    'null',
    '""',
    '"\\/\\u0041"',
  ),
);
const { value: written } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.record({ kind: fc.constant('Scalar' as const), text: scalars, space }),
    fc.record({ kind: fc.constant('Array' as const), items: fc.array(tie('value'), { maxLength: 4 }), space }),
    fc.record({
      kind: fc.constant('Object' as const),
      members: fc.array(fc.record({ name: names, isEscaped: fc.boolean(), value: tie('value') }), { maxLength: 4 }),
      space,
    }),
  ),
}));
const steps: fc.Arbitrary<Step> = fc.record({
  deep: fc.boolean(),
  test: fc.oneof(names, fc.nat(3), fc.constant('*')),
});
const fields = fc.array(fc.record({ steps: fc.array(steps, { maxLength: 4 }), mask: maskTypes }), { maxLength: 3 });

function spell(path: readonly Step[]): string {
  const brackets = (test: string | number): string =>
    typeof test === 'number' || test === '*' ? `[${test}]` : `['${test}']`;
  return `$${path.map(({ deep, test }) => (deep ? '..' : '') + brackets(test)).join('')}`;
}

/** True when `path` leads from the root through `trail`. */
function leads(path: readonly Step[], trail: readonly (string | number)[]): boolean {
  const [step, ...rest] = path;
  if (step === undefined) return trail.length === 0;
  const [child, ...below] = trail;
  if (child === undefined) return false;
  if ((step.test === '*' || step.test === child) && leads(rest, below)) return true;
  return step.deep && leads(path, below);
}

function rank(mask: MaskWith): number {
  return ['Partial', 'Hash', 'Redact', 'Null'].indexOf(mask.type) * 100 - (mask.keepLast ?? 4);
}

function write(
  value: Written,
  trail: readonly (string | number)[],
  maskAt: (trail: readonly (string | number)[]) => MaskWith | undefined,
): string {
  const mask = maskAt(trail);
  if (mask !== undefined) return masked(value, mask) + value.space;
  switch (value.kind) {
    case 'Scalar':
      return value.text + value.space;
    case 'Array':
      return `[${value.items.map((item, index) => write(item, [...trail, index], maskAt)).join(',')}]${value.space}`;
    case 'Object':
      return `{${value.members.map((member) => `${spellName(member)}:${write(member.value, [...trail, member.name], maskAt)}`).join(',')}}${value.space}`;
    default:
      return assertNever(value);
  }
}

function spellName({ name, isEscaped }: Member): string {
  if (!isEscaped) return JSON.stringify(name);
  return `"${Array.from(name, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

function masked(value: Written, mask: MaskWith): string {
  const plain = write({ ...value, space: '' }, [], () => undefined);
  if (plain === 'null') return plain;
  const isText = value.kind === 'Scalar' && !['true', 'false'].includes(plain);
  if (!isText && mask.type === 'Partial') return '"[masked]"';
  const text = plain.startsWith('"') ? String(JSON.parse(plain)) : plain;
  return JSON.stringify(maskText(mask, text, KEY));
}

/** The fuzzers of JSON masking. */
export const JSON_MASK_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'json-mask',
    promise: 'Masking paths in JSON gives the same text with just the values at the paths replaced.',
    cases: fc.tuple(written, fields),
    check([value, rules]) {
      const text = write(value, [], () => undefined);
      JSON.parse(text);
      const expected = write(value, [], (trail) =>
        rules
          .filter((rule) => leads(rule.steps, trail))
          .map((rule) => rule.mask)
          .toSorted((a, b) => rank(b) - rank(a))
          .at(0),
      );
      const apply = buildJsonMask(
        rules.map((rule) => ({ path: spell(rule.steps), mask: { rule: 'r', with: rule.mask } })),
        nothing,
        KEY,
      );
      const given = apply(text);
      return given === expected
        ? undefined
        : `${text} by ${rules.map((rule) => spell(rule.steps)).join(' ')} gave ${given}, not ${expected}`;
    },
  }),
  defineFuzzer({
    name: 'json-damaged',
    promise:
      'JSON stays JSON when content is masked in it, and what is not JSON is masked as content, without a throw.',
    cases: fc.record({
      value: fc.jsonValue({ stringUnit: 'binary' }),
      texts: fc.array(busyTexts, { maxLength: 3 }),
      mask: maskTypes,
      cut: fc.nat(400),
      put: fc.constantFrom('', '"', '\\', '}', ',', '0'),
    }),
    check({ value, texts, mask, cut, put }) {
      const content = buildContentMask(
        DETECTOR_NAMES.map((detector) => ({ detector, mask: { rule: 'r', with: mask } })),
        KEY,
      );
      const apply = buildJsonMask([{ path: '$..a', mask: { rule: 'r', with: mask } }], content, KEY);
      const json = JSON.stringify({ value, texts });
      const given = apply(json);
      if (!isJson(given)) return `no longer JSON: ${given}`;
      if (apply(given) !== given && mask.type !== 'Hash')
        return `masked twice: ${JSON.stringify([given, apply(given)])}`;
      const damaged = json.slice(0, cut) + put + json.slice(cut + 1);
      const other = apply(damaged);
      return isJson(damaged) || other === content(damaged) ? undefined : `not masked as content: ${other}`;
    },
  }),
];

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
