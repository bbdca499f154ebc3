import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Certificates, makeCertificates } from './certificates.ts';
import { freePort } from './free-port.ts';
import { accessTo, loggingSettings, type PostgresAccess, settingLines } from './postgres-access.ts';
import { giveToServer, npmPostgres, type PostgresBuild, serverCommand, unprivileged } from './postgres-build.ts';
import { type RunningProcess, runProcess, startProcess } from './processes.ts';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts';
import { untilFound } from './until-found.ts';

const HOST = '127.0.0.1';
const PORTS_TRIED_MAX = 10;

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

/** A real PostgreSQL of a test's own. Passwords are checked by SCRAM-SHA-256; every statement is logged. */
export interface TargetPostgres extends PostgresAccess, AsyncDisposable {
  /** The major version: `18`. */
  readonly version: string;
  /** Ends it at once, as a crash does; `startAgain` recovers it. */
  crash(): Promise<void>;
  /** Starts a stopped or crashed server on the same port and data. */
  startAgain(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** The same as processes of this machine, on loopback. */
export interface PostgresServer extends TargetPostgres {
  /** Holds the server's Unix socket `.s.PGSQL.<port>`. */
  readonly socketDirectory: string;
  /** The server's log for people so far. */
  log(): string;
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

  const { version } = build;
  // The JSON log came with 15.
  const statementLog = Number(version) < 15 ? undefined : async () => readIfThere(folder.file('log/postgres.json'));
  const access = accessTo({ host: HOST, port, database, password, certificates, statementLog });
  await access.query(`CREATE DATABASE "${database}"`, undefined, 'postgres');
  if (options.setup !== undefined) await access.query(options.setup);

  const stop = async (): Promise<void> => {
    await server.stop('SIGINT');
    folder.remove();
  };
  return {
    ...access,
    version,
    socketDirectory: folder.file('socket'),
    log: () => logOf(folder),
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
    ...loggingSettings(folder.file('log'), Number(build.version) >= 15),
    ...(certificates === undefined
      ? {}
      : { ssl: 'on', ssl_cert_file: `'${certificates.certificateFile}'`, ssl_key_file: `'${certificates.keyFile}'` }),
    ...options.settings,
  };
  appendFileSync(folder.file('data/postgresql.conf'), settingLines(settings));
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
  const state = await untilFound('PostgreSQL does not get ready', () => {
    if (fresh().includes('database system is ready to accept connections')) return 'Ready';
    return ended ? 'Ended' : undefined;
  }).catch(async (error: unknown) => {
    await server.stop('SIGQUIT');
    throw new Error(`${String(error)}:\n${fresh()}`);
  });
  if (state === 'Ready') return server;
  if (/could not bind|Address already in use/.test(fresh())) return 'PortTaken';
  throw new Error(`PostgreSQL ended while starting:\n${fresh()}`);
}

function logOf(folder: TemporaryFolder): string {
  return readIfThere(folder.file('log/postgres.log'));
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
