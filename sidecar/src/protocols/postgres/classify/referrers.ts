import type { RangeVar, TruncateStmt } from 'libpg-query';
import {
  type CatalogRelation,
  type CatalogTrigger,
  descendants,
  type ForeignKey,
  type ReferenceAction,
} from '../catalog.ts';
import type { Context } from './findings.ts';
import { readTable } from './table.ts';
import { readView } from './walk.ts';
import { addFamily } from './written-name.ts';

/** What happens to rows: they go, or these columns of them change; undefined: any column may. */
type RowChange =
  | { readonly kind: 'Delete' }
  | { readonly kind: 'Update'; readonly columns: readonly string[] | undefined };

type Verb = Exclude<ReferenceAction, 'None'>;

interface Changed {
  readonly relation: CatalogRelation;
  readonly change: RowChange;
}

/** Servers before 15 move a row to another partition by deleting it, for foreign keys as well. */
const MOVES_BY_DELETING = 150_000;

/** A trigger is the table owner's own: it is listed for policy to see and does not make a write uncertain. */
export function noteTrigger({ schema, name }: CatalogTrigger, { findings, statement }: Context): void {
  const [found] = findings.catalog.functions(name).filter((candidate) => candidate.schema === schema);
  statement.addFunction({ schema, name, volatility: found?.volatility ?? 'Unknown' });
}

export function noteRules(relation: CatalogRelation, { findings }: Context): void {
  if (!relation.rewritten) return;
  findings.incomplete('RewriteRule', `Rules rewrite what is written to ${relation.schema}.${relation.name}.`);
}

/** TRUNCATE: with CASCADE each table whose foreign keys point to one that is emptied is emptied as well. */
export function readTruncate({ relations = [], behavior }: TruncateStmt, context: Context): void {
  const { findings } = context;
  const cascades = behavior === 'DROP_CASCADE';
  const open: CatalogRelation[] = [];
  for (const node of relations) {
    if (!('RangeVar' in node)) continue;
    const { relname = '' } = node.RangeVar;
    const relation = readTable(node.RangeVar, 'Write', context);
    if (cascades && findings.names.referred.has(relname)) noteStale(relname, context);
    if (relation !== undefined) open.push(...rowsOf(relation, node.RangeVar.inh === true, context));
  }
  const emptied = new Set<number>();
  for (let relation = open.pop(); relation !== undefined; relation = open.pop()) {
    if (emptied.has(relation.oid) || !findings.step()) continue;
    emptied.add(relation.oid);
    for (const trigger of relation.triggers) if (trigger.onTruncate) noteTrigger(trigger, context);
    if (!cascades) continue;
    for (const { table } of relation.referrers) {
      const referrer = findings.catalog.byOid(table);
      if (referrer === undefined || emptied.has(referrer.oid)) continue;
      noteReached(referrer, context);
      if (findings.names.referred.has(referrer.name)) noteStale(referrer.name, context);
      open.push(...rowsOf(referrer, isPartitioned(referrer), context));
    }
  }
}

/** DELETE of rows of this table, and what it does to rows that point to them. */
export function noteDeleted(table: RangeVar | undefined, relation: CatalogRelation | undefined, context: Context) {
  noteReferrers(table, relation, { kind: 'Delete' }, context);
}

/** The same for an UPDATE of these columns. */
export function noteUpdated(
  table: RangeVar | undefined,
  relation: CatalogRelation | undefined,
  columns: readonly string[],
  context: Context,
): void {
  if (columns.length > 0) noteReferrers(table, relation, { kind: 'Update', columns }, context);
}

/**
 * By ON DELETE and ON UPDATE of foreign keys rows of other tables go or change as well. Each is a DELETE or an UPDATE of its own, so that a rule on
 * that table meets what happens to it.
 */
function noteReferrers(
  table: RangeVar | undefined,
  written: CatalogRelation | undefined,
  change: RowChange,
  context: Context,
): void {
  const { findings } = context;
  const { catalog, names } = findings;
  if (names.referred.get(table?.relname ?? '') === true) noteStale(table?.relname ?? '', context);
  const open = written === undefined ? [] : [...changedBy(written, table?.inh === true, change, context)];
  const done = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const key of next.relation.referrers) {
      const referrer = catalog.byOid(key.table);
      if (referrer === undefined) continue;
      for (const verb of actionsOf(key, next, catalog.defaults.serverVersion)) {
        const columns = verb === 'UPDATE' ? key.columns : [];
        const mark = `${verb} ${referrer.oid} ${columns.join()}`;
        if (done.has(mark) || !findings.step()) continue;
        done.add(mark);
        noteActedOn(verb, referrer, context);
        const further: RowChange = verb === 'DELETE' ? { kind: 'Delete' } : { kind: 'Update', columns };
        for (const relation of rowsOf(referrer, isPartitioned(referrer), context))
          open.push({ relation, change: further });
      }
    }
  }
}

/** The relations whose rows a statement changes: behind a view nobody can tell which of them. */
export function writtenBehind(
  written: CatalogRelation,
  withChildren: boolean,
  context: Context,
): readonly CatalogRelation[] {
  if (written.definition === undefined) return rowsOf(written, withChildren, context);
  const { catalog } = context.findings;
  const behind = readView(context.findings, written).tables.map(({ schema, name }) =>
    catalog.resolveTable(schema, name, undefined),
  );
  return [written, ...behind.flatMap((relation) => (relation === undefined ? [] : rowsOf(relation, true, context)))];
}

function changedBy(
  written: CatalogRelation,
  withChildren: boolean,
  change: RowChange,
  context: Context,
): readonly Changed[] {
  // Nor which of a view's columns are which of theirs.
  const any: RowChange = change.kind === 'Delete' ? change : { kind: 'Update', columns: undefined };
  const isView = written.definition !== undefined;
  return writtenBehind(written, withChildren, context).map((relation) => ({ relation, change: isView ? any : change }));
}

/** What this key does to the rows that point to changed ones. */
function actionsOf(key: ForeignKey, { relation, change }: Changed, serverVersion: number): readonly Verb[] {
  const { onDelete, onUpdate, keys, generated } = key;
  if (change.kind === 'Delete') return onDelete === 'None' ? [] : [onDelete];
  const { columns } = change;
  // Triggers may change columns that the statement does not name.
  const isAny = columns === undefined || generated || relation.triggers.length > 0;
  const isMet = isAny || keys.some((name) => columns.includes(name));
  const isMoved = serverVersion < MOVES_BY_DELETING && (isPartitioned(relation) || relation.parents.length > 0);
  const verbs = [isMet ? onUpdate : 'None', isMoved ? onDelete : 'None'] as const;
  return verbs.filter((verb) => verb !== 'None');
}

function noteActedOn(verb: Verb, referrer: CatalogRelation, outer: Context): void {
  const inner = outer.findings.openStatement(verb);
  inner.statement.hasWhere = outer.statement.hasWhere;
  noteReached(referrer, inner);
  for (const relation of rowsOf(referrer, isPartitioned(referrer), inner)) {
    for (const trigger of relation.triggers) noteTrigger(trigger, inner);
    noteRules(relation, inner);
  }
  if (outer.findings.names.referred.get(referrer.name) === true) noteStale(referrer.name, inner);
}

/** A table that a statement changes without naming it. */
function noteReached(referrer: CatalogRelation, context: Context): void {
  addFamily(referrer, isPartitioned(referrer), context);
  if (context.findings.names.changed.has(referrer.name)) noteStale(referrer.name, context);
}

function noteStale(name: string, { findings }: Context): void {
  findings.stale(`What points to ${name}, or where it points, was`);
}

/** The relation, and with its children all whose rows are its own as well. */
function rowsOf(relation: CatalogRelation, withChildren: boolean, { findings }: Context): readonly CatalogRelation[] {
  return withChildren ? [relation, ...descendants(findings.catalog, relation)] : [relation];
}

function isPartitioned({ kind }: CatalogRelation): boolean {
  return kind === 'Partitioned';
}
