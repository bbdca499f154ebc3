import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const HOST = 'agent@127.0.0.1';
const given = (...programs: readonly (string | undefined)[]): boolean =>
  [SSH, SSHD, ...programs].every((program) => program !== undefined);
const SCP = findProgram('scp');
const RSYNC = findProgram('rsync');
const GIT = findProgram('git');

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('programs that move files over an exec, through the gate', () => {
  let stage: SshStage;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = temporaryFolder('files');
    // Every byte, many times over: nothing may be taken for text.
    writeFileSync(
      folder.file('big'),
      Buffer.from(Array.from({ length: 5_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255)),
    );
    if (given()) stage = await openSshStage();
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
    folder.remove();
  }, TIMEOUT_MS);

  async function run(
    program: string | undefined,
    parameters: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ) {
    const { env } = await stage.command();
    const ended = await runProcess(program ?? '', parameters, { env: { ...env, ...more } });
    expect([ended.code, ended.stderr]).toEqual([0, expect.any(String)]);
    return ended;
  }

  testGiven(given(SCP), 'scp is not installed')(
    'scp in its old way, there and back',
    async () => {
      const [, ...settings] = (await stage.command()).line.split(' ');
      const words = ['-O', ...settings.map((word) => (word === '-p' ? '-P' : word))];
      await run(SCP, [...words, folder.file('big'), `${HOST}:${folder.file('there')}`]);
      await run(SCP, [...words, `${HOST}:${folder.file('there')}`, folder.file('back')]);
      expect(sha256(folder.file('back'))).toBe(sha256(folder.file('big')));
    },
    TIMEOUT_MS,
  );

  testGiven(given(RSYNC), 'rsync is not installed')(
    'rsync',
    async () => {
      const { line } = await stage.command();
      mkdirSync(folder.file('copy'), { recursive: true });
      await run(RSYNC, ['-a', '-e', line, folder.file('big'), `${HOST}:${folder.file('copy')}/`]);
      expect(sha256(join(folder.file('copy'), 'big'))).toBe(sha256(folder.file('big')));
    },
    TIMEOUT_MS,
  );

  testGiven(given(GIT), 'git is not installed')(
    'git clone and push',
    async () => {
      const { line } = await stage.command();
      const more = { GIT_SSH_COMMAND: line, GIT_CONFIG_GLOBAL: '/dev/null' };
      const who = ['-c', 'user.name=agent', '-c', 'user.email=agent@example.com'];
      await run(GIT, ['init', '-q', '--bare', '-b', 'main', folder.file('repo.git')]);
      const url = `ssh://${HOST}${folder.file('repo.git')}`;
      await run(GIT, ['clone', '-q', url, folder.file('work')], more);
      writeFileSync(join(folder.file('work'), 'file'), 'text\n');
      await run(GIT, ['-C', folder.file('work'), 'add', 'file']);
      await run(GIT, ['-C', folder.file('work'), ...who, 'commit', '-q', '-m', 'one']);
      await run(GIT, ['-C', folder.file('work'), 'push', '-q', 'origin', 'HEAD:main'], more);
      await run(GIT, ['clone', '-q', url, folder.file('again')], more);
      expect(readFileSync(join(folder.file('again'), 'file'), 'utf8')).toBe('text\n');
    },
    TIMEOUT_MS,
  );

  testGiven(given(), 'ssh is not installed')(
    'many channels of one connection',
    async () => {
      const control = folder.file('c');
      const shared = ['-o', `ControlPath=${control}`];
      const first = await stage.start([...shared, '-o', 'ControlMaster=yes', HOST, 'sleep 600']);
      const alive = async (): Promise<boolean> => (await stage.ssh([...shared, '-O', 'check', HOST])).code === 0;
      while (!(await alive()));
      const numbers = Array.from({ length: 20 }, (_, index) => String(index));
      const ended = await Promise.all(numbers.map((number) => stage.ssh([...shared, HOST, `echo ${number}`])));
      expect(ended.map(({ stdout }) => stdout)).toEqual(numbers.map((number) => `${number}\n`));
      await first.stop();
    },
    TIMEOUT_MS,
  );
});
