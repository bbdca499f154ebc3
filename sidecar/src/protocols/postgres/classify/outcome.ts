import type { PostgresCommand } from '@sidegate/policy';
import type { ExecuteStmt } from 'libpg-query';
import type { OutputOrigin, StatementReading } from '../sql-reading.ts';
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
    if (origin.kind === 'Unknown') {
      context.findings.incomplete('UnknownColumn', 'What is copied comes from values of unknown origin.');
    }
    context.statement.addColumns(columnsOf(origin), 'Condition');
  }
}

/** When it was prepared nobody knew that its run would be measured. */
function noteMeasured({ statements }: PostgresCommand, { statement }: Context): void {
  for (const { columns } of statements) statement.addColumns(columns, 'Condition');
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
