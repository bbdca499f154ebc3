import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Certificates } from './certificates.ts';
import { type LoggedStatement, statementsOf } from './statement-log.ts';
import { untilFound } from './until-found.ts';

/** What the tests' own connections are called, so that no list of statements has them. */
const ADMIN = 'sidegate-test-admin';
const USER = 'postgres';

/** Where to connect a client as somebody; what is left out is the superuser on the made database. */
export interface ClientOptions {
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

export interface AccessOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The superuser's. */
  readonly password: string;
  /** Undefined when TLS is off. */
  readonly certificates: Certificates | undefined;
  /** The server's statement log as JSON lines; undefined: it writes none. */
  readonly statementLog: (() => Promise<string>) | undefined;
}

/** What a test asks of a server past every gate, wherever it runs. */
export interface PostgresAccess extends Omit<AccessOptions, 'statementLog'> {
  /** The superuser. */
  readonly user: string;
  /** A connected node-postgres client, straight to the server; the caller ends it. */
  connect(options?: ClientOptions): Promise<pg.Client>;
  /** One query as the superuser on a connection of its own: the rows. */
  query(sql: string, values?: readonly unknown[], database?: string): Promise<readonly Record<string, unknown>[]>;
  /**
   * What every client but `query` and `connect` ran, in the server's order, complete up to this moment. `since` leaves out that many
   * from the start. Throws for a server that writes no such log.
   */
  statements(since?: number): Promise<readonly LoggedStatement[]>;
}

export function accessTo({
  host,
  port,
  database,
  password,
  certificates,
  statementLog,
}: AccessOptions): PostgresAccess {
  const connect: PostgresAccess['connect'] = async (as = {}) => {
    const client = new pg.Client({
      host,
      port,
      user: as.user ?? USER,
      password: as.password ?? password,
      database: as.database ?? database,
      application_name: ADMIN,
      ssl: certificates === undefined ? false : { ca: certificates.authority, servername: 'localhost' },
    });
    // A server that goes away under an idle client is what some tests are about: the next query tells.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const query: PostgresAccess['query'] = async (sql, values, inDatabase = database) => {
    const client = await connect({ database: inDatabase });
    try {
      const result = await client.query(sql, values === undefined ? undefined : [...values]);
      return result.rows ?? [];
    } finally {
      await client.end();
    }
  };
  const statements: PostgresAccess['statements'] = async (since = 0) => {
    if (statementLog === undefined) throw new Error('this PostgreSQL writes no JSON log to read statements from');
    // Backends write to the log before they answer, so all that was answered so far stands before this mark.
    const mark = `SELECT 'mark-${randomBytes(8).toString('hex')}'`;
    await query(mark);
    const isMark = (statement: LoggedStatement): boolean => statement.text === mark;
    const all = await untilFound(`the statement log of PostgreSQL has no ${mark}`, async () => {
      const read = statementsOf(await statementLog());
      return read.some(isMark) ? read : undefined;
    });
    return all.filter((statement) => statement.applicationName !== ADMIN).slice(since);
  };
  return { host, port, database, user: USER, password, certificates, connect, query, statements };
}

/** Lines of postgresql.conf that make a server write what tests read; `folder` is where its log goes. */
export function loggingSettings(folder: string, json: boolean): Readonly<Record<string, string>> {
  return {
    logging_collector: 'on',
    log_destination: json ? `'stderr,jsonlog'` : `'stderr'`,
    log_directory: `'${folder}'`,
    log_filename: `'postgres.log'`,
    log_rotation_age: '0',
    log_rotation_size: '0',
    log_timezone: `'UTC'`,
    log_statement: `'all'`,
    log_parameter_max_length: '-1',
  };
}

/** Settings as lines of postgresql.conf. */
export function settingLines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}
