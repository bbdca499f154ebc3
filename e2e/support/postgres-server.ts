import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { type Certificates, makeCertificates } from './certificates.ts';
import { freePort } from './free-port.ts';
import { giveToServer, npmPostgres, type PostgresBuild, serverCommand, unprivileged } from './postgres-build.ts';
import { DEADLINE_MS, type RunningProcess, runProcess, startProcess } from './processes.ts';
import { type LoggedStatement, statementsOf } from './statement-log.ts';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts';

const HOST = '127.0.0.1';
const PORTS_TRIED_MAX = 10;
const ADMIN = 'sidegate-test-admin';

export interface PostgresOptions {
  /** Default: the current PostgreSQL from npm. */
  readonly build?: PostgresBuild;
  /** `Off` (default); `Offered`: with and without; `Required`: TCP connections without TLS are refused. */
  readonly tls?: 'Off' | 'Offered' | 'Required';
  /** Lines of postgresql.conf, values as written there: `{ work_mem: "'8MB'" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Run on the new database `database` as the superuser, as one simple query. */
  readonly setup?: string;
  /** Made at the start and owned by the superuser; default `orders`. */
  readonly database?: string;
}

/** Where to connect a client as somebody; what is left out is the superuser on the made database. */
export interface ClientOptions {
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

/** A real PostgreSQL of a test's own on loopback. Passwords are checked by SCRAM-SHA-256; every statement is logged. */
export interface PostgresServer extends AsyncDisposable {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The superuser. */
  readonly user: string;
  readonly password: string;
  /** Undefined when TLS is off. */
  readonly certificates: Certificates | undefined;
  /** Holds the server's Unix socket `.s.PGSQL.<port>`. */
  readonly socketDirectory: string;
  /** A connected node-postgres client, straight to the server; the caller ends it. */
  connect(options?: ClientOptions): Promise<pg.Client>;
  /** One query as the superuser on a connection of its own: the rows. */
  query(sql: string, values?: readonly unknown[], database?: string): Promise<readonly Record<string, unknown>[]>;
  /** The server's log for people so far. */
  log(): string;
  /**
   * What every client but `query` and `connect` ran, in the server's order, complete up to this moment. `since` leaves out that many
   * from the start.
   */
  statements(since?: number): Promise<readonly LoggedStatement[]>;
  /** Ends it at once, as a crash does; `startAgain` recovers it. */
  crash(): Promise<void>;
  /** Starts a stopped or crashed server on the same port and data. */
  startAgain(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Starts a server and waits until it takes connections. Throws with the server's log when it does not come up. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const build = options.build ?? npmPostgres();
  if (build === undefined) throw new Error('there is no PostgreSQL for this platform on npm: give `build`');
  const folder = temporaryFolder('pg');
  try {
    return await startIn(folder, build, options);
  } catch (error) {
    folder.remove();
    throw error;
  }
}

async function startIn(
  folder: TemporaryFolder,
  build: PostgresBuild,
  options: PostgresOptions,
): Promise<PostgresServer> {
  const database = options.database ?? 'orders';
  const password = randomBytes(12).toString('hex');
  const certificates = (options.tls ?? 'Off') === 'Off' ? undefined : makeCertificates(folder.path);
  await initialise(folder, build, password, options, certificates);
  let port = await freePort();
  let running = await launch(folder, build, port);
  for (let tried = 1; running === 'PortTaken'; tried++) {
    if (tried >= PORTS_TRIED_MAX) throw new Error(`no free port was found for PostgreSQL:\n${logOf(folder)}`);
    port = await freePort();
    running = await launch(folder, build, port);
  }
  let server: RunningProcess = running;

  const connect = async (as: ClientOptions = {}): Promise<pg.Client> => {
    const client = new pg.Client({
      host: HOST,
      port,
      user: as.user ?? 'postgres',
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
  const query: PostgresServer['query'] = async (sql, values, inDatabase = database) => {
    const client = await connect({ database: inDatabase });
    try {
      const result = await client.query(sql, values === undefined ? undefined : [...values]);
      return result.rows ?? [];
    } finally {
      await client.end();
    }
  };
  const statements: PostgresServer['statements'] = async (since = 0) => {
    if (Number(build.version) < 15)
      throw new Error(`PostgreSQL ${build.version} writes no JSON log to read statements from`);
    // Backends write to the log before they answer, so all that was answered so far stands before this mark.
    const mark = `SELECT 'mark-${randomBytes(8).toString('hex')}'`;
    await query(mark);
    const isMark = (statement: LoggedStatement): boolean => statement.text === mark;
    const all = await until(() => {
      const read = statementsOf(readIfThere(folder.file('log/postgres.json')));
      return read.some(isMark) ? read : undefined;
    }, `the statement log of PostgreSQL has no ${mark}`);
    return all.filter((statement) => statement.applicationName !== ADMIN).slice(since);
  };

  await query(`CREATE DATABASE "${database}"`, undefined, 'postgres');
  if (options.setup !== undefined) await query(options.setup);

  const stop = async (): Promise<void> => {
    await server.stop('SIGINT');
    folder.remove();
  };
  return {
    version: build.version,
    host: HOST,
    port,
    database,
    user: 'postgres',
    password,
    certificates,
    socketDirectory: folder.file('socket'),
    connect,
    query,
    log: () => logOf(folder),
    statements,
    crash: async () => {
      await server.stop('SIGQUIT');
    },
    startAgain: async () => {
      const again = await launch(folder, build, port);
      if (again === 'PortTaken') throw new Error(`port ${port} was taken while PostgreSQL was down`);
      server = again;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function initialise(
  folder: TemporaryFolder,
  build: PostgresBuild,
  password: string,
  options: PostgresOptions,
  certificates: Certificates | undefined,
): Promise<void> {
  for (const name of ['log', 'socket']) mkdirSync(folder.file(name));
  writeFileSync(folder.file('password'), `${password}\n`);
  giveToServer(folder.path);
  const where = ['--pgdata', folder.file('data'), '--no-sync'];
  const who = ['--username', 'postgres', '--pwfile', folder.file('password'), '--auth', 'scram-sha-256'];
  const what = ['--encoding', 'UTF8', '--locale', 'C'];
  const ended = await runProcess(build.initdb, [...where, ...who, ...what], { ...unprivileged(), cwd: folder.path });
  if (ended.code !== 0) throw new Error(`initdb failed:\n${ended.stdout}${ended.stderr}`);
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: `'${HOST}'`,
    unix_socket_directories: `'${folder.file('socket')}'`,
    password_encryption: `'scram-sha-256'`,
    timezone: `'UTC'`,
    fsync: 'off',
    logging_collector: 'on',
    // The JSON log came with 15; `statements` needs it.
    log_destination: Number(build.version) < 15 ? `'stderr'` : `'stderr,jsonlog'`,
    log_directory: `'${folder.file('log')}'`,
    log_filename: `'postgres.log'`,
    log_rotation_age: '0',
    log_rotation_size: '0',
    log_timezone: `'UTC'`,
    log_statement: `'all'`,
    log_parameter_max_length: '-1',
    ...(certificates === undefined
      ? {}
      : { ssl: 'on', ssl_cert_file: `'${certificates.certificateFile}'`, ssl_key_file: `'${certificates.keyFile}'` }),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  appendFileSync(folder.file('data/postgresql.conf'), lines.join(''));
  if (options.tls === 'Required') {
    const rules = `local all all scram-sha-256\nhostssl all all ${HOST}/32 scram-sha-256\n`;
    writeFileSync(folder.file('data/pg_hba.conf'), rules);
  }
}

async function launch(
  folder: TemporaryFolder,
  build: PostgresBuild,
  port: number,
): Promise<RunningProcess | 'PortTaken'> {
  const before = logOf(folder).length;
  const command = serverCommand(build.postgres, ['-D', folder.file('data'), '-p', String(port)]);
  const server = startProcess(command.program, command.parameters, { ...command, cwd: folder.path });
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  const fresh = (): string => logOf(folder).slice(before) + server.output();
  const state = await until(() => {
    if (fresh().includes('database system is ready to accept connections')) return 'Ready';
    return ended ? 'Ended' : undefined;
  }, 'PostgreSQL does not get ready').catch(async (error: unknown) => {
    await server.stop('SIGQUIT');
    throw new Error(`${String(error)}:\n${fresh()}`);
  });
  if (state === 'Ready') return server;
  if (/could not bind|Address already in use/.test(fresh())) return 'PortTaken';
  throw new Error(`PostgreSQL ended while starting:\n${fresh()}`);
}

/** The first value that `look` gives, asked again and again until the deadline. */
async function until<T>(look: () => T | undefined, otherwise: string): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${otherwise} within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function logOf(folder: TemporaryFolder): string {
  return readIfThere(folder.file('log/postgres.log'));
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
