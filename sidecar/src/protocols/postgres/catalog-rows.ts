import { createHash } from 'node:crypto';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import {
  type Catalog,
  type CatalogColumn,
  type CatalogDefaults,
  type CatalogFunction,
  type CatalogParts,
  type CatalogRelation,
  type ForeignKey,
  openCatalog,
  type ReferenceAction,
  type RelationKind,
} from './catalog.ts';
import { CATALOG_QUERIES, type CatalogQueryName, type CatalogRows } from './catalog-queries.ts';
import { readViewBases } from './classify/view-bases.ts';
import { Dependencies } from './dependencies.ts';

/** The answers to `CATALOG_QUERIES`, by name. */
export type CatalogResults = Readonly<Record<CatalogQueryName, CatalogRows>>;

/** `CatalogUnreadable`: an answer lacks rows or columns that the question asks for. */
export type CatalogFault = Fault<'CatalogUnreadable'>;

/** More rows than this are no catalog that a gate can hold. */
const ROWS_MAX = 5_000_000;

const RELATION_KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'Table',
  p: 'Partitioned',
  v: 'View',
  m: 'MaterializedView',
  f: 'Foreign',
  S: 'Sequence',
};
const FUNCTION_KINDS: Readonly<Record<string, CatalogFunction['kind']>> = {
  f: 'Function',
  p: 'Procedure',
  a: 'Aggregate',
  w: 'Window',
};
const VOLATILITIES: Readonly<Record<string, CatalogFunction['volatility']>> = {
  i: 'Immutable',
  s: 'Stable',
  v: 'Volatile',
};

/** CASCADE, SET NULL and SET DEFAULT; the others let the statement fail. */
const ACTIONS: Readonly<Record<string, ReferenceAction>> = { c: 'DELETE', n: 'UPDATE', d: 'UPDATE' };
/** In `tgtype`: what makes a trigger run. */
const ON_TRUNCATE = 32;

/** A catalog from the answers to `CATALOG_QUERIES`. Pure. Faults: `CatalogUnreadable`. */
export function buildCatalog(results: CatalogResults): Result<Catalog, CatalogFault> {
  let rows = 0;
  for (const { name } of CATALOG_QUERIES) rows += results[name]?.length ?? 0;
  if (rows > ROWS_MAX) return unreadable(`it has ${rows} rows, more than ${ROWS_MAX}`);
  const defaults = readDefaults(results.settings ?? []);
  if (defaults === undefined) return unreadable('the answer about settings is not one row of five values');
  const relations = readRelations(results);
  if (relations.length === 0) return unreadable('it names no relation at all');
  const functions = readFunctions(results.functions ?? [], results.aggregates ?? []);
  if (functions.length === 0) return unreadable('it names no function at all');
  if ((results.documentTypes ?? []).length === 0) return unreadable('it names no type of JSON at all');
  if (results.foreignKeys === undefined || results.dependencies === undefined)
    return unreadable('it does not say what depends on what');
  const parts = {
    ...versionsOf(results),
    defaults,
    schemas: (results.schemas ?? []).map(([name]) => text(name)),
    relations,
    functions,
    documentTypes: new Set((results.documentTypes ?? []).map(([oid]) => Number(oid))),
    types: new Set((results.types ?? []).flatMap(([, , name, letter]) => (letter === 'b' ? [] : [text(name)]))),
    plainTypes: new Set(
      (results.types ?? []).flatMap(([oid, , name, letter]) => (isPlain(name, letter) ? [Number(oid)] : [])),
    ),
    dependencies: new Dependencies(results.dependencies),
    objects: readObjects(results.objects ?? []),
    operators: (results.operators ?? []).map(([, operator, schema, name]) => ({
      operator: text(operator),
      schema: text(schema),
      name: text(name),
    })),
    casts: (results.casts ?? []).map(([, type, schema, name]) => ({
      type: text(type),
      schema: text(schema),
      name: text(name),
    })),
  };
  return ok(openCatalog(parts, readViewBases));
}

function unreadable(why: string): { readonly ok: false; readonly fault: CatalogFault } {
  return fail({ code: 'CatalogUnreadable', message: `The server's catalog cannot be used: ${why}.` });
}

/** True for an enumeration and a type of its own; what is made of others (rows, domains, arrays, ranges) may hold rows. */
function isPlain(name: string | null | undefined, letter: string | null | undefined): boolean {
  return letter === 'e' || (letter === 'b' && !text(name).startsWith('_'));
}

function text(value: string | null | undefined): string {
  return value ?? '';
}

function readDefaults(rows: CatalogRows): CatalogDefaults | undefined {
  const [user, database, searchPath, conforming, version] = rows[0] ?? [];
  if (user == null || database == null || searchPath == null || conforming == null || version == null) return undefined;
  return {
    user,
    database,
    searchPath,
    standardConformingStrings: conforming === 'on',
    serverVersion: Number(version),
  };
}

function readRelations(results: CatalogResults): readonly CatalogRelation[] {
  const columns = new Map<number, CatalogColumn[]>();
  const expressions = new Map(
    (results.generatedColumns ?? []).map(([oid, number, made]) => [`${oid} ${number}`, made]),
  );
  for (const [oid, number, name, typeOid] of results.attributes ?? []) {
    const list = columns.get(Number(oid));
    const expression = expressions.get(`${oid} ${number}`) ?? undefined;
    const column = { number: Number(number), name: text(name), typeOid: Number(typeOid), expression };
    if (list === undefined) columns.set(Number(oid), [column]);
    else list.push(column);
  }
  const inherits = (results.inherits ?? []).map(([child, parent]) => ({
    child: Number(child),
    parent: Number(parent),
  }));
  const parents = Map.groupBy(inherits, ({ child }) => child);
  const children = Map.groupBy(inherits, ({ parent }) => parent);
  const triggers = Map.groupBy(results.triggers ?? [], ([oid]) => Number(oid));
  const primaryKeys = new Map((results.primaryKeys ?? []).map(([oid, numbers]) => [Number(oid), numbers]));
  const foreignKeys = Map.groupBy(results.foreignKeys ?? [], ([oid]) => Number(oid));
  return (results.relations ?? []).map(([id, schema, name, letter, hasRules, , persistence, definition]) => {
    const oid = Number(id);
    const kind = RELATION_KINDS[text(letter)] ?? 'Table';
    return {
      oid,
      schema: text(schema),
      name: text(name),
      kind,
      temporary: persistence === 't',
      columns: columns.get(oid) ?? [],
      definition: definition ?? undefined,
      rewritten: hasRules === 't',
      parents: (parents.get(oid) ?? []).map(({ parent }) => parent),
      children: (children.get(oid) ?? []).map(({ child }) => child),
      triggers: (triggers.get(oid) ?? []).map(([, fnSchema, fnName, type]) => ({
        schema: text(fnSchema),
        name: text(fnName),
        onTruncate: (Number(type) & ON_TRUNCATE) !== 0,
      })),
      primaryKey: namesOf(columns.get(oid), text(primaryKeys.get(oid))),
      referrers: (foreignKeys.get(oid) ?? []).map((row) => readForeignKey(row, oid, columns)),
    };
  });
}

/** Columns by their numbers, separated by commas. */
function namesOf(columns: readonly CatalogColumn[] = [], numbers: string): readonly string[] {
  if (numbers === '') return [];
  return numbers.split(',').map((number) => columns.find((each) => each.number === Number(number))?.name ?? '');
}

function readForeignKey(
  [, table, onDelete, onUpdate, keys, own, generated]: CatalogRows[number],
  referenced: number,
  columns: ReadonlyMap<number, readonly CatalogColumn[]>,
): ForeignKey {
  return {
    table: Number(table),
    columns: namesOf(columns.get(Number(table)), text(own)),
    keys: namesOf(columns.get(referenced), text(keys)),
    onDelete: ACTIONS[text(onDelete)] ?? 'None',
    onUpdate: ACTIONS[text(onUpdate)] === undefined ? 'None' : 'UPDATE',
    generated: generated === 't',
  };
}

function readObjects(rows: CatalogRows): CatalogParts['objects'] {
  return rows.map(([kind, schema, name, id]) => ({
    kind: text(kind),
    schema: text(schema),
    name: text(name),
    id: text(id),
  }));
}

function readFunctions(functions: CatalogRows, aggregates: CatalogRows): readonly CatalogFunction[] {
  const calls = Map.groupBy(aggregates, ([schema, name]) => `${schema}\0${name}`);
  return functions.map((row) => {
    const [schema, name, kind, volatility, language, count, defaults, variadic, returnsSet, definer] = row;
    const [rowType, typeLetter, names, definition] = row.slice(10);
    return {
      schema: text(schema),
      name: text(name),
      kind: FUNCTION_KINDS[text(kind)] ?? 'Function',
      volatility: VOLATILITIES[text(volatility)] ?? 'Volatile',
      language: text(language),
      argumentsMin: Number(count) - Number(defaults) - (variadic === 't' ? 1 : 0),
      argumentsMax: variadic === 't' ? Number.POSITIVE_INFINITY : Number(count),
      returnsSet: returnsSet === 't',
      securityDefiner: definer === 't',
      outputs: readOutputs(names ?? undefined, text(typeLetter), text(rowType)),
      definition: definition ?? undefined,
      calls: (calls.get(`${schema}\0${name}`) ?? []).map((part) => ({ schema: text(part[2]), name: text(part[3]) })),
      returnsRow: rowType == null || rowType === '0' ? undefined : Number(rowType),
    };
  });
}

function readOutputs(names: string | undefined, typeLetter: string, rowType: string): readonly string[] | undefined {
  if (names !== undefined) {
    const parsed: unknown = JSON.parse(names);
    return Array.isArray(parsed) ? parsed.map(String) : undefined;
  }
  // A pseudo-type stands for whatever the arguments are: that may be a row.
  if (typeLetter === 'record' || typeLetter === 'p' || (rowType !== '0' && rowType !== '')) return undefined;
  return [''];
}

/** Of these only rows of temporary tables are left out: their first value is the table. The others are not what names mean, or hold temporary ones as well. */
const LASTING = new Set<CatalogQueryName>([
  'settings',
  'schemas',
  'relations',
  'attributes',
  'generatedColumns',
  'inherits',
  'functions',
  'operators',
  'casts',
  'aggregates',
  'triggers',
  'primaryKeys',
  'foreignKeys',
]);

function versionsOf(results: CatalogResults): Pick<CatalogParts, 'version' | 'lasting'> {
  const temporary = new Set(results.relations?.filter((row) => row[6] === 't').map(([oid]) => oid));
  const [hash, lasting] = [createHash('sha256'), createHash('sha256')];
  for (const { name } of CATALOG_QUERIES) {
    hash.update(`${name}\n`);
    lasting.update(`${name}\n`);
    for (const row of results[name] ?? []) {
      const written = JSON.stringify(row);
      hash.update(written);
      if (LASTING.has(name) && !temporary.has(row[0] ?? '')) lasting.update(written);
    }
  }
  return { version: hash.digest('hex').slice(0, 16), lasting: lasting.digest('hex').slice(0, 16) };
}
