import { openStage, type Stage } from '../stage.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startPeers } from './peers.ts';
import { fillTables } from './pgbench.ts';
import type { Route } from './route.ts';

/** How much each group does. */
export interface RoundOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly progress: (step: string) => void;
}

/** A server, every route to it, and what is measured on them. */
export interface BenchStage extends RoundOptions, AsyncDisposable {
  readonly stage: Stage;
  /** In the order in which they take turns. */
  readonly routes: readonly Route[];
  /** The route with that name; throws when it is not there. */
  readonly route: (name: Route['name']) => Route;
}

/** So long the agent's token must last. */
const TOKEN_SECONDS = 86_400;

/** Rows to stream: `wide_rows` of about 1 KB and `narrow_rows` of about 100 bytes, both with one column that the policy masks. */
const TABLES = `
CREATE TABLE wide_rows AS SELECT n AS id, lpad(n::text, 9, '5') AS ssn, repeat('the quick brown fox ', 47) AS note
  FROM generate_series(1, 65536) AS n;
CREATE TABLE narrow_rows AS SELECT n AS id, lpad(n::text, 9, '5') AS ssn, repeat('the quick brown fox ', 3) AS note
  FROM generate_series(1, 524288) AS n;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
`;

/** The server does as little as it can besides answering: no fsync, no statement log. */
const SETTINGS = { log_statement: `'none'`, max_connections: '1200', shared_buffers: `'512MB'`, jit: 'off' };

export async function openBenchStage(options: RoundOptions): Promise<BenchStage> {
  await using started = new AsyncDisposableStack();
  const stage = started.use(await openStage({ start: startPostgres, settings: SETTINGS, progress: options.progress }));
  const { postgres, host, port } = stage;
  const folder = started.use(temporaryFolder('bench'));
  options.progress('starting the other routes and filling tables');
  const peers = await startPeers(postgres, folder, started);
  const [direct] = peers;
  if (direct === undefined) throw new Error('there is no way to the server');
  await fillTables(direct);
  await postgres.query(TABLES);
  await postgres.query('VACUUM ANALYZE');
  const gate: Route = {
    name: 'gate',
    host,
    port,
    user: 'agent',
    password: await stage.token({ expiresIn: TOKEN_SECONDS }),
    database: postgres.database,
    pid: () => stage.processIds().gate,
  };
  const routes = [...peers, gate];
  const whole = started.move();
  return {
    ...options,
    stage,
    routes,
    route: (name) => {
      const found = routes.find((route) => route.name === name);
      if (found === undefined) throw new Error(`there is no route ${name}`);
      return found;
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
