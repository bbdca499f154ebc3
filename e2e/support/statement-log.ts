/** One statement as the server itself logged it. */
export interface LoggedStatement {
  readonly pid: number;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** `statement` (simple protocol), `execute` (extended) or `fastpath` (function call). */
  readonly kind: 'statement' | 'execute' | 'fastpath';
  readonly text: string;
  /** What the server says of the bind values: `Parameters: $1 = '7'`; empty without any. */
  readonly parameters: string;
}

const LOGGED = /^(?:(statement)|(execute) [^:]*|(fastpath) function call): ([^]*)$/;

/** Reads the statements from a server's JSON log (one object a line, as `log_destination = jsonlog` writes it), in its order. */
export function statementsOf(jsonLog: string): readonly LoggedStatement[] {
  return jsonLog.split('\n').flatMap((line) => {
    const entry = entryOf(line);
    const logged = LOGGED.exec(textAt(entry, 'message'));
    if (entry === undefined || logged === null) return [];
    return [
      {
        pid: Number(entry['pid']),
        user: textAt(entry, 'user'),
        database: textAt(entry, 'dbname'),
        applicationName: textAt(entry, 'application_name'),
        kind: logged[1] === 'statement' ? 'statement' : logged[2] === 'execute' ? 'execute' : 'fastpath',
        text: logged[4] ?? '',
        parameters: textAt(entry, 'detail'),
      },
    ];
  });
}

function textAt(entry: Record<string, unknown> | undefined, key: string): string {
  const value = entry?.[key];
  return typeof value === 'string' ? value : '';
}

/** The last line may be half written: it is no entry yet. */
function entryOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
