import type { Node } from 'libpg-query';
import { kindOf } from './node.ts';

const VERBS: Readonly<Record<string, string>> = {
  SelectStmt: 'SELECT',
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
  CopyStmt: 'COPY',
  ExplainStmt: 'EXPLAIN',
  PrepareStmt: 'PREPARE',
  ExecuteStmt: 'EXECUTE',
  DeclareCursorStmt: 'DECLARE',
  ClosePortalStmt: 'CLOSE',
  DeallocateStmt: 'DEALLOCATE',
  CallStmt: 'CALL',
  DoStmt: 'DO',
  TruncateStmt: 'TRUNCATE',
  LockStmt: 'LOCK',
  VariableShowStmt: 'SHOW',
  DiscardStmt: 'DISCARD',
  ListenStmt: 'LISTEN',
  UnlistenStmt: 'UNLISTEN',
  NotifyStmt: 'NOTIFY',
  CheckPointStmt: 'CHECKPOINT',
  LoadStmt: 'LOAD',
  ReindexStmt: 'REINDEX',
  ClusterStmt: 'CLUSTER',
  CommentStmt: 'COMMENT',
  SecLabelStmt: 'SECURITY LABEL',
  ReassignOwnedStmt: 'REASSIGN OWNED',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  ImportForeignSchemaStmt: 'IMPORT FOREIGN SCHEMA',
  ConstraintsSetStmt: 'SET CONSTRAINTS',
  RenameStmt: 'ALTER',
  DefineStmt: 'CREATE',
  ViewStmt: 'CREATE',
  IndexStmt: 'CREATE',
  RuleStmt: 'CREATE',
  CreatedbStmt: 'CREATE',
  CompositeTypeStmt: 'CREATE',
  DropdbStmt: 'DROP',
};

/** The verb of a statement; kinds that are not listed are named for what they do: CREATE, ALTER, DROP. */
export function verbOf(node: Node): string {
  const kind = kindOf(node);
  const listed = VERBS[kind];
  if (listed !== undefined) return listed;
  if ('TransactionStmt' in node) return transactionVerb(node.TransactionStmt.kind ?? '');
  if ('FetchStmt' in node) return node.FetchStmt.ismove === true ? 'MOVE' : 'FETCH';
  if ('VariableSetStmt' in node) return variableVerb(node.VariableSetStmt.kind ?? '', node.VariableSetStmt.name ?? '');
  if ('GrantStmt' in node) return node.GrantStmt.is_grant === true ? 'GRANT' : 'REVOKE';
  if ('GrantRoleStmt' in node) return node.GrantRoleStmt.is_grant === true ? 'GRANT' : 'REVOKE';
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd === true ? 'VACUUM' : 'ANALYZE';
  for (const verb of ['Create', 'Alter', 'Drop']) if (kind.startsWith(verb)) return verb.toUpperCase();
  return kind.replace(/Stmt$/, '').toUpperCase();
}

function variableVerb(kind: string, name: string): string {
  if (kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL') return 'RESET';
  if (name === 'role') return 'SET ROLE';
  return name === 'session_authorization' ? 'SET SESSION AUTHORIZATION' : 'SET';
}

function transactionVerb(kind: string): string {
  const verb = kind.replace('TRANS_STMT_', '').replaceAll('_', ' ');
  if (verb === 'START') return 'BEGIN';
  if (verb === 'ROLLBACK TO') return 'ROLLBACK';
  return verb === 'PREPARE' ? 'PREPARE TRANSACTION' : verb;
}
