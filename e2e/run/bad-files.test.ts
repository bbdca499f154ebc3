import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../sidegate-cli.ts';
import { stageFiles } from '../stage-files.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const LIMIT_MS = 120_000;
const GOOD = stageFiles({
  postgres: { port: 5432, database: 'orders', certificates: undefined },
  loginPassword: 'the-password',
  issuerUrl: 'http://127.0.0.1:1',
  audience: 'sidegate',
  identity: 'Token',
});

interface Mistake {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The one line that is told, the folder's own path left out. */
  readonly line: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a field that there is not',
    file: 'policy.yaml',
    from: '  mode: Enforce',
    to: '  modes: Enforce',
    line: /^policy\.yaml:\d+ spec\.modes: .*Did you mean "mode"\?$/,
  },
  {
    name: 'a value that there is not',
    file: 'target.yaml',
    from: 'protocol: Postgres',
    to: 'protocol: Postgress',
    line: /^target\.yaml:5 spec\.protocol: .*Postgres/,
  },
  {
    name: 'a condition that is no CEL',
    file: 'policy.yaml',
    from: '!s.hasWhere)',
    to: '!s.hasWhere',
    line: /^policy\.yaml:\d+ spec\.rules\[1\]\.when: /,
  },
  {
    name: 'a Secret that is missing',
    file: 'target.yaml',
    from: 'secretRef: {name: orders-db-login}',
    to: 'secretRef: {name: billing}',
    line: /^target\.yaml:\d+ spec\.credential\.secretRef\.name: There is no Secret data\/billing\. Add a Secret/,
  },
  {
    name: 'an issuer that is missing',
    file: 'access.yaml',
    from: 'issuers: [corporate]',
    to: 'issuers: [corporal]',
    line: /^access\.yaml:\d+ spec\.identity\.issuers\[0\]: There is no issuer "corporal"\. Did you mean "corporate"\?$/,
  },
  {
    name: 'a Target that is missing',
    file: 'access.yaml',
    from: 'name: orders-db}',
    to: 'name: order-db}',
    line: /^access\.yaml:\d+ spec\.targetRefs\[0\]\.name: There is no Target data\/order-db\. Did you mean data\/orders-db\?$/,
  },
  {
    name: 'text that is no YAML',
    file: 'access.yaml',
    from: 'kind: AgentAccess',
    to: 'kind: {AgentAccess',
    line: /^access\.yaml:\d+: This is not valid YAML: /,
  },
];

describe.each(['run', 'validate'])('sidegate %s', (command) => {
  let folder: TemporaryFolder;
  let state: string;

  beforeAll(() => {
    folder = temporaryFolder('bad');
    state = folder.file('state');
  });

  afterAll(() => folder.remove());

  const flags = (): readonly string[] =>
    command === 'run' ? ['-f', folder.path, '--listen', '127.0.0.1', '--state', state] : ['-f', folder.path];

  function write(mistake: Mistake | undefined): void {
    for (const [name, text] of Object.entries(GOOD)) {
      if (mistake?.file === name && !text.includes(mistake.from)) throw new Error(`${name} lacks ${mistake.from}`);
      writeFileSync(folder.file(name), mistake?.file === name ? text.replace(mistake.from, mistake.to) : text);
    }
  }

  test.each(MISTAKES)(
    '$name is one sentence with its place and mend, and starts nothing',
    async (mistake) => {
      write(mistake);
      const { code, stdout, stderr } = await runCli([command, ...flags()]);
      expect(stderr.trimEnd().replaceAll(`${folder.path}/`, '').split('\n')).toEqual([
        expect.stringMatching(mistake.line),
      ]);
      expect({ code, stdout, state: existsSync(state) }).toEqual({ code: 1, stdout: '', state: false });
    },
    LIMIT_MS,
  );

  test(
    'with --json the same is one object, for a program',
    async () => {
      write(MISTAKES[0]);
      const { code, objects, stderr } = await runCli([command, ...flags(), '--json']);
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      const fault = {
        code: 'UnknownField',
        file: folder.file('policy.yaml'),
        line: expect.any(Number),
        field: 'spec.modes',
      };
      expect(objects).toEqual([{ kind: 'Refused', faults: [expect.objectContaining(fault)] }]);
    },
    LIMIT_MS,
  );

  test(
    'a folder that is not there, and one without resources, are told',
    async () => {
      const missing = await runCli([command, '-f', folder.file('no-such-folder')]);
      expect(missing).toMatchObject({ code: 1, stdout: '' });
      expect(missing.stderr).toBe(
        `${folder.file('no-such-folder')}: This cannot be read: it does not exist. Check the path, and that you may read it.\n`,
      );
      using empty = temporaryFolder('empty');
      const nothing = await runCli([command, '-f', empty.path]);
      expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('The folder holds no resources.') });
    },
    LIMIT_MS,
  );

  test(
    'no folder at all is a wrong call',
    async () => {
      expect(await runCli([command])).toMatchObject({ code: 2, stderr: expect.stringContaining('-f DIR') });
    },
    LIMIT_MS,
  );
});

test(
  'the same files without a mistake are valid',
  async () => {
    using folder = temporaryFolder('good');
    for (const [name, text] of Object.entries(GOOD)) writeFileSync(folder.file(name), text);
    expect(await runCli(['validate', '-f', folder.path])).toMatchObject({ code: 0, stderr: '' });
  },
  LIMIT_MS,
);
