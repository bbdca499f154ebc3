import type { Mask, MaskRules } from '@sidegate/policy';

const REDACT: Mask = { rule: 'test', with: { type: 'Redact' } };

export const NO_MASKS: MaskRules = {
  empty: true,
  columns: false,
  columnMask: () => undefined,
  masksTable: () => false,
  fields: [],
  detect: [],
  unknownOrigin: REDACT,
  maskValue: (_, text) => text,
  maskContent: (text) => text,
  maskJson: (text) => text,
};

/** Masks on the named columns (`schema.table.column`) and, when `secret` is given, on that word wherever it stands. */
export function fakeMasks(columns: Readonly<Record<string, Mask['with']>>, secret?: string): MaskRules {
  const names = Object.keys(columns);
  const hide = (text: string): string =>
    secret === undefined ? text : text.replaceAll(secret, '*'.repeat(secret.length));
  return {
    empty: false,
    columns: names.length > 0,
    columnMask: (schema, table, column) => {
      const found = columns[`${schema}.${table}.${column}`];
      return found === undefined ? undefined : { rule: 'test', with: found };
    },
    masksTable: (schema, table) => names.some((name) => name.startsWith(`${schema}.${table}.`)),
    fields: [],
    detect: secret === undefined ? [] : [{ detector: 'Email', mask: REDACT }],
    unknownOrigin: REDACT,
    maskValue: (mask, text) => {
      if (mask.with.type === 'Null') return null;
      if (mask.with.type === 'Partial')
        return (
          '*'.repeat(Math.max(0, text.length - (mask.with.keepLast ?? 4))) + text.slice(-(mask.with.keepLast ?? 4))
        );
      return '[masked]';
    },
    maskContent: hide,
    maskJson: hide,
  };
}
