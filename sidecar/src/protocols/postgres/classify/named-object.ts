import type { Node, ObjectWithArgs, RangeVar } from 'libpg-query';
import { creationSchema } from './changes.ts';
import type { Context } from './findings.ts';
import { qualifiedName } from './node.ts';

/**
 * Notes a definition in a schema of the server's own, or of something in it. What stands there is taken for what the server brings along, by its
 * name: a view is not read, and a function does what that name is known for.
 */
export function noteSystemObject(node: Node, context: Context): void {
  for (const schema of [...schemasOfNew(node, context), ...schemasOfChanged(node, context)]) {
    if (!context.findings.catalog.isSystemSchema(schema)) continue;
    context.findings.incomplete('SystemTable', `What is defined in ${schema} passes for the server's own.`);
  }
}

/** Where it makes something. */
function schemasOfNew(node: Node, context: Context): readonly string[] {
  const made = (names: readonly Node[] | undefined) => [qualifiedName(names).schema ?? creationSchema(context)];
  const table = (relation: RangeVar | undefined) => [relation?.schemaname ?? creationSchema(context)];
  if ('CreateFunctionStmt' in node) return made(node.CreateFunctionStmt.funcname);
  if ('DefineStmt' in node) return made(node.DefineStmt.defnames);
  if ('CreateDomainStmt' in node) return made(node.CreateDomainStmt.domainname);
  if ('CreateEnumStmt' in node) return made(node.CreateEnumStmt.typeName);
  if ('CreateRangeStmt' in node) return made(node.CreateRangeStmt.typeName);
  if ('CompositeTypeStmt' in node) return table(node.CompositeTypeStmt.typevar);
  if ('ViewStmt' in node) return table(node.ViewStmt.view);
  if ('CreateStmt' in node) return table(node.CreateStmt.relation);
  if ('CreateTableAsStmt' in node) return table(node.CreateTableAsStmt.into?.rel);
  return 'AlterObjectSchemaStmt' in node ? [node.AlterObjectSchemaStmt.newschema ?? ''] : [];
}

/** Where what it changes may be. Tables and types of the server's own cannot be changed, and operators are known by their functions. */
function schemasOfChanged(node: Node, { findings: { catalog } }: Context): readonly string[] {
  const func = 'AlterFunctionStmt' in node ? node.AlterFunctionStmt.func : moved(node);
  const { schema, name } = qualifiedName(func?.objname);
  return schema === undefined ? catalog.functions(name).map((known) => known.schema) : [schema];
}

/** A function that gets another name or schema counts as called: under the new one no rule would find it. */
export function noteMoved(node: Node, { findings, statement }: Context): void {
  const { schema, name } = qualifiedName(moved(node)?.objname);
  for (const known of findings.catalog.functions(name)) {
    if (schema === undefined || known.schema === schema)
      statement.addFunction({ schema: known.schema, name, volatility: known.volatility });
  }
}

function moved(node: Node): ObjectWithArgs | undefined {
  const object =
    'RenameStmt' in node
      ? node.RenameStmt.object
      : 'AlterObjectSchemaStmt' in node
        ? node.AlterObjectSchemaStmt.object
        : undefined;
  return object !== undefined && 'ObjectWithArgs' in object ? object.ObjectWithArgs : undefined;
}
