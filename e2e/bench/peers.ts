import { chmodSync, writeFileSync } from 'node:fs';
import { freePort } from '../support/free-port.ts';
import { unprivileged } from '../support/postgres-build.ts';
import type { TargetPostgres } from '../support/postgres-server.ts';
import { type ProcessOptions, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { haproxyFile } from './haproxy-file.ts';
import { untilListening } from './listening.ts';
import { startPlainRelay } from './relay-process.ts';
import type { Route } from './route.ts';

/** Starts the plain relay and what else is installed, all before the same server. What is started is put on `started`. */
export async function startPeers(
  postgres: TargetPostgres,
  folder: TemporaryFolder,
  started: AsyncDisposableStack,
): Promise<readonly Route[]> {
  chmodSync(folder.path, 0o755);
  const { user, password, database } = postgres;
  const host = '127.0.0.1';
  const direct: Route = { name: 'direct', host, port: postgres.port, user, password, database, pid: undefined };
  const routes = [direct];
  const start = async (
    name: Route['name'],
    program: string,
    parameters: readonly string[],
    port: number,
    options?: ProcessOptions,
  ): Promise<void> => {
    const running = started.use(startProcess(program, parameters, options));
    await untilListening(port, () => running.output());
    routes.push({ ...direct, name, port, pid: () => running.pid });
  };

  const haproxy = findProgram('haproxy');
  if (haproxy !== undefined) {
    const port = await freePort();
    const file = folder.file('haproxy.cfg');
    writeFileSync(file, haproxyFile('postgres', port, postgres.port));
    await start('haproxy', haproxy, ['-db', '-f', file], port);
  }
  const pgbouncer = findProgram('pgbouncer');
  if (pgbouncer !== undefined) {
    const port = await freePort();
    const file = folder.file('pgbouncer.ini');
    writeFileSync(file, pgbouncerFile(port, postgres));
    await start('pgbouncer', pgbouncer, [file], port, unprivileged());
  }
  const { port, pid } = await startPlainRelay(postgres.port, started);
  routes.push({ ...direct, name: 'relay', port, pid: () => pid });
  return routes;
}

/** Session pooling: one server connection for each client, as all other routes have. It does not check who asks. */
function pgbouncerFile(port: number, { port: serverPort, user, password, database }: TargetPostgres): string {
  return `[databases]
${database} = host=127.0.0.1 port=${serverPort} user=${user} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = session
max_client_conn = 2000
default_pool_size = 100
ignore_startup_parameters = extra_float_digits
`;
}
