import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { parse } from 'yaml';
import { type ClientError, clientError } from './client-error.ts';
import { openStage, type Stage } from './stage.ts';
import { LOGIN } from './stage-files.ts';

const TIMEOUT_MS = 300_000;
const FOLDER = join(import.meta.dirname, '../sidecar/src/protocols/postgres');

interface Case {
  readonly id: string;
  readonly class: string;
  readonly sql: string;
  readonly expect: 'Refuse' | 'Mask' | 'Hold' | 'Allow';
}

/** The gate's word for a refusal; PostgreSQL's own uses of the code carry no hint. */
const REFUSED = '42501';
/** What the masked columns hold, in clear. */
const CLEAR = [
  'ada@example.com',
  'bob@example.com',
  '078-05-1120',
  '219-09-9999',
  '4111111111111111',
  '5500000555555559',
  '5500005555555559',
];
/** How the server keeps passwords. */
const VERIFIER = 'SCRAM-SHA-256$';
/** And what an expression may make of it. */
const LEAKS = [
  ...new Set(
    [VERIFIER, ...CLEAR].flatMap((value) => [
      value,
      value.toUpperCase(),
      value.replaceAll('-', ''),
      Array.from(value).toReversed().join(''),
      Buffer.from(value).toString('hex'),
      Buffer.from(value).toString('base64'),
      createHash('md5').update(value).digest('hex'),
    ]),
  ),
];

const cases: readonly Case[] = parse(readFileSync(join(FOLDER, 'postgres.bypass.yaml'), 'utf8'));

/** What one run of a statement looked like to its agent. */
interface Seen {
  readonly error: ClientError | undefined;
  readonly bytes: string;
}

let stage: Stage;
let client: pg.Client | undefined;
let clientClass = '';
let received: Buffer[] = [];

beforeAll(async () => {
  const demo = readFileSync(join(FOLDER, 'fixture/demo.sql'), 'utf8');
  const policy = readFileSync(join(FOLDER, 'fixture/demo-policy.yaml'), 'utf8');
  stage = await openStage({
    // The gate's account may do everything: what does not happen was stopped by the gate.
    setup: `DROP VIEW contacts; DROP TABLE orders, customers; ${demo} ALTER ROLE ${LOGIN} SUPERUSER; ANALYZE;`,
    files: {
      'policy.yaml': policy.replace('{approvers: {groups: [dba]}}', '{approvers: {groups: [dba]}, timeoutSeconds: 1}'),
    },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  await client?.end();
  await stage?.stop();
}, TIMEOUT_MS);

/** A connection for each class of cases, so that what one class sets does not reach the next. */
async function clientOf(name: string): Promise<pg.Client> {
  if (client !== undefined && clientClass === name) return client;
  await client?.end();
  clientClass = name;
  client = await stage.connect({
    stream: () => {
      const socket = new Socket();
      // A copy: the client's own reader moves bytes about in what it was given.
      socket.on('data', (bytes: Buffer) => void received.push(Buffer.from(bytes)));
      return socket;
    },
  });
  return client;
}

async function run(one: Case, query: Readonly<Record<string, unknown>>): Promise<Seen> {
  const agent = await clientOf(one.class);
  received = [];
  const error = await agent.query({ text: one.sql, ...query }).then(() => undefined, clientError);
  const bytes = Buffer.concat(received).toString('latin1');
  if (error !== undefined) await agent.query('ROLLBACK').catch(() => undefined);
  return { error, bytes };
}

function leaksIn(text: string): readonly string[] {
  return LEAKS.filter((leak) => text.includes(leak));
}

/** Several statements in one text are for the simple protocol alone. */
const isSingle = ({ sql }: Case): boolean => !/;\s*\S|;$/.test(sql);

/** The name that PREPARE leaves behind, and a key that is in use, make a second run fail. */
const canRunAgain = (one: Case): boolean =>
  isSingle(one) && !/^(PREPARE|INSERT INTO customers \(id, name\) VALUES \(\d+, 'x'\) RETURNING) /i.test(one.sql);

/** What the server itself says of a type that has no binary form. */
const NO_BINARY_FORM = '42883';

const EXTENDED = { queryMode: 'extended' };

describe('the bypass corpus against a real server', () => {
  test('without the gate the masked statements do tell, and the search sees it', async () => {
    const direct = await stage.postgres.connect();
    const told: string[] = [];
    for (const { id, sql } of cases.filter(
      ({ expect: expected, class: name }) => expected === 'Mask' && name === 'alias',
    ))
      if (leaksIn(JSON.stringify(await direct.query(sql))).length > 0) told.push(id);
    await direct.end();
    expect(told.length).toBeGreaterThanOrEqual(5);
  });

  test.each(cases)(
    '$id: $sql',
    async (one) => {
      const seen = [await run(one, {})];
      if (canRunAgain(one) && one.expect !== 'Hold') {
        seen.push(await run(one, EXTENDED));
        const binary = one.expect === 'Mask' ? await run(one, { ...EXTENDED, binary: true }) : undefined;
        if (binary !== undefined) {
          const hasNone = binary.error?.code === NO_BINARY_FORM;
          seen.push(hasNone ? { ...binary, error: undefined } : binary);
        }
      }
      for (const { error, bytes } of seen) {
        if (one.expect === 'Refuse' || one.expect === 'Hold') {
          expect(error).toMatchObject({ code: REFUSED, hint: expect.stringMatching(/./) });
        } else expect(error).toBeUndefined();
        // What the agent itself wrote may stand in its error.
        if (leaksIn(one.sql).length === 0) expect(leaksIn(bytes)).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'nothing that was refused or held has reached the server, and everything else has',
    async () => {
      const ran = new Set((await stage.postgres.statements()).map(({ text }) => text));
      const stopped = cases.filter(({ expect: expected }) => expected === 'Refuse' || expected === 'Hold');
      expect(stopped.filter(({ sql }) => ran.has(sql)).map(({ id }) => id)).toEqual([]);
      const passed = cases.filter((one) => !stopped.includes(one));
      expect(passed.filter(({ sql }) => !ran.has(sql)).map(({ id }) => id)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'no masked value stands in clear in the record or the replay',
    async () => {
      await client?.end();
      client = undefined;
      const written = cases.map(({ sql }) => sql).filter((sql) => leaksIn(sql).length > 0);
      const found: string[] = [];
      for (const { sessionId } of await stage.drained()) {
        const ends = [await stage.cli('show', String(sessionId)), await stage.cli('replay', String(sessionId))];
        for (const { code, objects } of ends) {
          expect(code).toBe(0);
          for (const object of objects) {
            const text = textOf(object);
            if (leaksIn(text).length > 0 && !written.some((sql) => text.includes(sql))) found.push(text);
          }
        }
      }
      expect(found).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

/** Every string in a value, as it is and, where it is base64, as what it stands for. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n${Buffer.from(value, 'base64').toString('latin1')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('');
}
