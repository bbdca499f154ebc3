import type { FuncCall, Node, SelectStmt } from 'libpg-query';
import type { Findings, SettingCall } from './findings.ts';
import { constantText, stringsOf } from './node.ts';
import { words } from './words.ts';

/** Settings that change what later statements mean. Any other setting changes at most how something is shown or planned. */
export const MEANING_SETTINGS: ReadonlySet<string> = new Set([
  'search_path',
  'standard_conforming_strings',
  'client_encoding',
  'role',
  'session_authorization',
]);

/** Settings by which a session would do more than its statements say. */
export const GUARDED_SETTINGS: ReadonlySet<string> = new Set([
  'session_replication_role',
  'local_preload_libraries',
  'session_preload_libraries',
  'dynamic_library_path',
  'jit_provider',
  'allow_system_table_mods',
  // `x = NULL` is true of rows then, which nobody sees.
  'transform_null_equals',
]);

/** Settings that no value makes dangerous: a client may set them to what it only binds later, as drivers do. */
const HARMLESS_SETTINGS: ReadonlySet<string> =
  words(`jit statement_timeout lock_timeout idle_in_transaction_session_timeout
  transaction_timeout idle_session_timeout work_mem maintenance_work_mem temp_buffers application_name timezone datestyle intervalstyle
  extra_float_digits bytea_output xmlbinary lc_messages lc_monetary lc_numeric lc_time client_min_messages tcp_keepalives_idle
  tcp_keepalives_interval tcp_keepalives_count default_transaction_isolation default_transaction_read_only default_transaction_deferrable
  transaction_isolation transaction_read_only transaction_deferrable synchronous_commit gin_fuzzy_search_limit random_page_cost
  max_parallel_workers_per_gather plan_cache_mode enable_seqscan enable_nestloop enable_hashjoin enable_mergejoin enable_indexscan`);

function isParameter(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('TypeCast' in node) return isParameter(node.TypeCast.arg);
  return 'ParamRef' in node;
}

/** `name` in a query over pg_settings that picks one row by its name. */
function settingOfRow(name: Node | undefined, findings: Findings): string | undefined {
  if (name === undefined || !('ColumnRef' in name)) return undefined;
  return stringsOf(name.ColumnRef.fields).join('.') === 'name' ? findings.settingsRow : undefined;
}

/** The setting that `FROM pg_settings WHERE name = '...'` picks, and nothing else: pg_dump sets one that a server may not have so. */
export function pickedSetting(select: SelectStmt): string | undefined {
  const { fromClause, whereClause, withClause, op, targetList } = select;
  const [target] = targetList ?? [];
  if (targetList?.length !== 1 || target === undefined || !('ResTarget' in target)) return undefined;
  const { val } = target.ResTarget;
  // Only as the whole of what is selected: deeper inside, `name` may mean another.
  if (val === undefined || !('FuncCall' in val) || val.FuncCall.args?.slice(1).some((arg) => !('A_Const' in arg))) {
    return undefined;
  }
  const [table] = fromClause ?? [];
  if (withClause !== undefined || (op !== undefined && op !== 'SETOP_NONE') || fromClause?.length !== 1)
    return undefined;
  if (table === undefined || !('RangeVar' in table) || table.RangeVar.alias?.colnames !== undefined) return undefined;
  const { schemaname = 'pg_catalog', relname } = table.RangeVar;
  if (schemaname !== 'pg_catalog' || relname !== 'pg_settings') return undefined;
  if (whereClause === undefined || !('A_Expr' in whereClause) || whereClause.A_Expr.kind !== 'AEXPR_OP')
    return undefined;
  const { lexpr, rexpr, name } = whereClause.A_Expr;
  if (lexpr === undefined || !('ColumnRef' in lexpr) || stringsOf(name).join('.') !== '=') return undefined;
  return stringsOf(lexpr.ColumnRef.fields).join('.') === 'name' ? constantText(rexpr) : undefined;
}

/**
 * What a call of `set_config` sets, when its arguments are constants; the value of a harmless setting may be a parameter. A setting that changes the meaning of statements is kept in
 * `findings.settings`: whoever reads the statement decides whether it stands where it can be followed.
 */
export function settingOfCall(findings: Findings, call: FuncCall): SettingCall | undefined {
  const [name, value, local] = call.args ?? [];
  const setting = (constantText(name) ?? settingOfRow(name, findings))?.toLowerCase();
  const isLocal = constantText(local)?.toLowerCase();
  if (setting === undefined || isLocal === undefined || call.args?.length !== 3) return undefined;
  findings.shapeDecides = false;
  if (GUARDED_SETTINGS.has(setting)) return undefined;
  const text = constantText(value);
  const made = { name: setting, value: text, local: isLocal.startsWith('t') || isLocal === 'on' || isLocal === '1' };
  if (HARMLESS_SETTINGS.has(setting) && isParameter(value)) return made;
  if (text === undefined) return undefined;
  if (!MEANING_SETTINGS.has(setting)) return made;
  findings.settings.push(made);
  return made;
}
