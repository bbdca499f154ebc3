import { randomBytes } from 'node:crypto';
import { type Certificates, makeCertificates } from './certificates.ts';
import { servesContainers } from './container-runtime.ts';
import { accessTo, loggingSettings, settingLines } from './postgres-access.ts';
import { type PostgresOptions, startPostgres, type TargetPostgres } from './postgres-server.ts';
import { startContainer } from './target-container.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Docker's own image of PostgreSQL, or what stands for it where none can be pulled. */
export const POSTGRES_IMAGE = 'postgres:18';

const HOST = '127.0.0.1';
const PORT = 5432;
const LOG_FOLDER = '/tmp/sidegate-log';
const FILES = '/etc/sidegate';
/** The image runs it once, as the server's user, when the data is made. */
const SETTLE = `cat ${FILES}/settings.conf >>"$PGDATA/postgresql.conf"
cp ${FILES}/hba.conf "$PGDATA/pg_hba.conf"
if [ -e ${FILES}/server.key ]; then
  cp ${FILES}/server.crt ${FILES}/server.key "$PGDATA"
  chmod 600 "$PGDATA/server.key"
fi
`;

/** The PostgreSQL of a stage: in a container where a Docker daemon answers and no build is asked for, else of programs of this machine. */
export async function startTargetPostgres(options: PostgresOptions = {}): Promise<TargetPostgres> {
  if (options.build !== undefined || !(await servesContainers(POSTGRES_IMAGE))) return startPostgres(options);
  return startPostgresContainer(options);
}

async function startPostgresContainer(options: PostgresOptions): Promise<TargetPostgres> {
  const { database = 'orders', tls = 'Off' } = options;
  const password = randomBytes(12).toString('hex');
  using folder = temporaryFolder('pg');
  const certificates = tls === 'Off' ? undefined : makeCertificates(folder.path);
  const container = await startContainer({
    image: POSTGRES_IMAGE,
    environment: {
      POSTGRES_PASSWORD_FILE: `${FILES}/password`,
      POSTGRES_DB: database,
      POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --locale=C --encoding=UTF8 --no-sync',
    },
    files: filesOf(options, password, certificates),
    ports: [PORT],
    // While the data is made the server listens on its Unix socket alone.
    ready: `pg_isready -q -h ${HOST} -p ${PORT}`,
  });
  await using started = new AsyncDisposableStack();
  started.use(container);
  const port = container.port(PORT);
  const statementLog = (): Promise<string> => container.read(`${LOG_FOLDER}/postgres.json`);
  const access = accessTo({ host: HOST, port, database, password, certificates, statementLog });
  const [row] = await access.query('SHOW server_version_num');
  if (options.setup !== undefined) await access.query(options.setup);
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    ...access,
    version: String(Math.floor(Number(row?.['server_version_num']) / 10_000)),
    crash: () => container.kill('SIGQUIT'),
    startAgain: () => container.startAgain(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function filesOf(
  { tls = 'Off', settings }: PostgresOptions,
  password: string,
  certificates: Certificates | undefined,
): Readonly<Record<string, string>> {
  const all: Readonly<Record<string, string>> = {
    listen_addresses: `'*'`,
    password_encryption: `'scram-sha-256'`,
    timezone: `'UTC'`,
    fsync: 'off',
    ...loggingSettings(LOG_FOLDER, true),
    ...(certificates === undefined ? {} : { ssl: 'on', ssl_cert_file: `'server.crt'`, ssl_key_file: `'server.key'` }),
    ...settings,
  };
  const host = tls === 'Required' ? 'hostssl' : 'host';
  return {
    [`${FILES}/password`]: password,
    [`${FILES}/settings.conf`]: settingLines(all),
    [`${FILES}/hba.conf`]: `local all all trust\n${host} all all all scram-sha-256\n`,
    ...(certificates === undefined
      ? {}
      : { [`${FILES}/server.crt`]: certificates.certificate, [`${FILES}/server.key`]: certificates.key }),
    '/docker-entrypoint-initdb.d/settle.sh': SETTLE,
  };
}
