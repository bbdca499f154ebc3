import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const HOST = 'agent@127.0.0.1';

const POLICIES = ['programs', 'files', 'permitted', 'lenient'] as const;
type PolicyName = (typeof POLICIES)[number];

interface Case {
  readonly id: string;
  readonly class: string;
  readonly policy?: PolicyName;
  readonly in?: 'dash' | 'mksh' | 'zsh' | 'none';
  readonly text: string;
  readonly expect: 'Refuse' | 'Allow';
  readonly out?: string;
}

const CORPUS = join(import.meta.dirname, '../../sidecar/src/protocols/ssh/ssh.bypass.yaml');
// Forwards have a test of their own.
const cases: readonly Case[] = parse(readFileSync(CORPUS, 'utf8')).filter((one: Case) => one.class !== 'forward');
const evasions = cases.filter((one) => one.expect === 'Refuse');
const SECRET = 'the-key-of-the-server';
const ALL_KINDS =
  'ShellText, ShellProgram, ShellCode, ShellInput, LoaderVariable, ShellVariable, ShellArithmetic, ForeignCode, InnerCommand';

/** What the commands of the corpus work on; every case gets it anew. */
class Ground {
  readonly #folder: TemporaryFolder;

  constructor() {
    this.#folder = temporaryFolder('ground');
  }

  get path(): string {
    return this.#folder.path;
  }

  reset(): void {
    for (const name of ['public', 'secret', 'kept', 'out', 'bin', 'empty']) {
      rmSync(this.#folder.file(name), { recursive: true, force: true });
      mkdirSync(this.#folder.file(name));
    }
    for (const name of ['marked', 'link']) rmSync(this.#folder.file(name), { force: true });
    const files: Readonly<Record<string, string>> = {
      victim: 'alive\n',
      lock: '',
      script: `rm ${this.#folder.file('victim')}\n`,
      'public/a': 'alpha\n',
      'public/hello.py': 'print("hello")\n',
      'secret/key': `${SECRET}\n`,
      'kept/a': 'intact\n',
      'bin/ls': `#!/bin/sh\n/bin/rm ${this.#folder.file('victim')}\n`,
      'bin/mark': `#!/bin/sh\necho > ${this.#folder.file('marked')}\n`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(this.#folder.file(name), text);
    for (const name of ['bin/ls', 'bin/mark']) chmodSync(this.#folder.file(name), 0o755);
  }

  /** The text of a case with the names of this ground in it. */
  textOf({ text }: Case): string {
    return text.replaceAll(/\bW(?=[/ \n"')]|$)/g, this.path).replaceAll(/\bM\b/g, this.#folder.file('bin/mark'));
  }

  /** What was done that no policy of the corpus lets pass. */
  damage(stdout: string): readonly string[] {
    const read = (name: string): string => readFileSync(this.#folder.file(name), 'utf8');
    return [
      ...(existsSync(this.#folder.file('victim')) ? [] : ['the victim is gone']),
      ...(stdout.includes(SECRET) ? ['the secret is told'] : []),
      ...(read('kept/a') === 'intact\n' ? [] : ['what is kept is changed']),
      ...(existsSync(this.#folder.file('marked')) ? ['the program ran'] : []),
    ];
  }

  remove(): void {
    this.#folder.remove();
  }
}

function policyOf(name: PolicyName, ground: string): string {
  const programs =
    '[{name: no-rm, match: {ssh: {commands: [rm, unlink, find -delete]}}, action: Deny, reason: Files stay.}]';
  const rules: Readonly<Record<PolicyName, string>> = {
    programs,
    lenient: programs,
    files: `
    - {name: no-secret, match: {ssh: {paths: [{path: '${ground}/secret/*'}]}}, action: Deny, reason: It is secret.}
    - {name: home, match: {ssh: {paths: [{path: '~/.sidegate/*'}]}}, action: Deny, reason: It is at home.}
    - {name: kept, match: {ssh: {paths: [{path: '${ground}/kept/*', access: Write}]}}, action: Deny, reason: It is kept.}`,
    permitted: `
    - {name: look, match: {ssh: {commands: [ls, echo, wc, cd, git log *]}}, action: Allow}
    - {name: public, match: {ssh: {commands: [cat], paths: [{path: '${ground}/public/*'}]}}, action: Allow}
    - {name: out, match: {ssh: {commands: [echo], paths: [{path: '${ground}/out/*', access: Write}]}}, action: Allow}`,
  };
  return `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  allowIncomplete: [${name === 'lenient' ? ALL_KINDS : ''}]
  rules: ${rules[name]}
`;
}

test('the corpus has what it must', () => {
  expect(evasions.length).toBeGreaterThanOrEqual(60);
  expect(cases.length - evasions.length).toBeGreaterThanOrEqual(30);
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

describe('an evasion does its work where there is no gate', () => {
  const ground = new Ground();
  afterAll(() => ground.remove());

  for (const one of evasions) {
    const { id, in: shell = 'bash' } = one;
    const missing = shell === 'none' ? 'it needs a shell that is not here' : `${shell} is not installed`;
    testGiven(shell === 'none' ? undefined : findProgram(shell), missing)(id, async () => {
      ground.reset();
      const { stdout } = await runProcess(shell, ['-c', ground.textOf(one)]);
      expect(ground.damage(stdout)).not.toEqual([]);
    });
  }
});

const real = testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed');

describe.each(POLICIES)('the corpus against a real server, policy %s', (name) => {
  const ground = new Ground();
  let stage: SshStage;
  beforeAll(async () => {
    if (SSH === undefined || SSHD === undefined) return;
    const defaultAction = name === 'permitted' ? 'Deny' : 'Allow';
    stage = await openSshStage({ policy: policyOf(name, ground.path), defaultAction, isWitnessed: true });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
    ground.remove();
  }, TIMEOUT_MS);

  real.each(cases.filter(({ policy = 'programs' }) => policy === name))(
    '$id',
    async (one) => {
      ground.reset();
      const text = ground.textOf(one);
      const before = stage.server.ran().length;
      const { code, stdout, stderr } = await stage.ssh([HOST, text]);
      const ran = stage.server.ran().slice(before);
      if (one.expect === 'Refuse') {
        expect([code, stdout, stderr]).toEqual([255, '', expect.stringContaining('sidegate: denied: ')]);
        expect(ran).toEqual([]);
      } else {
        expect([code, stdout.trimEnd(), stderr]).toEqual([0, one.out ?? '', '']);
        expect(ran).toEqual([text]);
      }
      expect(ground.damage(stdout)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
