import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { failureOf } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';

const LIMIT_MS = 120_000;
const READ = 'SELECT item FROM orders WHERE id = 1';
const WRITE = "UPDATE orders SET status = 'shipped' WHERE id = 1";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, LIMIT_MS);

afterAll(() => stage.stop(), LIMIT_MS);

function policy(statements: string, rest = ''): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: changing, namespace: data}
spec:
  rules:
    - name: frozen
      match: {postgres: {statements: [${statements}]}}
      action: Deny
      reason: Frozen for now.
${rest}`;
}

/** The error's code, or Done. */
function outcome(client: pg.Client, sql: string): Promise<string> {
  return client.query(sql).then(
    () => 'Done',
    (error: unknown) => String(Object(error).code),
  );
}

test(
  'a change binds the next command of an open session, in both directions',
  async () => {
    const client = await stage.connect();
    expect(await outcome(client, WRITE)).toBe('Done');
    expect(await stage.change({ 'changing.yaml': policy('UPDATE') })).toMatchObject({ kind: 'Applied' });
    expect(await outcome(client, WRITE)).toBe('42501');
    expect(await outcome(client, READ)).toBe('Done');
    expect(await stage.change({ 'changing.yaml': undefined })).toMatchObject({ kind: 'Applied' });
    expect(await outcome(client, WRITE)).toBe('Done');
    await client.end();
  },
  LIMIT_MS,
);

test(
  'a change binds a prepared statement that was allowed before',
  async () => {
    const client = await stage.connect();
    const prepared = { name: 'write', text: 'UPDATE orders SET status = $1 WHERE id = $2', values: ['shipped', 2] };
    await client.query(prepared);
    await stage.change({ 'changing.yaml': policy('UPDATE') });
    await expect(client.query({ ...prepared, values: ['returned', 2] })).rejects.toMatchObject({ code: '42501' });
    await stage.change({ 'changing.yaml': undefined });
    await expect(client.query(prepared)).resolves.toMatchObject({ rowCount: 1 });
    await client.end();
  },
  LIMIT_MS,
);

test(
  'a new mask binds the next answer of an open session',
  async () => {
    const client = await stage.connect();
    const name = async (): Promise<unknown> =>
      (await client.query<{ name: string }>('SELECT name FROM customers WHERE id = 1')).rows[0]?.name;
    expect(await name()).toBe('Ada Lovelace');
    const mask = '  masks:\n    - {name: names, columns: [public.customers.name], with: {type: Redact}}\n';
    await stage.change({ 'changing.yaml': policy('DROP', mask) });
    expect(await name()).not.toContain('Ada');
    await stage.change({ 'changing.yaml': undefined });
    expect(await name()).toBe('Ada Lovelace');
    await client.end();
  },
  LIMIT_MS,
);

test(
  'files that are wrong change nothing for open and new sessions, and are told',
  async () => {
    await stage.change({ 'changing.yaml': policy('UPDATE') });
    const open = await stage.connect();
    const wrong = await stage.change({ 'changing.yaml': policy('UPDATE').replace('action: Deny', 'acton: Deny') });
    expect(wrong).toMatchObject({
      kind: 'Refused',
      faults: [{ code: 'MissingField' }, { code: 'UnknownField', field: 'spec.rules[0].acton', line: 8 }],
    });
    const fresh = await stage.connect();
    for (const client of [open, fresh]) {
      expect(await outcome(client, WRITE)).toBe('42501');
      expect(await outcome(client, READ)).toBe('Done');
      await client.end();
    }
    await stage.change({ 'changing.yaml': undefined });
  },
  LIMIT_MS,
);

test(
  'half of a change is not applied: a good file beside a wrong one waits for it',
  async () => {
    const client = await stage.connect();
    const wrong = { 'changing.yaml': policy('UPDATE'), 'other.yaml': 'kind: Nothing\n' };
    expect(await stage.change(wrong)).toMatchObject({ kind: 'Refused' });
    // The good file may have been seen, and applied, a moment before the wrong one was there: that is a whole change as well.
    await stage.change({ 'changing.yaml': policy('SELECT'), 'other.yaml': 'kind: Nothing\n' });
    expect(await outcome(client, READ)).toBe('Done');
    await stage.change({ 'changing.yaml': undefined, 'other.yaml': undefined });
    expect(await outcome(client, READ)).toBe('Done');
    await client.end();
  },
  LIMIT_MS,
);

test(
  'an access that is suspended ends its sessions and opens none',
  async () => {
    const client = await stage.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    const access = `apiVersion: sidegate.dev/v1alpha1
kind: AgentAccess
metadata: {name: support-bot, namespace: agents}
spec:
  podSelector: {matchLabels: {app: support-bot}}
  identity: {source: Token, issuers: [corporate]}
  targetRefs: [{namespace: data, name: orders-db}]
  defaultAction: Allow
`;
    await stage.change({ 'access.yaml': `${access}  suspend: true\n` });
    await ended;
    expect(await failureOf(stage.connect())).toMatchObject({ detail: expect.stringContaining('suspended') });
    await stage.change({ 'access.yaml': access });
    const again = await stage.connect();
    expect(await outcome(again, READ)).toBe('Done');
    await again.end();
  },
  LIMIT_MS,
);

test(
  'a mask of a column that the database does not have is warned of, and one that it has is not',
  async () => {
    const mask = (column: string): string => `  masks:
    - {name: names, columns: [${column}], with: {type: Redact}}
`;
    const change = { 'changing.yaml': policy('UPDATE', mask('public.customers.nmae')) };
    expect(await stage.change(change)).toMatchObject({ kind: 'Applied' });
    const warning = await stage.event(({ kind, code }) => kind === 'Warning' && code === 'NameMatchesNothing');
    expect(warning['message']).toMatch(
      /^data\/changing\/names names public\.customers\.nmae, which is not in the database/,
    );
    expect(await stage.change({ 'changing.yaml': undefined })).toMatchObject({ kind: 'Applied' });
    // What the stage itself names is there.
    expect(stage.events().filter(({ code }) => code === 'NameMatchesNothing')).toEqual([warning]);
  },
  LIMIT_MS,
);
