import type { Node, SelectStmt } from 'libpg-query';
import type { SessionEffect, StatementReading } from '../sql-reading.ts';
import { isAlwaysTrue } from './always-true.ts';
import { Changes, creationSchema } from './changes.ts';
import { readCopy } from './copy.ts';
import { readDefinition } from './definition.ts';
import { readExplain } from './explain.ts';
import type { Context, Findings, SettingCall } from './findings.ts';
import { useFunction } from './function-use.ts';
import { qualifiedName } from './node.ts';
import { noteCopies, type Outcome, outcome, readExecute } from './outcome.ts';
import { readTruncate } from './referrers.ts';
import { openScope, originsOf } from './scope.ts';
import { readSetting } from './session-statement.ts';
import { pickedSetting } from './settings.ts';
import { readTable } from './table.ts';
import { verbOf } from './verb.ts';
import { readAll, readInside, readSelect, readStatement } from './walk.ts';
import { readDelete, readInsert, readMerge, readUpdate } from './write.ts';

/** Reads one statement at the top level of a text, or one that another statement is about. */
export function walkStatement(node: Node, findings: Findings): StatementReading {
  const context = findings.openStatement(verbOf(node));
  const read = readKind(node, context);
  return { ...read, verb: context.statement.verb };
}

function readKind(node: Node, context: Context): Outcome {
  if ('SelectStmt' in node) return readQuery(node.SelectStmt, context);
  if ('InsertStmt' in node) return outcome({ outputs: originsOf(readInsert(node.InsertStmt, undefined, context)) });
  if ('UpdateStmt' in node) return outcome({ outputs: originsOf(readUpdate(node.UpdateStmt, undefined, context)) });
  if ('DeleteStmt' in node) return outcome({ outputs: originsOf(readDelete(node.DeleteStmt, undefined, context)) });
  if ('MergeStmt' in node) return outcome({ outputs: originsOf(readMerge(node.MergeStmt, undefined, context)) });
  if ('CopyStmt' in node) return readCopy(node.CopyStmt, context);
  if ('ExplainStmt' in node) return readExplain(node.ExplainStmt, context);
  if ('PrepareStmt' in node || 'DeclareCursorStmt' in node) return readKept(node, context);
  if ('ExecuteStmt' in node) return readExecute(node.ExecuteStmt, context);
  if ('FetchStmt' in node) return readFetch(node.FetchStmt.portalname ?? '', node.FetchStmt.ismove === true, context);
  if ('CallStmt' in node) {
    const { funccall } = node.CallStmt;
    const { schema, name } = qualifiedName(funccall?.funcname);
    readAll(funccall?.args, openScope(undefined), context, 'Condition');
    useFunction(context, schema, name, funccall?.args?.length ?? 0);
    return outcome({ outputs: undefined });
  }
  if ('DoStmt' in node) {
    context.findings.incomplete('DoBlock', 'What a DO block does cannot be told.');
    return outcome({ changesCatalog: true, sessionEffect: { kind: 'Unknown' } });
  }
  if ('TruncateStmt' in node) {
    readTruncate(node.TruncateStmt, context);
    return outcome();
  }
  if ('LockStmt' in node) {
    for (const relation of node.LockStmt.relations ?? []) {
      if ('RangeVar' in relation) readTable(relation.RangeVar, 'Read', context);
    }
    return outcome();
  }
  return readSetting(node, context) ?? readDefinition(node, context);
}

/** Notes WHERE and LIMIT of a query that is a statement of its own. */
function markSelect(select: SelectStmt, { statement, findings }: Context): void {
  if (select.whereClause !== undefined) {
    const truth = isAlwaysTrue(select.whereClause);
    if (truth.dependsOnLiteral) findings.shapeDecides = false;
    statement.hasWhere = !truth.always;
  }
  const { limitCount } = select;
  statement.hasLimit = limitCount !== undefined && !('A_Const' in limitCount && limitCount.A_Const.isnull === true);
}

function readQuery(select: SelectStmt, context: Context): Outcome {
  const { findings } = context;
  const before = findings.settings.length;
  markSelect(select, context);
  findings.settingsRow = pickedSetting(select);
  const columns = readSelect(select, undefined, context, 'Output');
  const made = findings.settings.slice(before);
  let sessionEffect: SessionEffect | undefined;
  if (made.length > 0) sessionEffect = followSetting(select, made, context);
  const outputNames = columns?.map(({ name }) => name);
  const named = outputNames === undefined ? {} : { outputNames };
  if (select.intoClause?.rel === undefined) return outcome({ outputs: originsOf(columns), sessionEffect, ...named });
  noteCopies(originsOf(columns), context);
  const { rel } = select.intoClause;
  findings
    .openStatement('CREATE')
    .statement.addTable(rel.schemaname ?? creationSchema(context), rel.relname ?? '', 'Write');
  const changes = new Changes();
  changes.add(rel.relname ?? '');
  changes.create(rel, outputNames, context);
  return outcome({ changesCatalog: true, changes: [...changes.names], creates: changes.creates });
}

/** `SELECT set_config('search_path', '', false)` alone can be followed like SET; anywhere else it cannot. */
function followSetting(select: SelectStmt, made: readonly SettingCall[], { findings }: Context): SessionEffect {
  const [only] = made;
  const [target] = select.targetList ?? [];
  const isDirect = target !== undefined && 'ResTarget' in target && 'FuncCall' in (target.ResTarget.val ?? {});
  const isPlain =
    select.fromClause === undefined &&
    select.whereClause === undefined &&
    select.withClause === undefined &&
    select.limitCount === undefined &&
    select.limitOffset === undefined &&
    select.targetList?.length === 1;
  if (only !== undefined && made.length === 1 && isDirect && isPlain) return { kind: 'Set', ...only };
  findings.incomplete(
    'SettingChange',
    'It changes a setting that later statements depend on where that cannot be followed.',
  );
  return { kind: 'Unknown' };
}

/** PREPARE and DECLARE: the statement inside runs later, and is judged now and then. */
function readKept(node: Node, context: Context): Outcome {
  const { findings } = context;
  if ('DeclareCursorStmt' in node) {
    const { portalname = '', query, options = 0 } = node.DeclareCursorStmt;
    const outputs = query === undefined ? undefined : readStatement(query, findings).outputs;
    return outcome({
      sessionEffect: { kind: 'DeclareCursor', name: portalname, hold: (options & CURSOR_HOLD) !== 0, outputs },
    });
  }
  if ('PrepareStmt' in node) {
    const { name = '', query } = node.PrepareStmt;
    if (query === undefined) return outcome();
    const reading = readInside(query, findings);
    return outcome({ sessionEffect: { kind: 'Prepare', name, reading } });
  }
  return outcome();
}

/** CURSOR_OPT_HOLD in parsenodes.h. */
const CURSOR_HOLD = 0x0020;

function readFetch(name: string, isMove: boolean, { findings }: Context): Outcome {
  findings.ofThisMoment = true;
  if (!findings.state.cursors.has(name)) {
    findings.incomplete('UnknownCursor', `No cursor ${name} is known in this session.`);
    return outcome({ outputs: isMove ? [] : undefined, cursor: name });
  }
  return outcome({ outputs: isMove ? [] : findings.state.cursors.get(name), cursor: name });
}
