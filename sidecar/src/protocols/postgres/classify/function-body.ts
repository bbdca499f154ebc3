import type { CreateFunctionStmt, Node, SelectStmt } from 'libpg-query';
import type { CatalogFunction } from '../catalog.ts';
import type { BaseColumn, SqlState } from '../sql-reading.ts';
import type { BodyReading, Context, Findings } from './findings.ts';
import { constantText } from './node.ts';
import { parseSql } from './parser.ts';
import { type Columns, type NamedValue, openScope, type Scope, type Source } from './scope.ts';
import { LITERAL, type Value } from './value.ts';
import { readExpression, readSelect } from './walk.ts';

/** Levels of nesting that a call of such a function counts for. */
const BODY_LEVELS = 20;

/**
 * Reads a function that is written in SQL, as its definition says, under the settings of the caller. Only one that reads and does nothing
 * else can be told; its conditions count as the caller's, who may choose the arguments.
 */
export function walkBody(called: CatalogFunction, context: Context): BodyReading | undefined {
  const { findings } = context;
  if (called.definition === undefined || called.kind !== 'Function') return undefined;
  const definition = parseDefinition(called.definition);
  const queries = definition === undefined ? undefined : queriesOf(definition);
  const state = definition === undefined ? undefined : stateOf(definition, findings.state);
  if (definition === undefined || queries === undefined || state === undefined) return undefined;
  const inside = findings.inside(state);
  const columns = findings.work.once(called, () =>
    findings.deeper(BODY_LEVELS, () => readQueries(queries, definition, called.name, inside), undefined),
  );
  if (columns === undefined) return undefined;
  if (!take(inside, called, context)) return undefined;
  const parameters = new Map<number, readonly BaseColumn[]>();
  for (const place of inside.parameters.places) parameters.set(place, inside.parameters.at(place));
  return { columns, parameters };
}

function parseDefinition(text: string): CreateFunctionStmt | undefined {
  const parsed = parseSql(text);
  const [statement] = parsed.ok ? parsed.value : [];
  return statement !== undefined && 'CreateFunctionStmt' in statement ? statement.CreateFunctionStmt : undefined;
}

/** The queries of a body; undefined when there is anything else in it. */
function queriesOf({ options, sql_body: body }: CreateFunctionStmt): readonly SelectStmt[] | undefined {
  if (body !== undefined) return 'ReturnStmt' in body ? returned(body.ReturnStmt.returnval) : onlyQueries(listOf(body));
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'as') continue;
    const [text] = option.DefElem.arg === undefined ? [] : listOf(option.DefElem.arg);
    if (text === undefined || !('String' in text)) return undefined;
    const parsed = parseSql(text.String.sval ?? '');
    return parsed.ok ? onlyQueries(parsed.value) : undefined;
  }
  return undefined;
}

function returned(val: Node | undefined): readonly SelectStmt[] | undefined {
  return val === undefined ? undefined : [{ targetList: [{ ResTarget: { val } }] }];
}

/** Lists in lists, as BEGIN ATOMIC has them, made flat. */
function listOf(node: Node): readonly Node[] {
  return 'List' in node ? (node.List.items ?? []).flatMap(listOf) : [node];
}

function onlyQueries(nodes: readonly Node[]): readonly SelectStmt[] | undefined {
  const queries: SelectStmt[] = [];
  for (const node of nodes) {
    if (!('SelectStmt' in node) || node.SelectStmt.intoClause !== undefined) return undefined;
    queries.push(node.SelectStmt);
  }
  return queries.length === 0 ? undefined : queries;
}

/** The settings under which the body runs; undefined when the function sets one that is not followed. */
function stateOf({ options }: CreateFunctionStmt, state: SqlState): SqlState | undefined {
  let inside = state;
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'set') continue;
    const { arg } = option.DefElem;
    if (arg === undefined || !('VariableSetStmt' in arg) || arg.VariableSetStmt.name !== 'search_path')
      return undefined;
    const path = arg.VariableSetStmt.args?.map((value) => constantText(value)) ?? [];
    const schemas = path.filter((schema) => schema !== undefined);
    if (schemas.length !== path.length || schemas.includes('$user')) return undefined;
    inside = { ...inside, searchPath: schemas };
  }
  return inside;
}

/** Names of parameters are looked for after all columns. A parameter may be a row: then any field of it is of the argument. */
function parameterScope({ parameters }: CreateFunctionStmt, name: string, context: Context): Scope {
  const scope = openScope(undefined);
  const columns = (parameters ?? []).map((node): NamedValue => {
    const { name: each = '', defexpr } = 'FunctionParameter' in node ? node.FunctionParameter : {};
    return { name: each, value: defexpr === undefined ? LITERAL : defaultValue(defexpr, context) };
  });
  const rows = columns.map(
    ({ name: each, value }): Source => ({ name: each, schema: undefined, columns: undefined, fallback: value }),
  );
  scope.items.push({ sources: [{ name, schema: undefined, columns }, ...rows], star: columns });
  return scope;
}

/** What stands in for an argument that is not given may be what other functions give. Its literals are not the caller's. */
function defaultValue(expression: Node, context: Context): Value {
  const value = readExpression(expression, openScope(undefined), context, 'Output');
  return { ...value, literals: [], parameters: [] };
}

function readQueries(
  queries: readonly SelectStmt[],
  definition: CreateFunctionStmt,
  name: string,
  inside: Findings,
): Columns {
  let columns: Columns;
  const context = inside.openStatement('SELECT');
  const scope = parameterScope(definition, name, context);
  for (const query of queries) columns = readSelect(query, scope, context, 'Output');
  return columns;
}

/** Counts what was found in the body for the caller. False when it does more than read, or was not understood. */
function take(inside: Findings, { schema, name }: CatalogFunction, { findings, statement }: Context): boolean {
  for (const { kind, detail } of inside.incompletenesses) findings.incomplete(kind, `In ${schema}.${name}: ${detail}`);
  let onlyReads = inside.statements.length === 1 && inside.settings.length === 0;
  for (const found of inside.statements) {
    const { tables, functions, columns } = found.finish();
    if (tables.some(({ access }) => access === 'Write')) onlyReads = false;
    for (const table of tables) statement.addTable(table.schema, table.name, table.access);
    for (const use of functions) statement.addFunction(use);
    for (const use of columns) statement.addColumns([use], use.use);
  }
  return onlyReads && inside.incompletenesses.length === 0;
}
