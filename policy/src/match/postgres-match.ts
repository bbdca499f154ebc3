import type { RuleMatch } from '@sidegate/crds';
import type { FunctionUse, PostgresStatement, TableUse } from '../command.ts';
import { type FaultList, fieldOf, type ResourcePlace } from '../policy-fault.ts';
import { qualified } from './command-part.ts';
import { canonicalStatement, isStatement } from './postgres-statements.ts';
import { compileQualifiedName, type Leaning, matchesName, type QualifiedNameTest } from './qualified-name.ts';

type PostgresMatch = NonNullable<RuleMatch['postgres']>;

/** What a rule says to one statement: that it matches, and which of its tables and functions it covers; or why it does not match. */
export type StatementMatch =
  | { readonly matched: true; readonly tables: readonly boolean[]; readonly functions: readonly boolean[] }
  | { readonly matched: false; readonly why: () => string };

export type StatementTest = (statement: PostgresStatement) => StatementMatch;

interface TableTest {
  readonly name: QualifiedNameTest;
  readonly access: 'Read' | 'Write' | 'Any';
}

/**
 * Compiles `match.postgres`. A statement matches when it is one of `statements`, touches one of `tables` and calls one of `functions`, each only
 * where the rule names any. What a match covers, when permission is asked: a rule that names neither tables nor functions covers all
 * of the statement; one that names tables covers those, and functions that are not volatile; one that names functions covers those.
 * A rule about tables also speaks for a SELECT that touches none (`SELECT 1`).
 */
export function compilePostgresMatch(
  match: PostgresMatch,
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): StatementTest {
  const verbs = compileStatements(match.statements, place, faults);
  const tables = compileTables(match.tables, leaning, place, faults);
  const functions = compileFunctions(match.functions, leaning, place, faults);
  const wanted = match.statements?.join(', ') ?? '';
  return (statement) => {
    if (verbs !== undefined && !verbs.has(canonicalStatement(statement.verb))) {
      return { matched: false, why: () => `${statement.verb} is none of ${wanted}` };
    }
    const tableHits = statement.tables.map((use) => tables?.some((test) => matchesTable(test, use)) ?? true);
    const functionHits = statement.functions.map(
      (use) => functions?.some((test) => matchesFunction(test, use)) ?? true,
    );
    if (tables !== undefined && !tableHits.includes(true) && !(leaning === 'Permit' && touchesNoTable(statement))) {
      return {
        matched: false,
        why: () => `${statement.verb} touches ${listOf(statement.tables)}, none of the rule's tables`,
      };
    }
    if (functions !== undefined && !functionHits.includes(true)) {
      return {
        matched: false,
        why: () => `${statement.verb} calls ${listOf(statement.functions)}, none of the rule's functions`,
      };
    }
    return {
      matched: true,
      tables: tables === undefined && functions !== undefined ? tableHits.map(() => false) : tableHits,
      functions: functions === undefined && tables !== undefined ? statement.functions.map(isHarmless) : functionHits,
    };
  };
}

function touchesNoTable(statement: PostgresStatement): boolean {
  return canonicalStatement(statement.verb) === 'SELECT' && statement.tables.length === 0;
}

function isHarmless(use: FunctionUse): boolean {
  return use.volatility === 'Immutable' || use.volatility === 'Stable';
}

function matchesTable(test: TableTest, use: TableUse): boolean {
  return (test.access === 'Any' || test.access === use.access) && matchesName(test.name, use.schema, use.name);
}

function matchesFunction(test: QualifiedNameTest, use: FunctionUse): boolean {
  return matchesName(test, use.schema, use.name);
}

function listOf(uses: readonly { readonly schema: string; readonly name: string }[]): string {
  return uses.length === 0 ? 'nothing' : uses.map((use) => qualified(use.schema, use.name)).join(', ');
}

function compileStatements(
  statements: readonly string[] | undefined,
  place: ResourcePlace,
  faults: FaultList,
): ReadonlySet<string> | undefined {
  if (statements === undefined || statements.length === 0) return undefined;
  for (const [index, statement] of statements.entries()) {
    if (isStatement(statement)) continue;
    faults.add(
      fieldOf(place, `${place.field}.postgres.statements[${index}]`),
      'UnknownStatement',
      `PostgreSQL has no statement ${JSON.stringify(statement)}.`,
      'Write its first word only, such as CREATE for CREATE TABLE.',
    );
  }
  return new Set(statements.map(canonicalStatement));
}

function compileTables(
  tables: PostgresMatch['tables'],
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): readonly TableTest[] | undefined {
  if (tables === undefined || tables.length === 0) return undefined;
  return tables.flatMap((table, index) => {
    const name = compileQualifiedName(table.name, 2, leaning);
    if (name !== undefined) return [{ name, access: table.access ?? 'Any' }];
    faults.add(
      fieldOf(place, `${place.field}.postgres.tables[${index}].name`),
      'InvalidPattern',
      `${JSON.stringify(table.name)} does not name a table.`,
      'Write schema.table; * stands for any text, as in public.* or *.orders.',
    );
    return [];
  });
}

function compileFunctions(
  functions: PostgresMatch['functions'],
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): readonly QualifiedNameTest[] | undefined {
  if (functions === undefined || functions.length === 0) return undefined;
  return functions.flatMap((pattern, index) => {
    // A bare name denies the function wherever it lives, but permits only the server's own.
    const schema = leaning === 'Restrict' ? '*' : 'pg_catalog';
    const full = pattern.includes('.') || pattern === '*' ? pattern : `${schema}.${pattern}`;
    const name = compileQualifiedName(full === '*' ? '*.*' : full, 2, leaning);
    if (name !== undefined) return [name];
    faults.add(
      fieldOf(place, `${place.field}.postgres.functions[${index}]`),
      'InvalidPattern',
      `${JSON.stringify(pattern)} does not name a function.`,
      'Write schema.function or function; * stands for any text, as in pg_catalog.pg_read_*.',
    );
    return [];
  });
}
