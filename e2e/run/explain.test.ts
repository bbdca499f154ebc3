import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CliEnd, runCli } from '../sidegate-cli.ts';
import { demoSchema, stageFiles } from '../stage-files.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const LIMIT_MS = 120_000;
const PASSWORD = 'the-login-password';

let postgres: PostgresServer;
let folder: TemporaryFolder;

beforeAll(async () => {
  postgres = await startPostgres({ setup: demoSchema(PASSWORD) });
  folder = temporaryFolder('explain');
  const identity = { issuerUrl: 'http://127.0.0.1:1', audience: 'sidegate', identity: 'Token' } as const;
  const files = stageFiles({ postgres, loginPassword: PASSWORD, ...identity });
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
}, LIMIT_MS);

afterAll(async () => {
  await postgres.stop();
  folder.remove();
}, LIMIT_MS);

function explain(...parameters: readonly string[]): Promise<CliEnd> {
  return runCli(['explain', '-f', folder.path, ...parameters]);
}

test.each<[string, string, RegExp]>([
  ['a write without WHERE', 'DELETE FROM orders', /^Deny by data\/production-guardrails\/unbounded-write$/m],
  ['a write with WHERE', 'DELETE FROM orders WHERE id = 1', /^Allow by default$/m],
  ['a change of the schema', 'DROP TABLE orders', /^Deny by data\/production-guardrails\/no-ddl$/m],
  ['text that is no SQL', 'DROPP TABLE', /^Deny by incomplete$/m],
])(
  '%s is explained by names alone, and that is said',
  async (_what, sql, answer) => {
    const { code, stdout, stderr } = await explain(sql);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(answer);
    expect(stdout).toContain("Read without the server's catalog");
  },
  LIMIT_MS,
);

test(
  'with the catalog of the server the columns behind a view are told, and the answer can be kept',
  async () => {
    const sql = 'SELECT contact FROM contacts';
    const live = await explain('--save-catalog', folder.file('orders.catalog'), '--json', sql);
    expect(live).toMatchObject({ code: 0, stderr: '' });
    expect(live.objects).toMatchObject([
      {
        kind: 'Explanation',
        explanation: { kind: 'Judged', decision: { action: 'Allow' } },
        masked: [{ column: 'public.customers.email', with: 'Partial' }],
        assumed: [],
      },
    ]);
    expect(readFileSync(folder.file('orders.catalog'), 'utf8')).not.toContain(PASSWORD);
    const kept = await explain('--catalog', folder.file('orders.catalog'), '--json', sql);
    expect(kept.objects).toEqual(live.objects);
    expect(await postgres.statements()).not.toContainEqual(expect.objectContaining({ text: sql }));
  },
  LIMIT_MS,
);

test(
  'a table that the catalog does not have is refused, and by name alone it is not',
  async () => {
    const sql = 'SELECT id FROM nowhere';
    expect((await explain('--live', sql)).stdout).toMatch(/^Deny by incomplete$/m);
    expect((await explain(sql)).stdout).toMatch(/^Allow by default$/m);
  },
  LIMIT_MS,
);

test.each<[string, readonly string[], RegExp]>([
  ['an unknown Target', ['--target', 'data/order-db', 'SELECT 1'], /--target: .* Did you mean data\/orders-db\?/],
  ['an unknown AgentAccess', ['--access', 'agents/none', 'SELECT 1'], /--access: There is no AgentAccess agents\/none/],
  [
    'a catalog that is not there',
    ['--catalog', '/no/such/file', 'SELECT 1'],
    /\/no\/such\/file: The catalog cannot be read/,
  ],
  ['a forward through PostgreSQL', ['--forward', 'db:5432'], /Only SSH has forwards/],
  ['a database that is not there', ['--live', '--database', 'nothing', 'SELECT 1'], /catalog/i],
])(
  '%s is one sentence and exit code 1',
  async (_what, parameters, message) => {
    const { code, stdout, stderr } = await explain(...parameters);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
  },
  LIMIT_MS,
);

test(
  'a file that holds no catalog is told',
  async () => {
    writeFileSync(folder.file('wrong.catalog'), '{"relations": 7}');
    const { code, stderr } = await explain('--catalog', folder.file('wrong.catalog'), 'SELECT 1');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('catalog') });
  },
  LIMIT_MS,
);

test(
  'who asks counts: a policy for one group is said to bind only that group',
  async () => {
    const policy = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: interns, namespace: data}
spec:
  selector: {groups: [interns]}
  rules:
    - {name: no-reading, match: {postgres: {statements: [SELECT]}}, action: Deny, reason: Interns do not read.}
`;
    writeFileSync(folder.file('interns.yaml'), policy);
    const sql = 'SELECT 1';
    expect((await explain('--groups', 'interns', sql)).stdout).toMatch(/^Deny by data\/interns\/no-reading$/m);
    expect((await explain('--groups', 'support', sql)).stdout).toMatch(/^Allow by default$/m);
    // Nobody knows the groups: the rule binds, to be safe.
    expect((await explain(sql)).stdout).toMatch(/^Deny by data\/interns\/no-reading$/m);
  },
  LIMIT_MS,
);
