import type { PostgresCommand } from '@sidegate/policy';
import type { ExecuteStmt } from 'libpg-query';
import type { OutputOrigin, StatementReading } from '../sql-reading.ts';
import { telltale } from '../telltale.ts';
import type { Context } from './findings.ts';
import { openScope } from './scope.ts';
import { columnsOf, LITERAL } from './value.ts';
import { readAll } from './walk.ts';

/** What is known of one statement beyond its findings. */
export type Outcome = Omit<StatementReading, 'verb'>;

const NOTHING: Outcome = { outputs: [], changesCatalog: false, sessionEffect: undefined };

/** An outcome that differs from "gives no rows and changes nothing" in these. */
export function outcome(parts: Partial<Outcome> = {}): Outcome {
  return { ...NOTHING, ...parts };
}

/** Rows that go into a new table come out of it under other names: what is masked may not go there. */
export function noteCopies(outputs: readonly OutputOrigin[] | undefined, context: Context): void {
  if (outputs === undefined) {
    context.findings.incomplete('UnknownColumn', 'What is copied comes from columns that are not known.');
  }
  for (const origin of outputs ?? []) {
    noteUntold(origin, context);
    context.statement.addColumns(columnsOf(origin), 'Condition');
  }
}

/** What a table is given may come from where no mask follows it: values of unknown origin, and what the server shows of others. */
export function noteUntold(origin: OutputOrigin, { findings }: Context): void {
  const isUntold =
    origin.kind === 'Unknown' ||
    columnsOf(origin).some(({ schema, table, column }) => telltale(schema, table, column) !== undefined);
  if (isUntold) findings.incomplete('UnknownColumn', 'What is copied comes from values of unknown origin.');
}

/** When it was prepared nobody knew that its run would be measured. */
function noteMeasured({ statements }: PostgresCommand, { findings, statement }: Context): void {
  for (const { columns, tables } of statements) {
    statement.addColumns(columns, 'Condition');
    for (const { schema, name: table, access } of tables) {
      const { columns: written = [] } =
        access === 'Write' ? (findings.catalog.resolveTable(schema, table, []) ?? {}) : {};
      statement.addColumns(
        written.map(({ name: column }) => ({ schema, table, column })),
        'Condition',
      );
    }
  }
}

/** EXECUTE runs what was prepared: its findings count as this text's. */
export function readExecute({ name = '', params }: ExecuteStmt, context: Context): Outcome {
  const { findings } = context;
  const values = params?.map((node) => readAll([node], openScope(undefined), context, 'Condition')[0] ?? LITERAL) ?? [];
  findings.ofThisMoment = true;
  const prepared = findings.state.prepared.get(name);
  if (prepared === undefined) {
    findings.incomplete('UnknownStatement', `No prepared statement ${name} is known in this session.`);
    return outcome({ outputs: undefined, execute: name, sessionEffect: { kind: 'Unknown' } });
  }
  findings.include(prepared.command);
  if (findings.measured) noteMeasured(prepared.command, context);
  for (const [index, value] of values.entries()) findings.meet(value, prepared.parameters[index] ?? []);
  const [inside] = prepared.statements;
  return { ...outcome({ outputs: inside?.outputs }), ...inside, execute: name };
}
