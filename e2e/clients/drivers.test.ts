import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import postgres from 'postgres';
import { openStage, type Stage } from '../stage.ts';
import { findPython } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { runClientWell } from './client-run.ts';

const TIMEOUT_MS = 300_000;
const python = findPython('psycopg') ?? '';
const withPsycopg = testGiven(python !== '', 'no Python with psycopg 3 is installed');

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

describe('node-postgres', () => {
  test(
    'simple, parameterised, named and cursor-like reads come masked; values of other columns are untouched',
    async () => {
      const client = await stage.connect();
      const simple = await client.query('SELECT id, email, ssn FROM customers ORDER BY id');
      const bound = await client.query('SELECT id, email, ssn FROM customers WHERE id = ANY($1::int[]) ORDER BY id', [
        [1, 2, 3],
      ]);
      const named = { name: 'one', text: 'SELECT id, email, ssn FROM customers WHERE id > $1 ORDER BY id' };
      const first = await client.query({ ...named, values: [0] });
      const again = await client.query({ ...named, values: [0] });
      expect(simple.rows[0]).toEqual({ id: 1, email: '***********.com', ssn: '*******4399' });
      for (const result of [bound, first, again]) expect(result.rows).toEqual(simple.rows);
      await client.end();
    },
    TIMEOUT_MS,
  );

  test(
    'a refusal tells rule, reason and mend, and neither the session nor its transaction is lost',
    async () => {
      const client = await stage.connect();
      await client.query('BEGIN');
      await client.query("UPDATE orders SET status = 'checked' WHERE id = 1");
      const refusal = await client.query('DELETE FROM orders').then(
        () => undefined,
        (error: pg.DatabaseError) => error,
      );
      expect(refusal).toMatchObject({ code: '42501', severity: 'ERROR' });
      expect(refusal?.detail).toContain('data/production-guardrails/unbounded-write');
      expect(refusal?.detail).toContain('A write without WHERE changes every row.');
      expect(refusal?.hint).not.toBe('');
      await client.query('COMMIT');
      expect((await client.query('SELECT status FROM orders WHERE id = 1')).rows).toEqual([{ status: 'checked' }]);
      await client.end();
    },
    TIMEOUT_MS,
  );

  test(
    'a query that is cancelled ends, and the session goes on',
    async () => {
      const client = await stage.connect();
      const sleeping = client.query('SELECT pg_sleep(600)').then(
        () => undefined,
        (error: pg.DatabaseError) => error.code,
      );

      const running = async (): Promise<boolean> =>
        (
          await stage.postgres.query(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
          )
        ).length > 0;
      while (!(await running())) await new Promise((resolve) => setImmediate(resolve));
      // node-postgres has no public cancel; its protocol part does what libpq's PQcancel does.
      const cancel = new pg.Client({ host: stage.host, port: stage.port }) as unknown as {
        cancel(client: unknown, query: unknown): void;
      };
      const { activeQuery, _activeQuery } = client as unknown as { activeQuery?: unknown; _activeQuery?: unknown };
      cancel.cancel(client, activeQuery ?? _activeQuery);
      expect(await sleeping).toBe('57014');
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await client.end();
    },
    TIMEOUT_MS,
  );

  test(
    'LISTEN and NOTIFY work; a payload, which may come from anywhere, is masked where columns are',
    async () => {
      const client = await stage.connect();
      const told = new Promise<string | undefined>((resolve) =>
        client.once('notification', ({ payload }) => resolve(payload)),
      );
      await client.query('LISTEN news');
      await client.query("NOTIFY news, 'hello'");
      expect(await told).toBe('[masked]');
      await client.end();
    },
    TIMEOUT_MS,
  );
});

describe('postgres.js', () => {
  test(
    'pipelines, prepared statements, transactions and cursors work, masked',
    async () => {
      const token = await stage.token();
      const sql = postgres({
        host: stage.host,
        port: stage.port,
        user: 'agent',
        password: token,
        database: stage.postgres.database,
        max: 1,
        onnotice: () => {},
      });
      try {
        const many = await Promise.all([1, 2, 3].map((id) => sql`SELECT email FROM customers WHERE id = ${id}`));
        expect(many.map(([row]) => row?.['email'])).toEqual([
          '***********.com',
          '*************.com',
          '**************.com',
        ]);
        const read = await sql.begin(async (transaction) => {
          await transaction`UPDATE orders SET status = 'seen' WHERE id = ${2}`;
          return transaction`SELECT status FROM orders WHERE id = ${2}`;
        });
        expect(read[0]?.['status']).toBe('seen');
        const paged: unknown[] = [];
        await sql`SELECT ssn FROM customers ORDER BY id`.cursor(1, ([row]) => void paged.push(row?.['ssn']));
        expect(paged).toEqual(['*******4399', '*******4471', '*******4522']);
        await expect(sql`DELETE FROM orders`).rejects.toMatchObject({ code: '42501' });
        expect((await sql`SELECT 1 AS one`)[0]?.['one']).toBe(1);
      } finally {
        await sql.end({ timeout: 5 });
      }
    },
    TIMEOUT_MS,
  );
});

const PSYCOPG = `
import psycopg
with psycopg.connect("") as conn:
    rows = conn.execute("SELECT email, ssn FROM customers ORDER BY id").fetchall()
    assert rows[0] == ("***********.com", "*******4399"), rows
    with conn.cursor(binary=True) as cur:
        cur.execute("SELECT id, email FROM customers WHERE id = %s", (2,), prepare=True)
        assert cur.fetchone() == (2, "*************.com")
    with conn.cursor("server_side") as cur:
        cur.execute("SELECT ssn FROM customers ORDER BY id")
        assert cur.fetchmany(2) == [("*******4399",), ("*******4471",)]
    conn.commit()
    with conn.cursor().copy("COPY customers (id, email) TO STDOUT") as copy:
        assert list(copy.rows())[0] == ("1", "***********.com")
    with conn.cursor().copy("COPY orders FROM STDIN") as copy:
        copy.write_row((2000, 1, "copied", "1.00", "new", "2026-01-01"))
    conn.commit()
    with conn.pipeline():
        a = conn.execute("SELECT count(*) FROM orders")
        b = conn.execute("SELECT email FROM customers WHERE id = 1")
    assert b.fetchone() == ("***********.com",)
    try:
        conn.execute("DELETE FROM orders")
        raise SystemExit("not refused")
    except psycopg.errors.InsufficientPrivilege as error:
        assert "unbounded-write" in error.diag.message_detail
    conn.rollback()
    print("done", conn.execute("SELECT 1").fetchone())
`;

withPsycopg(
  'psycopg 3 reads, binds, pages, copies and pipelines, masked',
  async () => {
    expect(await runClientWell(stage, python, ['-c', PSYCOPG])).toBe('done (1,)\n');
  },
  TIMEOUT_MS,
);
