import type { FuncCall } from 'libpg-query';
import type { Findings, SettingCall } from './findings.ts';
import { constantText } from './node.ts';

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
]);

/**
 * What a call of `set_config` sets, when its arguments are constants. A setting that changes the meaning of statements is kept in
 * `findings.settings`: whoever reads the statement decides whether it stands where it can be followed.
 */
export function settingOfCall(findings: Findings, call: FuncCall): SettingCall | undefined {
  const [name, value, local] = call.args ?? [];
  const setting = constantText(name)?.toLowerCase();
  const isLocal = constantText(local)?.toLowerCase();
  if (setting === undefined || isLocal === undefined || call.args?.length !== 3) return undefined;
  findings.shapeDecides = false;
  if (GUARDED_SETTINGS.has(setting)) return undefined;
  const text = constantText(value);
  const made = { name: setting, value: text, local: isLocal.startsWith('t') || isLocal === 'on' || isLocal === '1' };
  if (!MEANING_SETTINGS.has(setting)) return text === undefined ? undefined : made;
  if (text === undefined) return undefined;
  findings.settings.push(made);
  return made;
}
