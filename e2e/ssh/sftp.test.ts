import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { waiting } from '../run/owner.ts';
import { type Ended, runProcess, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const HOST = 'agent@127.0.0.1';
const SCP = findProgram('scp');
const SFTP = findProgram('sftp');
const real = testGiven(
  [SSH, SSHD, SCP, SFTP].every((program) => program !== undefined),
  'ssh, sshd, scp or sftp is not installed',
);
const BIG_BYTES = 64_000_000;

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('SFTP through the gate', () => {
  let stage: SshStage;
  let folder: TemporaryFolder;
  /** What scp and sftp are told besides what they do. */
  let words: readonly string[];

  beforeAll(async () => {
    folder = temporaryFolder('files');
    writeFileSync(folder.file('big'), Buffer.alloc(BIG_BYTES, 'Every byte counts, and none is text.\n\0'));
    writeFileSync(folder.file('small'), 'ada@example.com\n');
    if (SSH === undefined || SSHD === undefined) return;
    stage = await openSshStage({ owner: 'owner', ownerGroups: ['ops'] });
    const [, ...settings] = (await stage.command()).line.split(' ');
    words = settings.map((word) => (word === '-p' ? '-P' : word));
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
    folder.remove();
  }, TIMEOUT_MS);

  const policy = (spec: string): Promise<void> =>
    stage.policy(`apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
${spec}`);

  async function scp(...more: readonly string[]): Promise<Ended> {
    const { env } = await stage.command();
    return await runProcess(SCP ?? '', [...words, ...more], { env });
  }

  function batch(...lines: readonly string[]): readonly string[] {
    writeFileSync(folder.file('batch'), `${lines.join('\n')}\n`);
    // A batch asks nobody for a password unless it is told to, and what is said first holds.
    return ['-o', 'BatchMode=no', ...words, '-b', folder.file('batch'), HOST];
  }

  async function sftp(...lines: readonly string[]): Promise<Ended> {
    const { env } = await stage.command();
    return await runProcess(SFTP ?? '', batch(...lines), { env });
  }

  /** All that the record has of the commands of the session that ended last. */
  async function commands(): Promise<string> {
    const [session] = await stage.ended(1);
    return JSON.stringify(await stage.cli('show', String(session?.['sessionId'])));
  }

  real(
    'scp takes a large file there and back, and the record has its hash both ways',
    async () => {
      expect(await scp(folder.file('big'), `${HOST}:${folder.file('there')}`)).toMatchObject({ code: 0 });
      const hash = sha256(folder.file('big'));
      expect(sha256(folder.file('there'))).toBe(hash);
      expect(await commands()).toContain(`wrote ${BIG_BYTES} bytes sha256 ${hash}`);
      expect(await scp(`${HOST}:${folder.file('there')}`, folder.file('back'))).toMatchObject({ code: 0 });
      expect(sha256(folder.file('back'))).toBe(hash);
    },
    TIMEOUT_MS,
  );

  real(
    'a server of SFTP that is started as a program is refused: nobody would judge what it does',
    async () => {
      mkdirSync(folder.file('secret'));
      writeFileSync(folder.file('secret/key'), 'secret\n');
      await policy(`  rules:
    - {name: closed, match: {ssh: {paths: [{path: '${folder.path}/secret*'}]}}, action: Deny, reason: It is secret.}
`);
      const { env } = await stage.command();
      const asProgram = (server: string): Promise<Ended> =>
        runProcess(SFTP ?? '', ['-s', server, ...batch(`get ${folder.file('secret/key')} ${folder.file('key')}`)], {
          env,
        });
      const { code, stderr } = await asProgram('/usr/lib/openssh/sftp-server');
      expect([code, stderr]).toEqual([255, expect.stringContaining('(InnerCommand)')]);
      expect((await asProgram('sftp')).stderr).toContain('data/guard/closed: It is secret.');
      expect(existsSync(folder.file('key'))).toBe(false);
    },
    TIMEOUT_MS,
  );

  real(
    'what a rule denies is refused with its reason, does nothing on the server, and the rest goes on',
    async () => {
      mkdirSync(folder.file('denied'));
      writeFileSync(folder.file('denied/kept'), 'kept\n');
      await policy(`  rules:
    - {name: closed, match: {ssh: {channels: [sftp], paths: [{path: '${folder.path}/denied*'}]}}, action: Deny, reason: Nobody goes there.}
    - {name: no-rm, match: {ssh: {channels: [sftp], commands: [remove]}}, action: Deny, reason: Files stay.}
`);
      const said = 'sidegate: denied: data/guard/closed: Nobody goes there.';
      const { code, stdout, stderr } = await sftp(
        `-put ${folder.file('small')} ${folder.file('denied/put')}`,
        `-get ${folder.file('denied/kept')} ${folder.file('got')}`,
        `-get ${folder.file('x/../denied//kept')} ${folder.file('got')}`,
        `-rename ${folder.file('denied/kept')} ${folder.file('renamed')}`,
        `-rename ${folder.file('small')} ${folder.file('denied/moved')}`,
        `-ln ${folder.file('denied/kept')} ${folder.file('hard')}`,
        `-ln -s ${folder.file('denied')} ${folder.file('link')}`,
        `-mkdir ${folder.file('denied/made')}`,
        `-rm ${folder.file('small')}`,
        `put ${folder.file('small')} ${folder.file('put')}`,
        `ls -l ${folder.path}`,
      );
      expect([code, stderr]).toEqual([0, expect.stringContaining(said)]);
      expect(stderr).toContain('sidegate: denied: data/guard/no-rm: Files stay.');
      expect(stdout).toContain('put');
      const there = ['denied/put', 'got', 'renamed', 'denied/moved', 'hard', 'link', 'denied/made'];
      expect(there.filter((name) => existsSync(folder.file(name)))).toEqual([]);
      expect(['denied/kept', 'small', 'put'].filter((name) => !existsSync(folder.file(name)))).toEqual([]);
      const copy = await scp(folder.file('small'), `${HOST}:${folder.file('denied/copied')}`);
      expect([copy.code === 0, copy.stderr]).toEqual([false, expect.stringContaining(said)]);
      expect(existsSync(folder.file('denied/copied'))).toBe(false);
    },
    TIMEOUT_MS,
  );

  real(
    'a symbolic link on the server does not lead past a rule',
    async () => {
      mkdirSync(folder.file('open'));
      symlinkSync(folder.file('denied'), folder.file('open/way'));
      symlinkSync(folder.file('denied/kept'), folder.file('open/file'));
      const { stderr } = await sftp(
        `-get ${folder.file('open/file')} ${folder.file('got')}`,
        `-get ${folder.file('open/way/kept')} ${folder.file('got')}`,
        `-put ${folder.file('small')} ${folder.file('open/way/put')}`,
        `-rename ${folder.file('open/way/kept')} ${folder.file('open/kept')}`,
        `put ${folder.file('small')} ${folder.file('open/put')}`,
      );
      expect(stderr).toContain('data/guard/closed');
      expect(existsSync(folder.file('open/put'))).toBe(true);
      expect(['got', 'denied/put', 'open/kept'].filter((name) => existsSync(folder.file(name)))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  real(
    'what may only be read is not written',
    async () => {
      await policy(`  rules:
    - {name: drop, match: {ssh: {channels: [sftp], paths: [{path: '*', access: Write}]}}, action: Deny, reason: Read only.}
`);
      const { code } = await sftp(`get ${folder.file('small')} ${folder.file('read')}`);
      expect([code, existsSync(folder.file('read'))]).toEqual([0, true]);
      expect((await sftp(`put ${folder.file('small')} ${folder.file('written')}`)).code).not.toBe(0);
      expect(existsSync(folder.file('written'))).toBe(false);
    },
    TIMEOUT_MS,
  );

  real(
    'whole directories go there and back, and what broke off is taken up again',
    async () => {
      await policy('  rules: []\n');
      mkdirSync(folder.file('tree/a/b'), { recursive: true });
      for (const name of ['one', 'a/two', 'a/b/three']) writeFileSync(folder.file(`tree/${name}`), `${name}\n`);
      writeFileSync(folder.file('begun'), readFileSync(folder.file('big')).subarray(0, 1_000_000));
      const { code, stderr } = await sftp(
        `put -rp ${folder.file('tree')} ${folder.file('tree-there')}`,
        `get -rp ${folder.file('tree-there')} ${folder.file('tree-back')}`,
        `reput ${folder.file('big')} ${folder.file('begun')}`,
        `chmod 600 ${folder.file('begun')}`,
        `df ${folder.path}`,
      );
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      expect(readFileSync(folder.file('tree-back/a/b/three'), 'utf8')).toBe('a/b/three\n');
      expect(sha256(folder.file('begun'))).toBe(sha256(folder.file('big')));
      expect(await commands()).toContain(`wrote ${BIG_BYTES - 1_000_000} bytes from 1000000 sha256`);
    },
    TIMEOUT_MS,
  );

  real(
    'masks are put on what is read, over the borders of what is asked for, and on names',
    async () => {
      const lines = Array.from({ length: 200_000 }, (_, at) => `${at} ada${at}@example.com bought something\n`);
      writeFileSync(folder.file('customers'), lines.join(''));
      writeFileSync(folder.file('ada@example.com'), '');
      await policy('  masks:\n    - {name: mail, detect: [Email], with: {type: Redact}}\n');
      const { code, stdout } = await sftp(
        `get ${folder.file('customers')} ${folder.file('masked')}`,
        `put ${folder.file('small')} ${folder.file('unmasked')}`,
        `ls -1 ${folder.path}`,
      );
      expect([code, stdout.includes('ada@example.com'), stdout.includes('[masked]')]).toEqual([0, false, true]);
      expect(readFileSync(folder.file('unmasked'), 'utf8')).toBe('ada@example.com\n');
      const masked = lines.map((line) => line.replace(/ada\d+@example\.com/, '[masked]')).join('');
      expect(readFileSync(folder.file('masked'), 'utf8')).toBe(masked);
      expect(await commands()).toContain(`read ${masked.length} bytes sha256 ${sha256(folder.file('masked'))}`);
      const [begun, copied] = [folder.file('begun'), folder.file('copied')];
      writeFileSync(begun, masked.slice(0, 1_000_001));
      expect(await sftp(`get -a ${folder.file('customers')} ${begun}`)).toMatchObject({ code: 0 });
      expect(await scp(`${HOST}:${folder.file('customers')}`, copied)).toMatchObject({ code: 0 });
      expect([readFileSync(begun, 'utf8') === masked, readFileSync(copied, 'utf8') === masked]).toEqual([true, true]);
      await policy('  rules: []\n');
    },
    TIMEOUT_MS,
  );

  real(
    'a limit ends the reading of a file',
    async () => {
      await policy('  limits:\n    - {name: budget, bytes: 1000000, perSeconds: 3600, action: Deny}\n');
      const { code, stderr } = await sftp(`get ${folder.file('big')} ${folder.file('limited')}`);
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining('sidegate: denied: data/guard/budget')]);
      expect(readFileSync(folder.file('limited')).length).toBeLessThanOrEqual(1_000_000);
      await policy('  rules: []\n');
    },
    TIMEOUT_MS,
  );

  real(
    'an operation waits for an approval',
    async () => {
      await policy(`  rules:
    - name: ask
      match: {ssh: {channels: [sftp], commands: [remove]}}
      action: RequireApproval
      reason: Somebody looks at it first.
      approval: {approvers: {groups: [ops]}, count: 1, timeoutSeconds: 600, grant: {scope: Command}}
`);
      writeFileSync(folder.file('doomed'), '');
      const { env } = await stage.command();
      await using agent = startProcess(SFTP ?? '', batch(`rm ${folder.file('doomed')}`), { env });
      const { id } = await waiting(stage);
      await agent.line(/sidegate: waiting: this command waits for approval/);
      expect(existsSync(folder.file('doomed'))).toBe(true);
      await stage.cli('approve', id);
      expect(await agent.ended).toMatchObject({ code: 0 });
      expect(existsSync(folder.file('doomed'))).toBe(false);
      await policy('  rules: []\n');
    },
    TIMEOUT_MS,
  );

  real(
    'an operation that was approved does not go where its path leads only since',
    async () => {
      await policy(`  rules:
    - name: ask
      match: {ssh: {channels: [sftp], commands: [open *]}}
      action: RequireApproval
      reason: Somebody looks at it first.
      approval: {approvers: {groups: [ops]}, count: 1, timeoutSeconds: 600, grant: {scope: Command}}
`);
      for (const name of ['work', 'hidden']) {
        mkdirSync(folder.file(name));
        writeFileSync(folder.file(`${name}/f`), name);
      }
      const { env } = await stage.command();
      const got = folder.file('got');
      await using agent = startProcess(SFTP ?? '', batch(`get ${folder.file('work/f')} ${got}`), { env });
      const { id } = await waiting(stage);
      renameSync(folder.file('work'), folder.file('worked'));
      symlinkSync(folder.file('hidden'), folder.file('work'));
      await stage.cli('approve', id);
      expect(await agent.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('came to lead elsewhere') });
      expect(existsSync(got)).toBe(false);
      await policy('  rules: []\n');
    },
    TIMEOUT_MS,
  );
});

describe('files where nothing passes that no rule permits', () => {
  const RSYNC = findProgram('rsync');
  real(
    'sftp, scp in both ways and rsync reach what a rule names, and nothing else',
    async () => {
      using folder = temporaryFolder('files');
      for (const name of ['in', 'out', 'secret']) mkdirSync(folder.file(name));
      writeFileSync(folder.file('in/a'), 'a\n');
      writeFileSync(folder.file('secret/s'), 's\n');
      writeFileSync(folder.file('mine'), 'mine\n');
      await using stage = await openSshStage({
        defaultAction: 'Deny',
        policy: `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: files, namespace: data}
spec:
  rules:
    - name: both
      match: {ssh: {channels: [sftp, exec], paths: [{path: '${folder.path}/in*', access: Read}, {path: '${folder.path}/out*'}]}}
      action: Allow
`,
      });
      const { line, env } = await stage.command();
      const words = line.split(' ').slice(1);
      const copying = words.map((word) => (word === '-p' ? '-P' : word));
      const run = async (program: string | undefined, more: readonly string[]): Promise<boolean> =>
        (await runProcess(program ?? '', more, { env })).code === 0;
      const ways: readonly (readonly [string, (from: string, to: string) => Promise<boolean>])[] = [
        ['scp', (from, to) => run(SCP, [...copying, from, to])],
        ['scp -O', (from, to) => run(SCP, ['-O', ...copying, from, to])],
        ...(RSYNC === undefined
          ? []
          : [['rsync', (from: string, to: string) => run(RSYNC, ['-a', '-e', line, from, to])] as const]),
      ];
      const there = (name: string): string => `${HOST}:${folder.file(name)}`;
      for (const [way, copy] of ways) {
        const got = folder.file(`got ${way}`);
        expect([way, await copy(there('in/a'), got), existsSync(got)]).toEqual([way, true, true]);
        expect([way, await copy(folder.file('mine'), there('out/put'))]).toEqual([way, true]);
        expect([way, await copy(there('secret/s'), folder.file('stolen')), existsSync(folder.file('stolen'))]).toEqual([
          way,
          false,
          false,
        ]);
        expect([way, await copy(folder.file('mine'), there('in/b')), existsSync(folder.file('in/b'))]).toEqual([
          way,
          false,
          false,
        ]);
        expect(readFileSync(folder.file('out/put'), 'utf8')).toBe('mine\n');
        rmSync(folder.file('out/put'));
      }
    },
    TIMEOUT_MS,
  );
});
