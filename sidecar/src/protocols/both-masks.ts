import type { KeyMasks, Mask, MaskRules } from '@sidegate/policy';

/** Both sets of masks at once. Where two different masks meet, the value is redacted: that is the strongest of all. */
export function bothMasks(a: MaskRules, b: MaskRules): MaskRules {
  if (a === b || b.empty) return a;
  if (a.empty) return b;
  if (isWithin(b, a)) return a;
  return {
    empty: false,
    ...(a.digests === undefined || b.digests === undefined ? {} : { digests: [...a.digests, ...b.digests] }),
    columns: a.columns || b.columns,
    columnMask: (schema, table, column) =>
      stronger(a.columnMask(schema, table, column), b.columnMask(schema, table, column)),
    masksTable: (schema, table) => a.masksTable(schema, table) || b.masksTable(schema, table),
    ...keysOf(a.keys, b.keys),
    fields: [...a.fields, ...b.fields],
    detect: [...a.detect, ...b.detect],
    unknownOrigin: stronger(a.unknownOrigin, b.unknownOrigin) ?? a.unknownOrigin,
    maskValue: (mask, text) => a.maskValue(mask, text),
    passesContent: (bytes, start, end) =>
      a.passesContent?.(bytes, start, end) === true && b.passesContent?.(bytes, start, end) === true,
    maskContent: (text) => b.maskContent(a.maskContent(text)),
    maskJson: (text) => b.maskJson(a.maskJson(text)),
  };
}

/** All that `part` does is done by `whole`: a policy that says nothing new of masks must not put the same ones on twice. */
function isWithin(part: MaskRules, whole: MaskRules): boolean {
  return part.digests?.every((one) => whole.digests?.includes(one) === true) === true;
}

function stronger(a: Mask | undefined, b: Mask | undefined): Mask | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.with.type === b.with.type && a.with.keepLast === b.with.keepLast) return a;
  return { rule: b.rule, with: { type: 'Redact' } };
}

function keysOf(a: KeyMasks | undefined, b: KeyMasks | undefined): { readonly keys?: KeyMasks } {
  if (a === undefined || b === undefined) {
    const keys = a ?? b;
    return keys === undefined ? {} : { keys };
  }
  return {
    keys: {
      mask: (key, field) => stronger(a.mask(key, field), b.mask(key, field)),
      any: (key, isPattern) => stronger(a.any(key, isPattern), b.any(key, isPattern)),
    },
  };
}
