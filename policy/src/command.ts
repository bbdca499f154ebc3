/** Why a command was not understood whole. `kind` is CamelCase and is what `allowIncomplete` names. */
export interface Incompleteness {
  readonly kind: string;
  /** One sentence for a person. */
  readonly detail: string;
}

export interface TableUse {
  /** Empty when the catalog could not tell. */
  readonly schema: string;
  readonly name: string;
  readonly access: 'Read' | 'Write';
}

export interface FunctionUse {
  readonly schema: string;
  readonly name: string;
  readonly volatility: 'Immutable' | 'Stable' | 'Volatile' | 'Unknown';
}

/** A column whose value decides which rows come back or how (WHERE, JOIN, ORDER BY, GROUP BY, function argument), or that is read out. */
export interface ColumnUse {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** `Output`: the value itself appears in the result. `Condition`: the result tells something about it. */
  readonly use: 'Output' | 'Condition';
  /** It may hold JSON, of which fields may be masked. */
  readonly json?: true;
  /** The server keeps secrets in it (verifiers of passwords, connection strings, large objects): hidden wherever columns are masked. */
  readonly secret?: true;
  /** By names and numbers of members, the part of its documents that is used; absent: all of the value. */
  readonly member?: readonly string[];
}

/** One statement, also one that is nested in another (a CTE that writes, the query of an EXPLAIN, the body of a PREPARE). */
export interface PostgresStatement {
  /** Upper-case SQL verb: SELECT, INSERT, UPDATE, DELETE, MERGE, COPY, CREATE, ALTER, DROP, TRUNCATE, GRANT, SET, DO, CALL, EXECUTE ... */
  readonly verb: string;
  readonly hasWhere: boolean;
  readonly hasLimit: boolean;
  readonly tables: readonly TableUse[];
  readonly functions: readonly FunctionUse[];
  readonly columns: readonly ColumnUse[];
}

interface CommandBase {
  /** False when any part is not understood; then `incomplete` says why and the command is refused unless the Target's owner allows that kind. */
  readonly complete: boolean;
  readonly incomplete: readonly Incompleteness[];
}

export interface PostgresCommand extends CommandBase {
  readonly protocol: 'Postgres';
  readonly statements: readonly PostgresStatement[];
}

/** A key, or a channel of publish and subscribe. A command that reads and writes a key uses it twice. */
export interface RedisKeyUse {
  /** The key as text; bytes that are not UTF-8 are escaped as \xNN. */
  readonly name: string;
  readonly access: 'Read' | 'Write';
  /** `name` is a pattern as Redis writes them (`*`, `?`, `[a-z]`): any key that it matches may be meant. */
  readonly isPattern?: true;
  /** The hash fields that are used; absent: the value as a whole. */
  readonly fields?: readonly string[];
  /**
   * How the value gets past a mask on it. `Condition`: the answer tells something about it. `Part`: a piece of it is read or changed. `Copy`: it goes
   * to where other masks hold. Absent: it comes back where masks reach it, or not at all.
   */
  readonly use?: 'Condition' | 'Part' | 'Copy';
}

export interface RedisCommand extends CommandBase {
  readonly protocol: 'Redis';
  /** Upper-case name, with the subcommand where there is one: `GET`, `CONFIG SET`. */
  readonly name: string;
  readonly categories: readonly string[];
  readonly keys: readonly RedisKeyUse[];
}

/** What kind of channel a command of SSH runs in. `forward`: a TCP forward in either direction, the agent's keys, X11. */
export type SshChannel = 'exec' | 'shell' | 'sftp' | 'forward';

/** One program that an exec runs, one operation of SFTP (`open`, `rename`), or one forward (`direct-tcpip` with host and port). */
export interface ProgramUse {
  /** As it was written, `rm` or `/bin/rm`; undefined: only running it would tell. */
  readonly name: string | undefined;
  /** Words that only running would tell are undefined, and may then be any number of words. */
  readonly args: readonly (string | undefined)[];
  /** The command's `paths` name every file that this one uses. Absent: its arguments may name others. */
  readonly pathsKnown?: true;
  /** Where it runs, when that is not where sessions start; `path` is undefined when only running would tell. */
  readonly directory?: { readonly path: string | undefined };
}

export interface PathUse {
  /** Absolute, or `~/...` from the directory that sessions start in, with no `.` and `..`. Undefined: only running would tell. */
  readonly path: string | undefined;
  readonly access: 'Read' | 'Write';
  /** Anything below the path may be meant as well. */
  readonly isTree?: true;
  /** With `isTree`: only what is below, not the path itself. */
  readonly isBelow?: true;
  /** The program that names it, as an index of `commands`. Absent: none does, as with a redirect that writes. */
  readonly by?: number;
}

export interface SshCommand extends CommandBase {
  readonly protocol: 'SSH';
  readonly channel: SshChannel;
  /** Each program, also those inside substitutions and functions. Empty for a shell. */
  readonly commands: readonly ProgramUse[];
  readonly paths: readonly PathUse[];
  /** The directory that sessions start in, absolute, where it is known. */
  readonly home?: string;
}

/** A command in the form that policy reads, whatever protocol brought it. CEL sees it as `command`. */
export type Command = PostgresCommand | RedisCommand | SshCommand;
