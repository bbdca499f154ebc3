import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { builtOnce } from '../support/cache-folder.ts';
import { findGo } from '../support/go.ts';
import { runProcess } from '../support/processes.ts';
import { findPython } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';
import { answered, connectSsh2, outputOf, type Ssh2Channel } from './ssh2-client.ts';

const TIMEOUT_MS = 600_000;
const here = join(import.meta.dirname, 'languages');
const python = findPython('pip');
const go = findGo();
const isThere = SSH !== undefined && SSHD !== undefined;

const policyOf = (more: string): string => `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
${more}`;
const GUARDED = policyOf(`  rules:
    - {name: no-rm, match: {ssh: {commands: [rm]}}, action: Deny, reason: Files stay.}
  masks:
    - {name: mail, detect: [Email], with: {type: Redact}}
`);
/** What ansible needs of a Policy, as the lane's README says. */
const FOR_ANSIBLE = policyOf(`
  rules: []
`);
const MASKED_EVENLY = policyOf(`
  masks:
    - {name: mail, detect: [Email], with: {type: Partial, keepLast: 4}}
`);

const HI = { stdout: 'hi\n', stderr: '', code: 0 };
/** What every client must have seen: the same mask, the same refusals. */
const SEEN = {
  allowed: HI,
  failed: { stdout: '', stderr: 'cat: /nothing: No such file or directory\n', code: 1 },
  masked: { stdout: 'Ada [masked]\n', stderr: '', code: 0 },
  denied: { stdout: '', stderr: 'sidegate: denied: data/guard/no-rm: Files stay.\r\n', code: 255 },
  many: Array.from({ length: 10 }, (_, number) => `${number}\n`),
  isForwardRefused: true,
  after: HI,
};

let stage: SshStage;
let folder: TemporaryFolder;
beforeAll(async () => {
  if (!isThere) return;
  folder = temporaryFolder('clients');
  writeFileSync(folder.file('customers'), 'Ada ada@example.com\n');
  stage = await openSshStage({ policy: GUARDED });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
  folder?.remove();
}, TIMEOUT_MS);

async function runWell(
  program: string | undefined,
  parameters: readonly string[],
  options: Parameters<typeof runProcess>[2] = {},
): Promise<string> {
  const ended = await runProcess(program ?? '', parameters, { ...options, deadlineMs: TIMEOUT_MS });
  const { code, stdout, stderr } = ended;
  expect({ code, stderr: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The libraries of a file of requirements, fetched once. */
function pythonLibraries(requirements: string): Promise<string> {
  const file = join(here, 'python', requirements);
  return builtOnce(`python-ssh-${requirements.replace('.txt', '')}`, [file], [python ?? ''], async (into) => {
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', into];
    await runWell(python, [...install, '-r', file]);
  });
}

async function environment(): Promise<Readonly<Record<string, string>>> {
  return {
    SSH_ADDRESS: `${stage.host}:${stage.port}`,
    SSH_KNOWN_HOSTS: join(stage.state, 'trust', 'ssh_known_hosts'),
    SSH_TOKEN: await stage.token(),
    SSH_CUSTOMERS: folder.file('customers'),
  };
}

testGiven(isThere && python !== undefined, 'no Python with pip, or no ssh or sshd, is installed')(
  'paramiko',
  async () => {
    const env = { ...(await environment()), PYTHONPATH: await pythonLibraries('requirements.txt') };
    const client = join(here, 'python', 'paramiko_client.py');
    expect(JSON.parse(await runWell(python, [client], { env }))).toEqual(SEEN);
    await stage.policy(FOR_ANSIBLE);
    writeFileSync(folder.file('here'), Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) & 255)));
    const files = ['here', 'there', 'back'].map((name) => folder.file(name)).join(' ');
    expect(JSON.parse(await runWell(python, [client], { env: { ...env, FILES: files } }))).toEqual({ names: true });
    expect(readFileSync(folder.file('back')).equals(readFileSync(folder.file('here')))).toBe(true);
    // It compares the size of a file with what it read: masks that keep the length of what they hide keep both.
    await stage.policy(MASKED_EVENLY);
    writeFileSync(folder.file('here'), 'to ada@example.com\n'.repeat(50_000));
    expect(JSON.parse(await runWell(python, [client], { env: { ...env, FILES: files } }))).toEqual({ names: true });
    expect(readFileSync(folder.file('back'), 'utf8')).toBe('to ***********.com\n'.repeat(50_000));
    await stage.policy(GUARDED);
  },
  TIMEOUT_MS,
);

testGiven(isThere && go !== undefined, 'no Go 1.26, or no ssh or sshd, is installed')(
  "Go's x/crypto/ssh",
  async () => {
    const sources = ['go.mod', 'go.sum', 'main.go'].map((file) => join(here, 'go', file));
    const built = await builtOnce('go-ssh', sources, [go?.version ?? ''], async (into) => {
      await runWell(go?.program, ['build', '-trimpath', '-o', join(into, 'client'), '.'], {
        cwd: join(here, 'go'),
        env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
      });
    });
    expect(JSON.parse(await runWell(join(built, 'client'), [], { env: await environment() }))).toEqual(SEEN);
  },
  TIMEOUT_MS,
);

testGiven(isThere, 'ssh or sshd is not installed')(
  'ssh2 for Node.js',
  async () => {
    const client = await connectSsh2(stage);
    const run = async (command: string) =>
      outputOf(await answered<Ssh2Channel>((done) => client.exec(command, {}, done)));
    const seen = {
      allowed: await run('echo hi'),
      failed: await run('cat /nothing'),
      masked: await run(`cat ${folder.file('customers')}`),
      denied: await run('rm -f /nothing'),
      many: (await Promise.all(SEEN.many.map((_, number) => run(`echo ${number}`)))).map(({ stdout }) => stdout),
      isForwardRefused: await answered<Ssh2Channel>((done) =>
        client.forwardOut('127.0.0.1', 1, '127.0.0.1', 2, done),
      ).then(
        () => false,
        (error: unknown) => String(error).includes('sidegate: denied: forward: '),
      ),
      after: await run('echo hi'),
    };
    client.end();
    expect(seen).toEqual(SEEN);
  },
  TIMEOUT_MS,
);

describe('ansible', () => {
  const given = testGiven(isThere && python !== undefined, 'no Python with pip, or no ssh or sshd, is installed');

  async function ansible(
    ...parameters: readonly string[]
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    const { SSH_TOKEN = '', SSH_KNOWN_HOSTS = '' } = await environment();
    const inventory = [
      `build ansible_host=${stage.host} ansible_port=${stage.port} ansible_user=agent`,
      `ansible_ssh_common_args='-F none -o UserKnownHostsFile=${SSH_KNOWN_HOSTS} -o StrictHostKeyChecking=yes'`,
      `ansible_remote_tmp=${folder.file('ansible-remote')} ansible_python_interpreter=${python ?? ''}`,
      `ansible_password="{{ lookup('env', 'SSH_TOKEN') }}"`,
    ];
    writeFileSync(folder.file('ansible.cfg'), '');
    writeFileSync(folder.file('inventory'), `${inventory.join(' ')}\n`);
    const libraries = await pythonLibraries('ansible.txt');
    const env = {
      PYTHONPATH: libraries,
      SSH_TOKEN,
      HOME: folder.path,
      ANSIBLE_HOME: folder.file('ansible'),
      ANSIBLE_CONFIG: folder.file('ansible.cfg'),
      ANSIBLE_NOCOLOR: '1',
      // A connection that stays would outlive the test.
      ANSIBLE_SSH_ARGS: '-o ControlMaster=auto -o ControlPersist=5s',
      ANSIBLE_SSH_CONTROL_PATH_DIR: folder.file('c'),
      LC_ALL: 'C.UTF-8',
    };
    const words = ['build', '-i', folder.file('inventory'), ...parameters];
    // By its own name: it is also what answers when ssh asks for the password.
    const ended = await runProcess(join(libraries, 'bin', 'ansible'), words, { env, deadlineMs: TIMEOUT_MS });
    const { code, stdout, stderr } = ended;
    return { code, said: stdout + stderr };
  }

  given(
    'its modules ping, command and copy work',
    async () => {
      await stage.policy(FOR_ANSIBLE);
      expect(await ansible('-m', 'ping')).toEqual({ code: 0, said: expect.stringContaining('"ping": "pong"') });
      expect(await ansible('-m', 'command', '-a', 'echo "from the target"')).toEqual({
        code: 0,
        said: expect.stringContaining('from the target'),
      });
      writeFileSync(folder.file('copied'), 'a line\n');
      expect(await ansible('-m', 'copy', '-a', `src=${folder.file('copied')} dest=${folder.file('copy')}`)).toEqual({
        code: 0,
        said: expect.stringContaining('"changed": true'),
      });
      expect(readFileSync(folder.file('copy'), 'utf8')).toBe('a line\n');
    },
    TIMEOUT_MS,
  );
});
