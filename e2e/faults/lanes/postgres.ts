import { Socket } from 'node:net';
import type pg from 'pg';
import { query as queryFrame } from '../../../sidecar/src/protocols/postgres/testing/frames.ts';
import { clientError } from '../../client-error.ts';
import { OPEN_POLICY } from '../../clients/open-policy.ts';
import { openStage, type Stage, type StageOptions } from '../../stage.ts';
import { startPostgres } from '../../support/postgres-server.ts';
import { WireAgent } from '../../wire-agent.ts';
import { until } from '../account.ts';
import type { Lane, LaneAgent, LaneStage, StalledAnswer, Turn } from '../lane.ts';
import { receivedOf, type Streams } from '../received.ts';
import { readTo } from './read-to.ts';

const ROWS = [1, 5, 50, 700];
const DATA_ROW = 0x44;
const MIB = 1024 * 1024;
const WIDE_ROW_BYTES = 1024;
/** The last message of an answer. */
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const HEADER_BYTES = 5;
/** The table that the load writes to. */
const SETUP = 'CREATE TABLE marks (mark text PRIMARY KEY); ALTER TABLE marks OWNER TO orders_app;';

/** The stage of a load, for faults that need more of it than all lanes have. */
export function openPostgresLoad(options: Pick<StageOptions, 'prepareState' | 'environment'> = {}): Promise<Stage> {
  return openStage({ start: startPostgres, setup: SETUP, files: { 'policy.yaml': OPEN_POLICY }, ...options });
}

export function laneStageOf(stage: Stage): LaneStage {
  return {
    state: stage.state,
    processIds: () => stage.processIds(),
    cli: async (...parameters) => {
      const { code, objects, stderr } = await stage.cli(...parameters);
      if (code !== 0) throw new Error(`sidegate ended with ${code}: ${stderr}`);
      return objects;
    },
    restartServer: async () => {
      await stage.postgres.crash();
      await stage.postgres.startAgain();
    },
    connect: () => connect(stage),
    stall: (mebibytes) => stall(stage, mebibytes),
    ran: async () => {
      await serverIsQuiet(stage);
      const statements = await stage.postgres.statements();
      return statements.filter(({ applicationName }) => !applicationName.startsWith('sidegate'));
    },
    answerOf: (parts) => [rowsOf(parts)],
    inputOf: (parts) => Buffer.concat(parts),
    [Symbol.asyncDispose]: () => stage.stop(),
  };
}

/** Statements by turns simple, extended and writing. */
export const POSTGRES_LANE: Lane = {
  name: 'postgres',
  needs: undefined,
  open: async () => laneStageOf(await openPostgresLoad()),
};

/** The whole DataRow messages of an answer; a message that is not there to its end does not count. */
export function rowsOf(parts: Streams): Uint8Array {
  const bytes = Buffer.concat(parts);
  const rows: Uint8Array[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    if (bytes[at] === DATA_ROW) rows.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(rows);
}

async function connect(stage: Stage): Promise<LaneAgent> {
  let bytes: Buffer[] = [];
  // A copy: the client's own reader moves bytes about in what it was given.
  const stream = (): Socket => new Socket().on('data', (piece: Buffer) => void bytes.push(Buffer.from(piece)));
  const client = await stage.connect({ stream });
  let isLost = false;
  const over = new Promise<string>((resolve) => {
    client.once('end', () => {
      isLost = true;
      resolve('');
    });
  });
  return {
    get isLost() {
      return isLost;
    },
    work: async (mark, count): Promise<Turn> => {
      bytes = [];
      const { text, query } = statement(mark, count);
      const error = await answered(client, query, over);
      const received = [receivedOf(text, [rowsOf(bytes)])];
      if (error === '') isLost = true;
      return { received, done: error === undefined ? 1 : 0, error: error === '' ? undefined : error };
    },
    close: () => client.end().catch(() => undefined),
  };
}

/** The SQLSTATE of the error; empty when the connection was lost; undefined when there was none. */
async function answered(
  client: pg.Client,
  query: Readonly<Record<string, unknown>>,
  over: Promise<string>,
): Promise<string | undefined> {
  const answer = client.query(query as unknown as pg.QueryConfig).then(
    () => undefined,
    (error: unknown) => {
      const { code } = clientError(error);
      return /^[0-9A-Z]{5}$/.test(code) ? code : '';
    },
  );
  return Promise.race([answer, over]);
}

function statement(mark: string, count: number): { readonly text: string; readonly query: Record<string, unknown> } {
  if (count % 3 === 0) {
    const text = `INSERT INTO marks VALUES ('${mark}') RETURNING mark`;
    return { text, query: { text } };
  }
  const rows = ROWS[count % ROWS.length] ?? 1;
  const columns = `SELECT '${mark}' AS mark, n, repeat(md5(n::text), 4) AS filler`;
  if (count % 3 === 1) {
    const text = `${columns} FROM generate_series(1, ${rows}) AS n`;
    return { text, query: { text } };
  }
  const text = `${columns} FROM generate_series(1, $1::int) AS n`;
  return { text, query: { text, values: [rows] } };
}

async function stall(stage: Stage, mebibytes: number): Promise<StalledAnswer> {
  const agent = await WireAgent.open(stage);
  const { socket } = agent;
  socket.removeAllListeners('data');
  socket.pause();
  const rows = (mebibytes * MIB) / WIDE_ROW_BYTES;
  const text = `SELECT repeat('r', ${WIDE_ROW_BYTES}) AS filler FROM generate_series(1, ${rows}) AS n`;
  agent.send(queryFrame(text));
  return {
    text,
    read: (piece) =>
      readTo(socket, piece, (bytes, end) => bytes > rows * WIDE_ROW_BYTES && end.equals(READY_FOR_QUERY)),
    contentOf: (part) => part,
    close: () => agent.socket.end(),
  };
}

/** What a killed gate left in the server's sockets is still read and run: its backends must be gone first. */
async function serverIsQuiet(stage: Stage): Promise<void> {
  await until('the server still has backends of agents', async () => {
    const rows = await stage.postgres.query(
      "SELECT 1 FROM pg_stat_activity WHERE usename = 'orders_app' AND application_name NOT LIKE 'sidegate%'",
    );
    return rows.length === 0 ? true : undefined;
  });
}
