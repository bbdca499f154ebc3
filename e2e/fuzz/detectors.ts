import type { MaskWith } from '@sidegate/crds';
import { buildContentMask, DETECTOR_NAMES, findContent } from '@sidegate/policy';
import * as fc from 'fast-check';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { busyTexts, sensitiveValues } from './sensitive-values.ts';

const KEY = Buffer.from('a key for fuzzing');

/** Masks of every type. */
export const maskTypes: fc.Arbitrary<MaskWith> = fc.oneof(
  fc.constantFrom<MaskWith>({ type: 'Redact' }, { type: 'Hash' }, { type: 'Null' }),
  fc.nat(24).map((keepLast): MaskWith => ({ type: 'Partial', keepLast })),
);

function maskAll(mask: MaskWith): (text: string) => string {
  const detect = DETECTOR_NAMES.map((detector) => ({ detector, mask: { rule: detector, with: mask } }));
  return buildContentMask(detect, KEY);
}

/** What may stand directly before and after a value without belonging to it. */
const before = fc.constantFrom('="', "='", '(', ': "', ',"', '\n', '\t', '>', 'is ');
const after = fc.constantFrom('"', "'", ')', ',', '\n', '\t', '<', ';', ' is');

/** The fuzzers of content detection. */
export const DETECTOR_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'detectors-masks',
    promise: 'Content masks never throw, change nothing where nothing is found, and change a masked text no more.',
    cases: fc.tuple(busyTexts, maskTypes),
    check([text, mask]) {
      const finds = findContent(text);
      const apply = maskAll(mask);
      const once = apply(text);
      if (finds.length === 0 && once !== text) return `changed without a find: ${once}`;
      return apply(once) === once ? undefined : `masked twice: ${JSON.stringify([once, apply(once)])}`;
    },
  }),
  defineFuzzer({
    name: 'detectors-planted',
    promise: 'A well-made value that stands apart is found in any text, and is gone once it is masked.',
    cases: fc.record({ left: busyTexts, before, planted: sensitiveValues, after, right: busyTexts }),
    check({ left, before: open, planted, after: close, right }) {
      const text = left + open + planted.value + close + right;
      const start = left.length + open.length;
      const end = start + planted.value.length;
      const finds = findContent(text, [planted.detector]);
      if (!covers(finds, start, end)) return `${planted.detector} was not found in ${JSON.stringify(text)}`;
      const masked = maskAll({ type: 'Redact' })(text);
      const isElsewhere = (left + right).includes(planted.value);
      return masked.includes(planted.value) && !isElsewhere ? `it is still in ${JSON.stringify(masked)}` : undefined;
    },
  }),
  defineFuzzer({
    name: 'detectors-neighbours',
    promise: 'A value with a wrong check digit or a missing part is not found where it stands alone.',
    cases: sensitiveValues,
    check({ detector, broken }) {
      if (broken === undefined) return undefined;
      const finds = findContent(broken, [detector]);
      return finds.some((find) => find.end - find.start === broken.length) ? `${detector} found ${broken}` : undefined;
    },
  }),
];

/** True when the finds, taken together, leave no gap between `start` and `end`. */
function covers(
  finds: readonly { readonly start: number; readonly end: number }[],
  start: number,
  end: number,
): boolean {
  let place = start;
  for (const find of finds) if (find.start <= place && find.end > place) place = find.end;
  return place >= end;
}
