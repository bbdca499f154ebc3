import type { Dependencies, Dependent } from './dependencies.ts';
import type { BaseColumn, Relation, RelationCatalog, RelationColumn } from './sql-reading.ts';

export type RelationKind = 'Table' | 'Partitioned' | 'View' | 'MaterializedView' | 'Foreign' | 'Sequence';

/** A relation with all that reading SQL needs of it. */
export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly temporary: boolean;
  /** In attribute order, dropped ones left out. */
  readonly columns: readonly CatalogColumn[];
  /** The query behind a view, names qualified; undefined for the server's own views and for all that is no view. */
  readonly definition: string | undefined;
  /** True for a table or view whose writes are rewritten by rules. */
  readonly rewritten: boolean;
  readonly parents: readonly number[];
  readonly children: readonly number[];
  /** Functions that its triggers call. */
  readonly triggers: readonly CatalogTrigger[];
  /** The columns of its primary key; none: it has none, or is the server's own. */
  readonly primaryKey: readonly string[];
  /** The foreign keys of tables, or its own, that point to it. */
  readonly referrers: readonly ForeignKey[];
}

export interface CatalogTrigger extends QualifiedName {
  /** TRUNCATE runs it. */
  readonly onTruncate: boolean;
}

/** What a foreign key does to the rows that point to a row which is deleted, or whose key changes. `None`: the statement fails. */
export type ReferenceAction = 'None' | 'DELETE' | 'UPDATE';

export interface ForeignKey {
  /** The table that points, by oid. */
  readonly table: number;
  /** Its columns. */
  readonly columns: readonly string[];
  /** The columns that they point to. */
  readonly keys: readonly string[];
  readonly onDelete: ReferenceAction;
  readonly onUpdate: ReferenceAction;
  /** A column that is pointed to is computed from others. */
  readonly generated: boolean;
}

export interface CatalogColumn {
  readonly number: number;
  readonly name: string;
  readonly typeOid: number;
  /** What the server computes it of, names qualified; undefined: it is no generated column. */
  readonly expression: string | undefined;
}

export interface CatalogFunction {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'Function' | 'Procedure' | 'Aggregate' | 'Window';
  readonly volatility: 'Immutable' | 'Stable' | 'Volatile';
  /** The language that runs: of an aggregate, that of its own functions. */
  readonly language: string;
  readonly argumentsMin: number;
  /** Infinity when variadic. */
  readonly argumentsMax: number;
  readonly returnsSet: boolean;
  readonly securityDefiner: boolean;
  /** The names of its result columns: one empty name for a plain value; undefined for a record without names. */
  readonly outputs: readonly string[] | undefined;
  /** CREATE FUNCTION as the server writes it, for those written in SQL. */
  readonly definition: string | undefined;
  /** Of an aggregate that is not the server's own, the functions that it calls. */
  readonly calls: readonly QualifiedName[];
  /** The relation whose rows it returns, by oid. */
  readonly returnsRow: number | undefined;
}

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** What a fresh session has before it says anything. */
export interface CatalogDefaults {
  readonly user: string;
  readonly database: string;
  readonly searchPath: string;
  readonly standardConformingStrings: boolean;
  readonly serverVersion: number;
}

/** The server's catalog as it was at one moment: pure and immutable. */
export interface Catalog extends RelationCatalog {
  /** As `version`, but the same while only temporary relations come and go. */
  readonly lasting: string;
  readonly defaults: CatalogDefaults;
  /** The relation that a name means, searched as the server does: pg_catalog first unless the path names it. */
  resolveTable(
    schema: string | undefined,
    name: string,
    searchPath: readonly string[] | undefined,
  ): CatalogRelation | undefined;
  /** The schema in which a new relation without a schema is made: the first of the path that is there. Empty when none is. */
  creationSchema(searchPath: readonly string[] | undefined): string;
  /** Temporary relations of this name, whichever session made them. */
  temporary(name: string): readonly CatalogRelation[];
  /** A relation by oid with all that reading SQL needs. */
  byOid(oid: number): CatalogRelation | undefined;
  /** All functions of a name, whatever their schema and arguments. */
  functions(name: string): readonly CatalogFunction[];
  /** The functions behind operators of a name that are not the server's own. */
  operatorFunctions(name: string): readonly QualifiedName[];
  /** The functions behind casts to a type of this name that are not the server's own. */
  castFunctions(typeName: string): readonly QualifiedName[];
  /** Relations that fall with these objects, or lose a part of themselves, when they are dropped with CASCADE. Not the objects themselves. */
  dependents(objects: readonly string[]): readonly Dependent[];
  /** Objects of this kind and name; of every schema when none is given. */
  objects(kind: ObjectKind, schema: string | undefined, name: string): readonly string[];
  /** True when there is a domain, a row or another type made of others that has this name and is not the server's own. */
  definesType(name: string): boolean;
  /** Columns whose type is made of others: a domain, an array, a row. Under every name that a mask may call them by. */
  columnsOfMadeTypes(): readonly BaseColumn[];
  /** True for a type whose values may be rows or hold some. */
  mayHoldRows(typeOid: number): boolean;
  isSystemSchema(schema: string): boolean;
}

/** Kinds of object that are no relations, and whose dependents are known. */
export type ObjectKind = 'Schema' | 'Type' | 'Function' | 'Extension';

/** True for a catalog that can do more than tell about results. */
export function isCatalog(catalog: RelationCatalog): catalog is Catalog {
  return 'resolveTable' in catalog && 'functions' in catalog;
}

/** The parts that `buildCatalog` gathers from rows. */
export interface CatalogParts {
  readonly version: string;
  readonly lasting: string;
  readonly defaults: CatalogDefaults;
  readonly schemas: readonly string[];
  readonly relations: readonly CatalogRelation[];
  readonly functions: readonly CatalogFunction[];
  /** The types in whose values there may be JSON, by OID. */
  readonly documentTypes: ReadonlySet<number>;
  /** The names of types that are made of others and not the server's own. */
  readonly types: ReadonlySet<string>;
  /** Types that are not the server's own and surely hold no rows, by OID. */
  readonly plainTypes: ReadonlySet<number>;
  readonly dependencies: Dependencies;
  /** What DROP can name, by kind; `id` as in `Dependencies`. */
  readonly objects: readonly (QualifiedName & { readonly kind: string; readonly id: string })[];
  readonly operators: readonly (QualifiedName & { readonly operator: string })[];
  readonly casts: readonly (QualifiedName & { readonly type: string })[];
}

/** How the base columns of a view, or of a table with generated columns, are found: reading definitions, which needs the catalog itself. */
export type ReadBases = (
  catalog: Catalog,
  relation: CatalogRelation,
) => readonly (readonly BaseColumn[] | undefined)[] | undefined;

/** Types that are not the server's own have higher numbers. */
export const SERVER_OIDS_MAX = 16_383;
/** anyarray, record and record[]. */
const ROW_TYPES: ReadonlySet<number> = new Set([2277, 2249, 2287]);

/** True for the schemas that the server brings along. */
export function isSystemSchema(schema: string): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema';
}

/** A catalog of these parts. `readBases` is asked once for each view, when it is first needed. */
export function openCatalog(parts: CatalogParts, readBases: ReadBases): Catalog {
  const byOid = new Map(parts.relations.map((relation) => [relation.oid, relation]));
  const byName = new Map(parts.relations.map((relation) => [`${relation.schema}\0${relation.name}`, relation]));
  const schemas = new Set(parts.schemas);
  const temporary = Map.groupBy(
    parts.relations.filter((relation) => relation.temporary),
    ({ name }) => name,
  );
  const functions = Map.groupBy(parts.functions, ({ name }) => name);
  const operators = Map.groupBy(parts.operators, ({ operator }) => operator);
  const casts = Map.groupBy(parts.casts, ({ type }) => type);
  const objects = Map.groupBy(parts.objects, ({ kind, name }) => `${kind} ${name}`);
  const described = new Map<number, Relation>();
  const catalog: Catalog = {
    version: parts.version,
    lasting: parts.lasting,
    defaults: parts.defaults,
    byOid: (oid) => byOid.get(oid),
    relation(oid) {
      const known = described.get(oid);
      if (known !== undefined) return known;
      const relation = byOid.get(oid);
      if (relation === undefined) return undefined;
      const columns = describeColumns(catalog, relation, readBases);
      const made = { schema: relation.schema, name: relation.name, columns };
      described.set(oid, made);
      return made;
    },
    resolveTable(schema, name, searchPath) {
      if (schema !== undefined) return byName.get(`${schema}\0${name}`);
      const path = searchPath ?? [];
      for (const candidate of path.includes('pg_catalog') ? path : ['pg_catalog', ...path]) {
        const relation = byName.get(`${candidate}\0${name}`);
        if (relation !== undefined) return relation;
      }
      return undefined;
    },
    holdsJson(schema, table, column) {
      const relation = byName.get(`${schema}\0${table}`);
      if (relation === undefined) return !isSystemSchema(schema);
      return relation.columns.some(
        ({ name, typeOid }) => (column ?? name) === name && parts.documentTypes.has(typeOid),
      );
    },
    creationSchema: (searchPath) => searchPath?.find((schema) => schemas.has(schema)) ?? '',
    temporary: (name) => temporary.get(name) ?? [],
    functions: (name) => functions.get(name) ?? [],
    operatorFunctions: (name) => operators.get(name) ?? [],
    castFunctions: (name) => casts.get(name) ?? [],
    dependents: (dropped) => parts.dependencies.fallingWith(dropped),
    objects: (kind, schema, name) =>
      (objects.get(`${kind} ${name}`) ?? [])
        .filter((object) => schema === undefined || object.schema === schema)
        .map(({ id }) => id),
    definesType: (name) => parts.types.has(name),
    columnsOfMadeTypes: () =>
      parts.relations.flatMap((relation) =>
        relation.columns
          .filter(({ typeOid }) => typeOid > SERVER_OIDS_MAX && !parts.plainTypes.has(typeOid))
          .flatMap(({ name }) => tableBases(catalog, relation, name)),
      ),
    mayHoldRows: (typeOid) => (typeOid > SERVER_OIDS_MAX ? !parts.plainTypes.has(typeOid) : ROW_TYPES.has(typeOid)),
    isSystemSchema,
  };
  return catalog;
}

function describeColumns(catalog: Catalog, relation: CatalogRelation, readBases: ReadBases) {
  const isView = relation.kind === 'View' || relation.kind === 'MaterializedView';
  const isMade = isView || relation.columns.some(({ expression }) => expression !== undefined);
  const behind = isMade ? readBases(catalog, relation) : undefined;
  const columns = new Map<number, RelationColumn>();
  for (const [index, { number, name, typeOid, expression }] of relation.columns.entries()) {
    let bases: readonly BaseColumn[] | undefined = tableBases(catalog, relation, name);
    if (relation.definition !== undefined || expression !== undefined) bases = behind?.[index];
    columns.set(number, { name, typeOid, bases });
  }
  return columns;
}

/** A table's column under every name that a mask may call it by: its own, its parents' and its children's. */
export function tableBases(catalog: Catalog, relation: CatalogRelation, column: string): readonly BaseColumn[] {
  const bases: BaseColumn[] = [{ schema: relation.schema, table: relation.name, column }];
  if (relation.parents.length === 0 && relation.children.length === 0) return bases;
  for (const relative of relatives(catalog, relation)) {
    if (relative.columns.some(({ name }) => name === column)) {
      bases.push({ schema: relative.schema, table: relative.name, column });
    }
  }
  return bases;
}

/** All tables that a table inherits from, however far, and all that inherit from it. */
export function relatives(catalog: Catalog, relation: CatalogRelation): readonly CatalogRelation[] {
  return [...ancestors(catalog, relation), ...descendants(catalog, relation)];
}

/** Tables that are read or written along with this one because they inherit from it. */
export function descendants(catalog: Catalog, relation: CatalogRelation): readonly CatalogRelation[] {
  return walk(catalog, relation, 'children');
}

/** Tables whose rows these are as well: those that it inherits from, or is a partition of. */
export function ancestors(catalog: Catalog, relation: CatalogRelation): readonly CatalogRelation[] {
  return walk(catalog, relation, 'parents');
}

function walk(catalog: Catalog, relation: CatalogRelation, way: 'parents' | 'children'): readonly CatalogRelation[] {
  const found = new Map<number, CatalogRelation>();
  const open = [...relation[way]];
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    const next = catalog.byOid(oid);
    if (next === undefined || found.has(oid) || oid === relation.oid) continue;
    found.set(oid, next);
    open.push(...next[way]);
  }
  return [...found.values()];
}
