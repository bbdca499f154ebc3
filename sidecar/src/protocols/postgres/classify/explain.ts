import type { ExplainStmt, Node } from 'libpg-query';
import type { BaseColumn, OutputOrigin } from '../sql-reading.ts';
import type { Context } from './findings.ts';
import { type Outcome, outcome } from './outcome.ts';
import { readStatement } from './walk.ts';

/**
 * EXPLAIN. With ANALYZE the statement runs and counts as itself besides; without, it is only read: what it would write is listed as read.
 * The plan tells about columns through its estimates, so it is made of all columns that the statement uses.
 */
export function readExplain({ query, options }: ExplainStmt, context: Context): Outcome {
  const { findings, statement } = context;
  if (query === undefined) return outcome({ outputs: undefined });
  if (runs(options)) {
    const from = findings.statements.length;
    findings.measured = true;
    const inside = readStatement(query, findings);
    findings.measured = false;
    const columns = findings.statements.slice(from).flatMap((each) => each.columns);
    return { ...inside, outputs: [planOf(columns)] };
  }
  const inside = findings.inside();
  readStatement(query, inside);
  for (const { kind, detail } of inside.incompletenesses) {
    // Planning runs nothing but immutable and stable functions.
    if (kind !== 'VolatileFunction') findings.incomplete(kind, detail);
  }
  findings.takeNotes(inside);
  const columns: BaseColumn[] = [];
  for (const found of inside.statements) {
    const { tables, functions, columns: uses } = found.finish();
    for (const { schema, name } of tables) statement.addTable(schema, name, 'Read');
    for (const use of functions) statement.addFunction(use);
    for (const use of uses) statement.addColumns([use], use.use);
    columns.push(...uses);
  }
  return outcome({ outputs: [planOf(columns)] });
}

function planOf(columns: readonly BaseColumn[]): OutputOrigin {
  if (columns.length === 0) return { kind: 'Literal' };
  return { kind: 'Computed', columns: columns.map(({ schema, table, column }) => ({ schema, table, column })) };
}

function runs(options: readonly Node[] | undefined): boolean {
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname?.toLowerCase() !== 'analyze') continue;
    const { arg } = option.DefElem;
    if (arg === undefined) return true;
    const text = 'String' in arg ? (arg.String.sval ?? '') : 'Integer' in arg ? String(arg.Integer.ival ?? 0) : 'true';
    if (!['false', 'off', '0', 'f', 'no', 'n'].includes(text.toLowerCase())) return true;
  }
  return false;
}
