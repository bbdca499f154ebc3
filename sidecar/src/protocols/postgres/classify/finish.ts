import { hash } from 'node:crypto';
import type { ColumnUse, PostgresCommand, PostgresStatement } from '@sidegate/policy';
import type { Node } from 'libpg-query';
import type { SqlReading, StatementReading } from '../sql-reading.ts';
import { telltale } from '../telltale.ts';
import type { Findings } from './findings.ts';
import { lexSql } from './lexer.ts';
import { literalTokens, maskSqlText } from './mask-text.ts';
import { readStatement } from './walk.ts';

/** By place among the literals of a text, the columns that each meets. */
export type LiteralColumns = readonly SqlReading['parameters'][number][];

/** The findings as a command that policy reads. */
export function commandOf(findings: Findings): PostgresCommand {
  for (const { columns } of findings.statements) noteSamples(columns, findings);
  const incomplete = findings.incompletenesses;
  return {
    protocol: 'Postgres',
    complete: incomplete.length === 0,
    incomplete,
    statements: findings.statements.map((statement) => withKinds(statement.finish(), findings)),
  };
}

/** The planner's samples tell about other tables: no condition may stand on them, whatever a query calls them. */
function noteSamples(columns: readonly ColumnUse[], findings: Findings): void {
  for (const { schema, table, column, use } of columns) {
    if (use === 'Condition' && telltale(schema, table, column) === 'Sample')
      findings.incomplete('StatisticsCondition', `A condition on ${column} tells about other tables' rows.`);
  }
}

/** Says of which columns fields may be masked, and which are secrets of the server. */
function withKinds(statement: PostgresStatement, { catalog }: Findings): PostgresStatement {
  const columns = statement.columns.map((used) => {
    const { schema, table, column } = used;
    if (telltale(schema, table, column) === 'Secret') return { ...used, secret: true as const };
    return catalog.holdsJson?.(schema, table, column) === true ? { ...used, json: true as const } : used;
  });
  return { ...statement, columns };
}

export function finish(
  findings: Findings,
  statements: readonly StatementReading[],
  text: string,
  literals: LiteralColumns,
): SqlReading {
  const command = commandOf(findings);
  const definitions = definitionsOf(command, findings);
  return {
    command,
    statements,
    ...(definitions === undefined ? {} : { definitions }),
    parameters: parametersOf(findings),
    verbs: [...new Set(command.statements.map(({ verb }) => verb))],
    objects: objectsOf(command),
    ofThisMoment: findings.ofThisMoment,
    masksText: textMasker(text, literals, command),
  };
}

/** How a text is shown: in a command that was read whole, a literal that met no column meets none; in another nobody knows. */
export function textMasker(text: string, literals: LiteralColumns, command: PostgresCommand): SqlReading['masksText'] {
  const untold = command.complete ? [] : undefined;
  return (masks) => maskSqlText(text, (index) => literals[index] ?? untold, masks);
}

function parametersOf(findings: Findings): SqlReading['parameters'] {
  return Array.from({ length: findings.parametersMax }, (_, index) => findings.parameters.at(index + 1));
}

/** Under another definition the same text does something else. */
function definitionsOf({ statements }: PostgresCommand, { catalog }: Findings): string | undefined {
  const texts = new Set<string>();
  for (const { tables, functions } of statements) {
    for (const { schema, name } of tables) texts.add(catalog.resolveTable(schema, name, [])?.definition ?? '');
    for (const { schema, name } of functions) {
      for (const known of catalog.functions(name)) if (known.schema === schema) texts.add(known.definition ?? '');
    }
  }
  texts.delete('');
  return texts.size === 0 ? undefined : hash('sha256', JSON.stringify([...texts].toSorted()), 'hex');
}

function objectsOf({ statements }: PostgresCommand): readonly string[] {
  const objects = new Set<string>();
  for (const { tables } of statements) {
    for (const { schema, name, access } of tables) {
      objects.add(`${access.toLowerCase()} ${schema === '' ? name : `${schema}.${name}`}`);
    }
  }
  return [...objects];
}

/** Byte offsets, as the parser gives them, as places among the literals of the text. */
export function placeLiterals(text: string, findings: Findings): LiteralColumns {
  const offsets = findings.literals.places.toSorted((a, b) => a - b);
  if (offsets.length === 0) return [];
  const tokens = literalTokens(lexSql(text));
  const columns: SqlReading['parameters'][number][] = tokens.map(() => undefined);
  const bytes = new ByteCount(text);
  let at = 0;
  for (const offset of offsets) {
    // A sign or a type name may stand between the place and the literal itself.
    for (let token = tokens[at]; token !== undefined && bytes.before(token.start) < offset; token = tokens[at]) at++;
    if (at < tokens.length) columns[at] = findings.literals.at(offset);
  }
  return columns;
}

/** How many bytes of UTF-8 come before a place in a text; asked in rising order. */
class ByteCount {
  readonly #text: string;
  #at = 0;
  #bytes = 0;

  constructor(text: string) {
    this.#text = text;
  }

  before(place: number): number {
    if (place > this.#at) {
      this.#bytes += Buffer.byteLength(this.#text.slice(this.#at, place));
      this.#at = place;
    }
    return this.#bytes;
  }
}

/** The reading of a statement that another one keeps for later (PREPARE). */
export function walkInside(query: Node, outer: Findings): SqlReading {
  const findings = outer.inside();
  const statements = [readStatement(query, findings)];
  outer.include(commandOf(findings));
  outer.takeNotes(findings);
  const reading = finish(findings, statements, '', []);
  return reading;
}
