import type { CopyStmt, Node } from 'libpg-query';
import type { CatalogRelation } from '../catalog.ts';
import type { CopyShape, OutputOrigin } from '../sql-reading.ts';
import { type Context, recordUse } from './findings.ts';
import { constantText, stringsOf } from './node.ts';
import { type Outcome, outcome } from './outcome.ts';
import { type Columns, openScope, originsOf } from './scope.ts';
import { readTable, tableColumns } from './table.ts';
import { readTargets } from './targets.ts';
import { readStatement } from './walk.ts';
import { readCopyTarget } from './write.ts';

/** COPY: what it reads or writes, and how its rows are laid out. */
export function readCopy(copy: CopyStmt, context: Context): Outcome {
  const { findings } = context;
  if (copy.is_program === true) {
    findings.incomplete('ServerProgram', 'COPY ... PROGRAM runs a program on the server.');
  } else if (copy.filename !== undefined) {
    findings.incomplete('ServerFile', 'COPY reads or writes a file of the server.');
  }
  const columns = copy.is_from === true ? readIn(copy, context) : readOut(copy, context);
  // A server-side file is no data of this connection.
  if (copy.filename !== undefined) return outcome();
  const shape = shapeOf(copy, columns, typesOf(columns, copy.query !== undefined, context));
  if (shape.direction === 'Out' && shape.format === 'Text' && mayBeValue(shape.nullText)) {
    for (const origin of columns ?? []) recordUse(context, origin, 'Condition');
  }
  return outcome({ copy: shape });
}

/** A value that is written just like NULL shows that it is that text; one with a lone backslash in it is never written so. */
function mayBeValue(nullText: string): boolean {
  return nullText !== '\\N';
}

function readIn(copy: CopyStmt, context: Context): readonly OutputOrigin[] | undefined {
  if (copy.relation === undefined) return undefined;
  return readCopyTarget(copy.relation, copy.attlist, copy.whereClause, context);
}

function readOut(copy: CopyStmt, context: Context): readonly OutputOrigin[] | undefined {
  if (copy.query !== undefined) return readStatement(copy.query, context.findings).outputs;
  if (copy.relation === undefined) return undefined;
  const relation = readTable({ ...copy.relation, inh: false }, 'Read', context);
  const columns = relation === undefined ? undefined : copiedColumns(relation, context);
  const scope = openScope(undefined);
  scope.items.push({ sources: [{ name: copy.relation.relname ?? '', schema: undefined, columns }], star: columns });
  return originsOf(readTargets(targetsOf(copy.attlist), scope, context, 'Output'));
}

/** Columns that the server computes are not copied. */
function copiedColumns(relation: CatalogRelation, context: Context): Columns {
  return tableColumns(relation, context)?.filter((_, index) => relation.columns[index]?.expression === undefined);
}

function targetsOf(names: readonly Node[] | undefined): readonly Node[] {
  if (names === undefined) return [{ ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }] } } } }];
  return stringsOf(names).map((sval) => ({ ResTarget: { val: { ColumnRef: { fields: [{ String: { sval } }] } } } }));
}

/** Types whose values are text, however they are cast to one another. */
const TEXT_OIDS: ReadonlySet<number> = new Set([19, 25, 1042, 1043]);

/** The types of the columns that move. Of a query only that of text columns is known: a cast may have changed any other. */
function typesOf(columns: readonly OutputOrigin[] | undefined, isQuery: boolean, { findings }: Context) {
  return columns?.map((origin) => {
    if (origin.kind !== 'Column') return undefined;
    const relation = findings.catalog.resolveTable(origin.schema, origin.table, undefined);
    const oid = relation?.columns.find(({ name }) => name === origin.column)?.typeOid;
    return oid !== undefined && (!isQuery || TEXT_OIDS.has(oid)) ? oid : undefined;
  });
}

function shapeOf(
  copy: CopyStmt,
  columns: readonly OutputOrigin[] | undefined,
  typeOids: CopyShape['typeOids'],
): CopyShape {
  const options = new Map<string, string>();
  for (const option of copy.options ?? []) {
    if (!('DefElem' in option)) continue;
    const { defname = '', arg } = option.DefElem;
    options.set(defname.toLowerCase(), optionText(arg));
  }
  const named = options.get('format')?.toLowerCase();
  const format = named === 'csv' ? 'Csv' : named === 'binary' ? 'Binary' : 'Text';
  const quote = options.get('quote') ?? '"';
  const header = options.get('header')?.toLowerCase();
  const encoding = options.get('encoding');
  return {
    direction: copy.is_from === true ? 'In' : 'Out',
    columns,
    typeOids,
    format,
    delimiter: options.get('delimiter') ?? (format === 'Csv' ? ',' : '\t'),
    nullText: options.get('null') ?? (format === 'Csv' ? '' : '\\N'),
    quote,
    escape: options.get('escape') ?? quote,
    ...(encoding === undefined ? {} : { encoding: encoding.toUpperCase().replace(/[^A-Z0-9]/g, '') }),
    header: header !== undefined && !['false', 'off', '0', 'f', 'no', 'n'].includes(header),
  };
}

function optionText(arg: Node | undefined): string {
  if (arg === undefined) return 'true';
  if ('String' in arg) return arg.String.sval ?? '';
  if ('Integer' in arg) return String(arg.Integer.ival ?? 0);
  if ('Boolean' in arg) return String(arg.Boolean.boolval ?? false);
  return constantText(arg) ?? 'true';
}
