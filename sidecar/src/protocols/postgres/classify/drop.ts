import type { AlterExtensionContentsStmt, AlterTableStmt, DropStmt, Node } from 'libpg-query';
import { type CatalogRelation, descendants, type ObjectKind } from '../catalog.ts';
import type { Changes } from './changes.ts';
import type { Context } from './findings.ts';
import { stringsOf } from './node.ts';
import { words } from './words.ts';
import { addFamily, writeFamily, writeName } from './written-name.ts';

const RELATIONS = words(`OBJECT_TABLE OBJECT_VIEW OBJECT_MATVIEW OBJECT_FOREIGN_TABLE OBJECT_SEQUENCE`);
/** What belongs to a table, which is named with it. */
const PARTS = words('OBJECT_TRIGGER OBJECT_RULE OBJECT_POLICY');
/** Nothing that holds rows falls with these. */
const LONELY = words(`OBJECT_INDEX OBJECT_STATISTIC_EXT OBJECT_PUBLICATION OBJECT_SUBSCRIPTION OBJECT_EVENT_TRIGGER
  OBJECT_CONVERSION OBJECT_TRANSFORM OBJECT_CAST`);
const KINDS: Readonly<Record<string, ObjectKind>> = {
  OBJECT_SCHEMA: 'Schema',
  OBJECT_TYPE: 'Type',
  OBJECT_DOMAIN: 'Type',
  OBJECT_FUNCTION: 'Function',
  OBJECT_PROCEDURE: 'Function',
  OBJECT_ROUTINE: 'Function',
  OBJECT_AGGREGATE: 'Function',
  OBJECT_EXTENSION: 'Extension',
};

/** DROP: what it names, and with CASCADE what falls with that or loses a part of itself. */
export function readDrop(
  { objects = [], removeType = 'OBJECT_TABLE', behavior }: DropStmt,
  changes: Changes,
  context: Context,
): void {
  const cascades = behavior === 'DROP_CASCADE';
  const kind = KINDS[removeType];
  const dropped: string[] = [];
  for (const object of objects) {
    const [name = '', schema, table] = namesOf(object).toReversed();
    if (RELATIONS.has(removeType)) {
      const known = writeFamily(tableNamed(name, schema), changes, context);
      if (known !== undefined) dropped.push(...family(known, context));
    } else if (PARTS.has(removeType)) writeName(tableNamed(schema ?? '', table), changes, context);
    else if ('ObjectWithArgs' in object) changes.add(name);
    if (kind !== undefined) dropped.push(...context.findings.catalog.objects(kind, schema, name));
  }
  if (!cascades && removeType !== 'OBJECT_EXTENSION') return;
  noteFallen(dropped, changes, context);
  if (kind === undefined && ![RELATIONS, PARTS, LONELY].some((kinds) => kinds.has(removeType)))
    context.findings.incomplete('Cascade', 'What falls with it cannot be told.');
}

/** What becomes a member of an extension falls with it. */
export function readMember(
  { objtype = 'OBJECT_TABLE', object }: AlterExtensionContentsStmt,
  changes: Changes,
  context: Context,
): void {
  const [name = '', schema] = object === undefined ? [] : namesOf(object).toReversed();
  if (RELATIONS.has(objtype)) writeFamily(tableNamed(name, schema), changes, context);
}

/** ALTER TABLE that drops a column or a constraint with CASCADE: what else uses the table may use that. */
export function noteAltered(
  relation: CatalogRelation | undefined,
  type: AlterTableStmt['objtype'],
  context: Context,
): void {
  if (type === 'OBJECT_TYPE') context.findings.incomplete('Cascade', 'Tables of the type change with it.');
  else if (relation !== undefined) noteFallen(family(relation, context), undefined, context);
}

function noteFallen(objects: readonly string[], changes: Changes | undefined, context: Context): void {
  const { catalog } = context.findings;
  const fallen = catalog.dependents(objects);
  if (!context.findings.step(fallen.length)) return;
  for (const { relation, falls } of fallen) {
    const known = catalog.byOid(relation);
    if (known === undefined) continue;
    // What a parent loses its children lose.
    addFamily(known, true, context);
    if (falls) changes?.add(known.name);
  }
}

/** As objects of the catalog's dependencies, a relation and its children. */
function family(relation: CatalogRelation, { findings }: Context): readonly string[] {
  return [relation, ...descendants(findings.catalog, relation)].map(({ oid }) => `r${oid}`);
}

function namesOf(object: Node): readonly string[] {
  if ('List' in object) return stringsOf(object.List.items);
  if ('ObjectWithArgs' in object) return stringsOf(object.ObjectWithArgs.objname);
  if ('TypeName' in object) return stringsOf(object.TypeName.names);
  return stringsOf([object]);
}

function tableNamed(relname: string, schemaname: string | undefined) {
  return { relname, inh: true, ...(schemaname === undefined ? {} : { schemaname }) };
}
