import type { Node, VariableSetStmt } from 'libpg-query';
import { isLiteralSetting } from '../literal-settings.ts';
import type { SessionEffect } from '../sql-reading.ts';
import type { Context } from './findings.ts';
import { constantText } from './node.ts';
import { type Outcome, outcome } from './outcome.ts';
import { GUARDED_SETTINGS, MEANING_SETTINGS } from './settings.ts';
import { LITERAL } from './value.ts';

/** Statements about the session itself: settings, transactions, cursors, notifications. Undefined for any other. */
export function readSetting(node: Node, context: Context): Outcome | undefined {
  if ('VariableSetStmt' in node) return outcome({ sessionEffect: readVariable(node.VariableSetStmt, context) });
  if ('VariableShowStmt' in node) {
    const isAll = node.VariableShowStmt.name === 'all';
    return outcome({ outputs: Array.from({ length: isAll ? 3 : 1 }, () => LITERAL.origin) });
  }
  if ('TransactionStmt' in node) {
    const { kind = 'TRANS_STMT_BEGIN' } = node.TransactionStmt;
    // What DDL was prepared, by whichever session, holds from here on.
    if (kind === 'TRANS_STMT_COMMIT_PREPARED') return outcome({ changesCatalog: true });
    return outcome({ sessionEffect: TRANSACTION_EFFECTS[kind] });
  }
  if ('DiscardStmt' in node) {
    const { target } = node.DiscardStmt;
    if (target === 'DISCARD_ALL') return outcome({ sessionEffect: { kind: 'DiscardAll' } });
    return outcome({ changesCatalog: target === 'DISCARD_TEMP' });
  }
  if ('DeallocateStmt' in node) {
    const { name, isall } = node.DeallocateStmt;
    return outcome({ sessionEffect: { kind: 'Deallocate', name: isall === true ? undefined : name } });
  }
  if ('ClosePortalStmt' in node) {
    return outcome({ sessionEffect: { kind: 'CloseCursor', name: node.ClosePortalStmt.portalname } });
  }
  if ('ListenStmt' in node || 'UnlistenStmt' in node || 'NotifyStmt' in node || 'ConstraintsSetStmt' in node) {
    return outcome();
  }
  if ('CheckPointStmt' in node) return outcome();
  if ('LoadStmt' in node) {
    context.findings.incomplete('ServerCode', 'It loads code into the server.');
    return outcome({ sessionEffect: { kind: 'Unknown' } });
  }
  return undefined;
}

const TRANSACTION_EFFECTS: Readonly<Record<string, SessionEffect | undefined>> = {
  TRANS_STMT_BEGIN: { kind: 'Begin' },
  TRANS_STMT_START: { kind: 'Begin' },
  TRANS_STMT_COMMIT: { kind: 'Commit' },
  TRANS_STMT_PREPARE: { kind: 'Commit' },
  TRANS_STMT_ROLLBACK: { kind: 'Rollback' },
  TRANS_STMT_ROLLBACK_TO: { kind: 'RollbackToSavepoint' },
};

function readVariable(set: VariableSetStmt, context: Context): SessionEffect | undefined {
  const { findings } = context;
  const name = (set.name ?? '').toLowerCase();
  const local = set.is_local === true;
  switch (set.kind) {
    case 'VAR_RESET_ALL':
      return { kind: 'Reset', name: undefined };
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
      if (name === 'role' || name === 'session_authorization') return { kind: 'SetRole', role: undefined };
      return { kind: 'Reset', name };
    case 'VAR_SET_MULTI':
      // SET TRANSACTION and SET SESSION CHARACTERISTICS say how, not what.
      return undefined;
    case 'VAR_SET_CURRENT':
      return { kind: 'Set', name, value: undefined, local };
    default:
  }
  const values = set.args?.map((arg) => constantText(arg)) ?? [];
  const value = values.includes(undefined) ? undefined : joinValues(name, values);
  if (GUARDED_SETTINGS.has(name)) {
    findings.incomplete('SettingChange', `With ${name} a session does more than its statements say.`);
  }
  if (name === 'role' || name === 'session_authorization') {
    if (value === undefined || value === 'none') return { kind: 'SetRole', role: undefined };
    if (value !== findings.catalog.defaults.user) {
      findings.incomplete('RoleChange', `It goes on with the rights of ${value}.`);
    }
    return { kind: 'SetRole', role: value };
  }
  if (!MEANING_SETTINGS.has(name)) return isLiteralSetting(name) ? { kind: 'Set', name, value, local } : undefined;
  if (name === 'standard_conforming_strings' && value !== 'on') {
    findings.incomplete('SettingChange', 'With standard_conforming_strings off, strings end elsewhere.');
  }
  return { kind: 'Set', name, value, local };
}

/** A list of names as the setting shows it: each quoted, so that nothing in a name can be taken for another. */
function joinValues(name: string, values: readonly (string | undefined)[]): string {
  if (name !== 'search_path') return values.join(', ');
  return values.map((value) => `"${(value ?? '').replaceAll('"', '""')}"`).join(', ');
}
