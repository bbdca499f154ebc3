import type { SqlReading } from './sql-reading.ts';

const READING_VERBS: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'TABLE', 'SHOW', 'EXPLAIN', 'COPY']);

/** True when a text is known to change nothing, neither data nor session, and to end no transaction. */
export function isPureRead(reading: SqlReading | undefined): boolean {
  if (reading?.command.complete !== true) return false;
  const { statements } = reading.command;
  return (
    statements.every(
      ({ verb, tables, functions }) =>
        READING_VERBS.has(verb) &&
        tables.every(({ access }) => access === 'Read') &&
        functions.every(({ volatility }) => volatility === 'Immutable' || volatility === 'Stable'),
    ) &&
    reading.statements.every(
      ({ sessionEffect, changesCatalog, copy }) =>
        sessionEffect === undefined && !changesCatalog && copy?.direction !== 'In',
    )
  );
}
