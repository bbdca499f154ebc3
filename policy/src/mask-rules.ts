import { createHmac } from 'node:crypto';
import type { DetectorName, MaskWith } from '@sidegate/crds';
import type { CompiledMask } from './compiled-mask.ts';
import { buildContentMask, findsNothing } from './detect/index.ts';
import { buildKeyMasks } from './key-masks.ts';
import { buildJsonMask, maskText, strongerMask } from './mask/index.ts';
import type { Mask, MaskRules } from './masking.ts';
import { matchesName, type QualifiedNameTest } from './match/qualified-name.ts';
import { sortedBy } from './order.ts';

/** How masks are carried out; passed in, so that which mask holds can be tested by itself. */
export interface MaskMeans {
  maskText(mask: MaskWith, text: string, key: Uint8Array): string | null;
  buildContentMask(
    detect: readonly { readonly detector: DetectorName; readonly mask: Mask }[],
    key: Uint8Array,
  ): (text: string) => string;
  buildJsonMask(
    fields: readonly { readonly path: string; readonly mask: Mask }[],
    content: (text: string) => string,
    key: Uint8Array,
  ): (text: string) => string;
}

/** How masks are carried out, but for tests. */
export const MASK_MEANS: MaskMeans = { maskText, buildContentMask, buildJsonMask };

interface ColumnRule {
  readonly name: QualifiedNameTest;
  readonly mask: Mask;
}

/** What stands in where nobody knows what a value is made of: at least Redact, since the end of an unknown value may be all of a masked one. */
const REDACT: Mask = { rule: 'unknown-origin', with: { type: 'Redact' } };

/** Joins masks: where several meet one value, the strongest holds, whatever their order. */
export function buildMaskRules(masks: readonly CompiledMask[], means: MaskMeans, key: Uint8Array): MaskRules {
  const columns = masks.flatMap(({ mask, columns: names }): readonly ColumnRule[] =>
    names.map((name) => ({ name, mask })),
  );
  const keys = masks.flatMap(({ mask, keys: patterns }) => patterns.map((pattern) => ({ pattern, mask })));
  const fields = strongestEach(masks.flatMap((mask) => mask.fields.map((path) => [path, mask.mask] as const)));
  const detect = strongestEach(masks.flatMap((mask) => mask.detect.map((detector) => [detector, mask.mask] as const)));
  const detectors = detect.map(([detector, mask]) => ({ detector, mask }));
  const paths = fields.map(([path, mask]) => ({ path, mask }));
  const all = [...[...columns, ...keys].map(({ mask }) => mask), ...[...fields, ...detect].map(([, mask]) => mask)];
  const strongest = all.length === 0 ? undefined : all.reduce(strongerMask);
  const maskContent = detectors.length === 0 ? unchanged : means.buildContentMask(detectors, key);
  const names = detectors.map(({ detector }) => detector);
  // Without paths too: content behind escapes is seen only by reading the JSON, and a masked number must stay JSON.
  const maskJson =
    paths.length === 0 && detectors.length === 0 ? unchanged : means.buildJsonMask(paths, maskContent, key);
  return {
    empty: strongest === undefined,
    digests: [digestOf(masks, key)],
    columns: columns.length > 0,
    ...(keys.length === 0 ? {} : { keys: buildKeyMasks(keys) }),
    columnMask(schema, table, column) {
      let mask: Mask | undefined;
      for (const rule of columns) {
        if (!matchesName(rule.name, schema, table, column)) continue;
        mask = mask === undefined ? rule.mask : strongerMask(mask, rule.mask);
      }
      return mask;
    },
    masksTable: (schema, table) =>
      columns.some(({ name }) => name.parts[0]?.(schema) === true && name.parts[1]?.(table) === true),
    fields: paths,
    detect: detectors,
    unknownOrigin: strongest === undefined ? REDACT : strongerThanRedact(strongest),
    maskValue: (mask, text) => means.maskText(mask.with, text, key),
    maskContent,
    passesContent: (bytes, start, end) => findsNothing(bytes, names, start, end),
    maskJson,
  };
}

/** Where the key is another, Hash masks show something else. */
function digestOf(masks: readonly CompiledMask[], key: Uint8Array): string {
  const said = masks.map(({ mask: { rule }, source }) => [rule, source]);
  return createHmac('sha256', key).update(JSON.stringify(said)).digest('base64');
}

function unchanged(text: string): string {
  return text;
}

function strongerThanRedact(mask: Mask): Mask {
  const redact: Mask = { ...REDACT, rule: mask.rule };
  return strongerMask(mask, redact);
}

/** The strongest mask of each name, in the order of the names. */
function strongestEach<Name extends string>(
  entries: readonly (readonly [Name, Mask])[],
): readonly (readonly [Name, Mask])[] {
  const byName = new Map<Name, Mask>();
  for (const [name, mask] of entries) {
    const other = byName.get(name);
    byName.set(name, other === undefined ? mask : strongerMask(mask, other));
  }
  return sortedBy([...byName], ([name]) => name);
}
