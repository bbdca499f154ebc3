import type { Command, MaskRules, RedisCommand } from '@sidegate/policy';

/** A column or key that the command reads out and that does not come out in clear. */
export interface MaskedColumn {
  /** `schema.table.column`; the schema is left out where it is not known. A key of Redis. */
  readonly column: string;
  readonly rule: string;
  readonly with: string;
}

/** Which of the columns or keys that a command reads out are masked, each once. */
export function maskedColumns(command: Command, masks: MaskRules): readonly MaskedColumn[] {
  if (command.protocol === 'Redis') return maskedKeys(command, masks);
  if (command.protocol === 'SSH') return [];
  const found = new Map<string, MaskedColumn>();
  for (const { columns } of command.statements) {
    for (const { schema, table, column, use } of columns) {
      const mask = use === 'Output' ? masks.columnMask(schema, table, column) : undefined;
      if (mask === undefined) continue;
      const name = [schema, table, column].filter((part) => part !== '').join('.');
      found.set(name, { column: name, rule: mask.rule, with: mask.with.type });
    }
  }
  return [...found.values()];
}

function maskedKeys({ keys }: RedisCommand, masks: MaskRules): readonly MaskedColumn[] {
  const found = new Map<string, MaskedColumn>();
  for (const { name, access, isPattern } of keys) {
    const mask = access === 'Read' ? masks.keys?.any(name, isPattern === true) : undefined;
    if (mask !== undefined) found.set(name, { column: name, rule: mask.rule, with: mask.with.type });
  }
  return [...found.values()];
}
