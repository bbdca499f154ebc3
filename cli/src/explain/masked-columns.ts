import type { Command, MaskRules } from '@sidegate/policy';

/** A column that the command reads out and that does not come out in clear. */
export interface MaskedColumn {
  /** `schema.table.column`; the schema is left out where it is not known. */
  readonly column: string;
  readonly rule: string;
  readonly with: string;
}

/** Which of the columns that a command reads out are masked, each once. */
export function maskedColumns(command: Command, masks: MaskRules): readonly MaskedColumn[] {
  if (command.protocol !== 'Postgres') return [];
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
