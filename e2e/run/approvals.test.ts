import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { clientError } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { decide, ending, nothingWaits, policyFile, setOwner, waiting } from './owner.ts';

const LIMIT_MS = 180_000;
const HELD = (more = ''): string =>
  `{name: ask, match: {postgres: {statements: [DELETE]}}, action: RequireApproval, reason: A human looks at deletes., approval: {approvers: {groups: [dba]}, timeoutSeconds: 600${more}}}`;
const POLICY = policyFile({ rules: [HELD()] });

let stage: Stage;
let agent: pg.Client;

beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': POLICY } });
  await setOwner(stage, 'dana', ['dba']);
}, LIMIT_MS);

afterAll(() => stage?.stop(), LIMIT_MS);

beforeEach(async () => {
  await stage.change({ 'policy.yaml': POLICY });
  await setOwner(stage, 'dana', ['dba']);
  agent = await stage.connect();
}, LIMIT_MS);

afterEach(() => agent.end());

async function orders(): Promise<number> {
  return Number((await stage.postgres.query('SELECT count(*) FROM orders'))[0]?.['count']);
}

describe('psql', () => {
  const psql = findProgram('psql') ?? '';

  async function startPsql(...commands: readonly string[]): Promise<RunningProcess> {
    const where = `host=${stage.host} port=${stage.port} user=agent dbname=${stage.postgres.database}`;
    const parameters = ['-X', '-A', '-t', where, ...commands.flatMap((command) => ['-c', command])];
    return startProcess(psql, parameters, { env: { PGPASSWORD: await stage.token() } });
  }

  testGiven(psql === '' ? undefined : psql, 'psql is not installed')(
    'waits at a DELETE, while another session works; approved, exactly it passes, and psql goes on',
    async () => {
      const before = await orders();
      await using waits = await startPsql('DELETE FROM orders WHERE id = 1', 'SELECT 6 * 7');
      const [, id = ''] = await waits.line(/waits for approval (\w+)/u);
      expect((await agent.query('SELECT count(*) FROM orders')).rows).toEqual([{ count: String(before) }]);
      expect(await waiting(stage)).toMatchObject({
        id,
        state: 'Pending',
        text: 'DELETE FROM orders WHERE id = 1',
        rule: 'data/guard/ask',
        verified: { subject: 'support-bot', groups: ['support-agents'] },
      });
      const approved = await stage.cli('approve', id, '--reason', 'ticket 12');
      expect(approved).toMatchObject({ code: 0, objects: [expect.objectContaining({ id, state: 'Approved' })] });
      const { stdout, code } = await waits.ended;
      expect({ stdout, code }).toEqual({ stdout: 'DELETE 1\n42\n', code: 0 });
      expect(await orders()).toBe(before - 1);
      // The very same approval is worth nothing any more.
      expect(await stage.cli('approve', id)).toMatchObject({
        code: 1,
        objects: [expect.objectContaining({ code: 'Ended' })],
      });
    },
    LIMIT_MS,
  );

  testGiven(psql === '' ? undefined : psql, 'psql is not installed')(
    'may give up with Ctrl-C: then nothing waits, and nothing was run',
    async () => {
      const before = await orders();
      await using waits = await startPsql('DELETE FROM orders WHERE id = 2', 'SELECT 6 * 7');
      const [, id = ''] = await waits.line(/waits for approval (\w+)/u);
      waits.child.kill('SIGINT');
      const { stderr } = await waits.ended;
      expect(stderr).toContain('The agent cancelled it while it waited.');
      expect(await stage.cli('approve', id)).toMatchObject({
        code: 1,
        objects: [expect.objectContaining({ code: 'Ended' })],
      });
      expect(await orders()).toBe(before);
    },
    LIMIT_MS,
  );
});

describe('a driver', () => {
  test.each<[string, (sql: string, id: number) => Promise<pg.QueryResult>]>([
    ['simple', (sql, id) => agent.query(sql.replace('$1', String(id)))],
    ['extended', (sql, id) => agent.query(sql, [id])],
    ['prepared', (sql, id) => agent.query({ name: 'delete', text: sql, values: [id] })],
  ])(
    'that asks by a %s query is held once, sees the outcome of exactly it, and the record says who approved',
    async (kind, ask) => {
      const id = { simple: 3, extended: 4, prepared: 5 }[kind] ?? 0;
      const asked = ending(ask('DELETE FROM orders WHERE id = $1', id));
      const approval = await waiting(stage);
      expect(approval).toMatchObject({ binds: kind === 'simple' ? [] : [String(id)] });
      expect(await decide(stage, 'Approve', approval.id, 'fine')).toBe('Approved');
      expect(await asked).toBe('1 rows');
      const session = approval.session;
      await agent.end();
      await stage.drained((all) =>
        all.some(({ sessionId, closedUs }) => sessionId === session && Number(closedUs) > 0),
      );
      const commands = await stage.commands(session);
      const held = commands.filter(({ decidedBy }) => Array.isArray(decidedBy) && decidedBy.length > 0);
      const said = [expect.stringMatching(/^\S+: Approved, fine$/u)];
      expect(held).toEqual([expect.objectContaining({ hold: 'Approved', decidedBy: said, outcome: 'Done' })]);
    },
    LIMIT_MS,
  );

  test(
    'that fetches the rows of one portal in parts is held once',
    async () => {
      const text = 'DELETE FROM orders WHERE id > $1 RETURNING id';
      // Two rows at a time.
      const config: pg.QueryConfig & { readonly rows: number } = { text, values: [14], rows: 2 };
      const asked = agent.query(config).then(({ rows }) => rows.length, clientError);
      const { id } = await waiting(stage);
      expect(await decide(stage, 'Approve', id)).toBe('Approved');
      expect(await asked).toBe(6);
    },
    LIMIT_MS,
  );

  test(
    'is told why it was refused, and its transaction goes on',
    async () => {
      const before = await orders();
      await agent.query('BEGIN');
      const asked = ending(agent.query('DELETE FROM orders WHERE id = 6'));
      const approval = await waiting(stage);
      expect(await decide(stage, 'Refuse', approval.id, 'not on Fridays')).toBe('Refused');
      expect(await asked).toMatch(/^42501: .*not on Fridays/u);
      expect((await agent.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await agent.query('COMMIT');
      expect(await orders()).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    'is refused when the time is over',
    async () => {
      await stage.change({ 'policy.yaml': policyFile({ rules: [HELD().replace('600', '1')] }) });
      const before = await orders();
      expect(await ending(agent.query('DELETE FROM orders WHERE id = 6'))).toMatch(
        /^42501: .*Nobody approved it within 1 seconds/u,
      );
      expect(await orders()).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    'that disconnects leaves nothing to approve',
    async () => {
      const before = await orders();
      const other = await stage.connect();
      const asked = other.query('DELETE FROM orders WHERE id = 6').catch(() => undefined);
      const { id } = await waiting(stage);
      // Without a word of goodbye, as a killed agent would.
      const { stream } = Object(other).connection as { readonly stream: { destroy(): void } };
      stream.destroy();
      await asked;
      await nothingWaits(stage);
      expect(await decide(stage, 'Approve', id)).toBe('Ended');
      expect(await orders()).toBe(before);
    },
    LIMIT_MS,
  );

  test.each<[string, string, RegExp]>([
    ['allows it, passes', policyFile({ rules: [] }).replace('spec:', 'spec:\n  masks: []'), /^1 rows$/u],
    [
      'denies it, is refused',
      policyFile({
        rules: ['{name: never, match: {postgres: {statements: [DELETE]}}, action: Deny, reason: No deletes.}'],
      }),
      /^42501: .*No deletes/u,
    ],
  ])(
    'whose held command meets a new policy that %s',
    async (_, policy, expected) => {
      const asked = ending(agent.query('DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)'));
      const { id } = await waiting(stage);
      expect(await stage.change({ 'policy.yaml': policy })).toMatchObject({ kind: 'Applied' });
      expect(await asked).toMatch(expected);
      expect(await decide(stage, 'Approve', id)).toBe('Ended');
    },
    LIMIT_MS,
  );

  test(
    'that asks again after an approval, with the same text or another, is held again',
    async () => {
      const first = ending(agent.query('DELETE FROM orders WHERE id = 8'));
      const { id } = await waiting(stage);
      await decide(stage, 'Approve', id);
      expect(await first).toBe('1 rows');
      for (const sql of ['DELETE FROM orders WHERE id = 8', 'DELETE FROM orders WHERE id = 9']) {
        const asked = ending(agent.query(sql));
        const next = await waiting(stage);
        expect(next.id).not.toBe(id);
        expect(next.text).toBe(sql);
        await decide(stage, 'Refuse', next.id, 'once is enough');
        expect(await asked).toMatch(/^42501/u);
      }
    },
    LIMIT_MS,
  );
});

test(
  'who asked, and who is no approver, may not decide',
  async () => {
    const asked = ending(agent.query('DELETE FROM orders WHERE id = 10'));
    const refused = async (subject: string, groups: readonly string[]): Promise<unknown> => {
      await setOwner(stage, subject, groups);
      // Other rules are in force, so it is asked anew.
      const { id } = await waiting(stage);
      return decide(stage, 'Approve', id);
    };
    expect(await refused('support-bot', ['dba'])).toBe('SelfApproval');
    expect(await refused('dana', ['sales'])).toBe('NotApprover');
    await setOwner(stage, 'dana', ['dba']);
    const { id } = await waiting(stage);
    expect(await decide(stage, 'Approve', id)).toBe('Approved');
    expect(await asked).toBe('1 rows');
  },
  LIMIT_MS,
);

test(
  'an approval for a window lets the same command pass in other sessions, until the window ends',
  async () => {
    await stage.change({
      'policy.yaml': policyFile({ rules: [HELD(', grant: {scope: Window, windowSeconds: 86400}')] }),
    });
    const sql = 'DELETE FROM orders WHERE id = 11';
    const asked = ending(agent.query(sql));
    const { id } = await waiting(stage);
    await decide(stage, 'Approve', id);
    expect(await asked).toBe('1 rows');
    const other = await stage.connect();
    expect(await ending(other.query(sql))).toBe('0 rows');
    const another = ending(other.query('DELETE FROM orders WHERE id = 12'));
    const held = await waiting(stage);
    await decide(stage, 'Refuse', held.id, 'not that one');
    expect(await another).toMatch(/^42501/u);
    await other.end();
  },
  LIMIT_MS,
);

test(
  'nobody decides where nothing runs, and an unknown id is told',
  async () => {
    expect(await stage.cli('approve', 'zzzzz')).toMatchObject({
      code: 1,
      objects: [expect.objectContaining({ code: 'UnknownApproval' })],
    });
  },
  LIMIT_MS,
);
