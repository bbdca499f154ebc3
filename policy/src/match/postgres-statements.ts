/** First words of PostgreSQL's statements, and FUNCTION for a call through the wire protocol's function message. */
const STATEMENTS: ReadonlySet<string> = new Set(
  `ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE DISCARD DO DROP END EXECUTE
  EXPLAIN FETCH FUNCTION GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE REPACK RESET REVOKE
  ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES WAIT`.split(/\s+/),
);

/** Words that mean the same statement. */
const SAME_STATEMENT: Readonly<Record<string, string>> = {
  ABORT: 'ROLLBACK',
  END: 'COMMIT',
  START: 'BEGIN',
  TABLE: 'SELECT',
  VALUES: 'SELECT',
};

/** One name for each statement, whatever word and case it was written in: rules name its first word only. */
export function canonicalStatement(verb: string): string {
  const [upper = ''] = verb.toUpperCase().split(' ');
  return Object.hasOwn(SAME_STATEMENT, upper) ? (SAME_STATEMENT[upper] ?? upper) : upper;
}

/** True for the first word of a statement that PostgreSQL has. */
export function isStatement(verb: string): boolean {
  return STATEMENTS.has(verb.toUpperCase());
}
