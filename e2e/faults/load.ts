import { EventEmitter, once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { clientError } from '../client-error.ts';
import type { Stage } from '../stage.ts';
import { type RowsDigest, rowsDigest } from './rows-digest.ts';

const RECONNECT_MS = 50;
const ROWS = [1, 5, 50, 700];

/** What an agent got for one statement; the text is the statement's own, used once. */
export interface Received {
  readonly text: string;
  readonly rows: RowsDigest;
  /** The client was told that it is done. */
  readonly done: boolean;
}

/** The table that the load writes to. */
export const LOAD_SETUP = 'CREATE TABLE marks (mark text PRIMARY KEY); ALTER TABLE marks OWNER TO orders_app;';

/** Agents that work one statement after another, by turns simple, extended and writing, and connect again when they are thrown out. */
export class Load {
  readonly #stage: Stage;
  readonly #pauseMs: number;
  readonly #stopped = new AbortController();
  readonly #agents: readonly Promise<void>[];
  readonly #progress = new EventEmitter();
  readonly received: Received[] = [];
  /** SQLSTATE of every error that was not a lost connection. */
  readonly errors = new Map<string, number>();
  done = 0;
  /** Sessions that agents had: each must be in the record. */
  connections = 0;

  /** `pauseMs`: what each agent waits after a statement, in milliseconds. */
  constructor(stage: Stage, agents: number, pauseMs = 0) {
    this.#stage = stage;
    this.#pauseMs = pauseMs;
    this.#progress.setMaxListeners(0);
    this.#agents = Array.from({ length: agents }, (_, agent) => this.#work(agent));
  }

  /** Resolves when so many more statements are done. Rejects when the load stops. */
  async more(statements: number): Promise<void> {
    const until = this.done + statements;
    while (this.done < until) await once(this.#progress, 'done', { signal: this.#stopped.signal });
  }

  /** Ends every agent after the statement that it is at. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#agents);
  }

  async #work(agent: number): Promise<void> {
    let count = 0;
    while (!this.#stopped.signal.aborted) {
      let bytes: Buffer[] = [];
      // A copy: the client's own reader moves bytes about in what it was given.
      const stream = (): Socket => new Socket().on('data', (piece: Buffer) => void bytes.push(Buffer.from(piece)));
      const client = await this.#stage.connect({ stream }).catch(() => undefined);
      if (client === undefined) {
        await sleep(RECONNECT_MS);
        continue;
      }
      this.connections += 1;
      const ended = new AbortController();
      const over = new Promise<string>((resolve) => {
        client.once('end', () => {
          ended.abort();
          resolve('');
        });
      });
      while (!ended.signal.aborted && !this.#stopped.signal.aborted) {
        count += 1;
        bytes = [];
        const { text, query } = statement(`agent-${agent}-${count}`, count);
        const error = await answered(client, query, over);
        this.received.push({ text, rows: rowsDigest(bytes), done: error === undefined });
        if (error === undefined) {
          this.done += 1;
          this.#progress.emit('done');
          if (this.#pauseMs > 0) await sleep(this.#pauseMs);
        } else if (error === '') break;
        else this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
      }
      await client.end().catch(() => undefined);
    }
  }
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
