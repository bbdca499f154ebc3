import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { until } from '../faults/account.ts';
import { dataIn } from '../faults/lanes/ssh.ts';
import { readAnswer, readLedger } from '../faults/record-ledger.ts';
import { waiting } from '../run/owner.ts';
import { policyFile } from '../stage-files.ts';
import { freePort } from '../support/free-port.ts';
import { type Ended, type RunningProcess, runProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';
import { holdTcp, socksTo, talkTcp } from './tcp-client.ts';
import { ECHO, GREETER, SPEAKER, startTcpServer, type TcpServer } from './tcp-server.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed');
const HOST = 'agent@127.0.0.1';
const MUCH = 3_000_000;

const UNNAMED = policyFile('  rules: [{name: all, action: Allow}]\n');
const rule = (name: string, place: string, more = 'action: Allow'): string =>
  `    - {name: ${name}, match: {ssh: {channels: [forward], commands: ['direct-tcpip ${place}']}}, ${more}}\n`;
const ASK =
  'action: RequireApproval, reason: Somebody looks at it first., approval: {approvers: {groups: [ops]}, timeoutSeconds: 600}';

let stage: SshStage;
let echo: TcpServer;
let greeter: TcpServer;
let speaker: TcpServer;
let number = 0;
let policy = UNNAMED;
const started = new AsyncDisposableStack();

beforeAll(async () => {
  if (SSH === undefined || SSHD === undefined) return;
  stage = started.use(await openSshStage({ policy: UNNAMED, owner: 'owner', ownerGroups: ['ops'] }));
  echo = started.use(await startTcpServer(ECHO));
  greeter = started.use(await startTcpServer(GREETER));
  speaker = started.use(await startTcpServer(SPEAKER));
}, TIMEOUT_MS);
afterAll(async () => {
  await started.disposeAsync();
}, TIMEOUT_MS);

/** A file that says the same again changes nothing to wait for. */
async function setPolicy(text: string): Promise<void> {
  if (text !== policy) await stage.policy(text);
  policy = text;
}

const allowed = (...more: readonly string[]): string =>
  policyFile(`  rules:\n${rule('tunnel', `127.0.0.1 ${echo.port}`)}${more.join('')}`);

/** ssh to its end, with something on its input. */
async function runSsh(words: readonly string[], input: Uint8Array | string = ''): Promise<Ended> {
  const { line, env } = await stage.command();
  const [program = '', ...parameters] = line.split(' ');
  return await runProcess(program, [...parameters, ...words], { env, input, deadlineMs: TIMEOUT_MS });
}

/** ssh with a local port that leads on; `how` is -L with a place, or -D. Who asks has a name that no other test has. */
async function listen(how: '-L' | '-D', place = ''): Promise<RunningProcess & { port: number; subject: string }> {
  const port = await freePort();
  const subject = `forwarder-${(number += 1)}`;
  const words = [
    '-v',
    '-N',
    '-o',
    'ExitOnForwardFailure=yes',
    how,
    `127.0.0.1:${port}${place === '' ? '' : `:${place}`}`,
  ];
  const running = await stage.start([...words, HOST], await stage.token({ subject }));
  await running.line(/Entering interactive session|pledge: /);
  return { ...running, port, subject };
}

const toEcho = (): string => `127.0.0.1:${echo.port}`;

/** The one session of somebody, once it has ended. */
async function sessionOf(subject: string): Promise<string> {
  for (let count = 1; ; count += 1) {
    const sessions = await stage.ended(count);
    const found = sessions.find(({ verified }) => (verified as { subject?: string } | undefined)?.subject === subject);
    if (found !== undefined && Number(found['closedUs']) > 0) return String(found['sessionId']);
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a forward that no rule names', () => {
  real(
    'is refused, whatever is allowed by default, and reaches nobody',
    async () => {
      await setPolicy(UNNAMED);
      const { code, stdout, stderr } = await runSsh(['-W', toEcho(), HOST], 'hi');
      expect([code === 0, stdout]).toEqual([false, '']);
      expect(stderr).toContain('administratively prohibited');
      expect(stderr).toContain(
        "sidegate: denied: forward: No rule of the Target's side that names the channel forward",
      );
      expect(echo.count).toBe(0);
      expect(await runSsh([HOST, 'echo hi'])).toMatchObject({ code: 0, stdout: 'hi\n' });
    },
    TIMEOUT_MS,
  );

  real.each([
    ['from the server back to the agent (-R)', ['-R', '0:127.0.0.1:1'], 'remote port forwarding failed'],
    ['of a socket of the server (-R)', ['-R', '/tmp/sidegate-none:127.0.0.1:1'], 'remote port forwarding failed'],
  ])(
    'is refused %s, also where every forward is allowed',
    async (_what, words, said) => {
      await setPolicy(policyFile('  rules:\n    - {name: any, match: {ssh: {channels: [forward]}}, action: Allow}\n'));
      const { code, stderr } = await runSsh(['-N', '-o', 'ExitOnForwardFailure=yes', ...words, HOST]);
      expect(code).toBe(255);
      expect(stderr).toContain(said);
    },
    TIMEOUT_MS,
  );

  real(
    'is refused to a socket of the server (-L), also where every forward is allowed',
    async () => {
      const folder = temporaryFolder('socket');
      await using running = await listen('-L', folder.file('none'));
      expect(await talkTcp(running.port, Buffer.from('hi'))).toEqual(Buffer.alloc(0));
      await running.line(/channels of type direct-streamlocal@openssh.com are not carried/);
      folder.remove();
    },
    TIMEOUT_MS,
  );
});

describe('a forward that a rule names', () => {
  real(
    'carries both directions whole, ends each by itself, and the record has every byte of both (-L)',
    async () => {
      await setPolicy(allowed());
      const running = await listen('-L', toEcho());
      const sent = randomBytes(MUCH);
      const got = await talkTcp(running.port, sent);
      expect(got.equals(sent)).toBe(true);
      // A second one through the same ssh.
      expect((await talkTcp(running.port, Buffer.from('again'))).toString()).toBe('again');
      await running.stop();
      const sessionId = await sessionOf(running.subject);
      const text = `direct-tcpip 127.0.0.1 ${echo.port}`;
      const inputOf: Parameters<typeof readLedger>[0]['inputOf'] = (parts) =>
        Buffer.concat(dataIn(parts).map(({ data }) => data));
      const { commands } = await readLedger(
        { state: stage.state, answerOf: (parts) => parts, inputOf },
        [sessionId],
        [],
      );
      expect(commands.map((command) => [command.text, command.outcome])).toEqual([
        [text, 'Done'],
        [text, 'Done'],
      ]);
      expect(commands.map(({ input }) => sha256(input))).toEqual([sha256(sent), sha256(Buffer.from('again'))]);
      const contentOf = (part: Uint8Array): Uint8Array => inputOf([part]);
      const answer = await readAnswer(stage.state, sessionId, { text, contentOf });
      expect(answer.sha256).toBe(sha256(Buffer.concat([sent, Buffer.from('again')])));
      await stage.cli('verify', sessionId);
    },
    TIMEOUT_MS,
  );

  real(
    'leads standard input and output on (-W)',
    async () => {
      await setPolicy(allowed(rule('greeting', `localhost ${greeter.port}`)));
      const sent = Buffer.from('a line\n'.repeat(50_000));
      const { code, stdout } = await runSsh(['-W', toEcho(), HOST], sent);
      expect([code, stdout === sent.toString()]).toEqual([0, true]);
      expect(await runSsh(['-W', `LOCALHOST.:${greeter.port}`, HOST])).toMatchObject({ code: 0, stdout: 'hello\n' });
    },
    TIMEOUT_MS,
  );

  real(
    'goes on in one direction when the server has ended the other',
    async () => {
      await setPolicy(allowed(rule('greeting', `localhost ${greeter.port}`)));
      await using running = await listen('-L', `LOCALHOST.:${greeter.port}`);
      const before = greeter.count;
      const answered = async (socket: Socket): Promise<void> => {
        await new Promise((resolve) => void socket.once('end', resolve).resume());
      };
      await talkTcp(running.port, Buffer.from('thanks'), answered);
      await until('the server has not heard the agent', async () =>
        String(greeter.received().slice(before)) === 'thanks' ? true : undefined,
      );
    },
    TIMEOUT_MS,
  );

  real(
    'leads there alone, of all places that a SOCKS client asks for (-D)',
    async () => {
      await setPolicy(allowed(rule('by-name', `localhost ${echo.port}`)));
      await using running = await listen('-D');
      const ask = (host: string, port: number): Promise<string> =>
        talkTcp(running.port, Buffer.from(host), socksTo(host, port)).then(String, String);
      expect(await ask('127.0.0.1', echo.port)).toBe('127.0.0.1');
      expect(await ask('localhost', echo.port)).toBe('localhost');
      expect(await ask('LocalHost', echo.port)).toBe('LocalHost');
      const before = greeter.count;
      expect(await ask('127.0.0.1', greeter.port)).toMatch(/SOCKS/);
      expect(await ask('other.internal', echo.port)).toMatch(/SOCKS/);
      expect(greeter.count).toBe(before);
      // Twenty at once.
      const many = Array.from({ length: 20 }, (_, at) =>
        talkTcp(running.port, Buffer.from(`n${at}`), socksTo('127.0.0.1', echo.port)),
      );
      expect((await Promise.all(many)).map(String)).toEqual(Array.from({ length: 20 }, (_, at) => `n${at}`));
    },
    TIMEOUT_MS,
  );

  real(
    'leads to another sshd, whose session the gate does not see (ProxyCommand, as ProxyJump has it)',
    async () => {
      const { server } = stage;
      await setPolicy(policyFile(`  rules:\n${rule('jump', `127.0.0.1 ${server.port}`)}`));
      const { line, env } = await stage.command();
      const folder = temporaryFolder('jump');
      writeFileSync(folder.file('key'), server.privateKey, { mode: 0o600 });
      writeFileSync(folder.file('known'), `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
      const words = ['-F', 'none', '-p', String(server.port), '-i', folder.file('key'), '-o', 'IdentitiesOnly=yes'];
      const known = ['-o', `UserKnownHostsFile=${folder.file('known')}`, '-o', 'StrictHostKeyChecking=yes'];
      const jump = ['-o', `ProxyCommand=${line} -W %h:%p ${HOST}`];
      const inner = await runProcess(
        SSH ?? '',
        [...words, ...known, ...jump, `${server.user}@127.0.0.1`, 'echo inside'],
        {
          env,
        },
      );
      expect([inner.code, inner.stdout]).toEqual([0, 'inside\n']);
      folder.remove();
    },
    TIMEOUT_MS,
  );

  real(
    'tells the agent why the server reaches nobody there',
    async () => {
      const port = await freePort();
      await setPolicy(policyFile(`  rules:\n${rule('closed', `127.0.0.1 ${port}`)}`));
      const { stderr } = await runSsh(['-W', `127.0.0.1:${port}`, HOST]);
      expect(stderr).toContain('connect failed');
      expect(stderr).toContain('Connection refused');
    },
    TIMEOUT_MS,
  );

  real(
    'is over when its agent is killed, and the record says so',
    async () => {
      await setPolicy(policyFile(`  rules:\n${rule('greeting', `127.0.0.1 ${speaker.port}`)}`));
      const running = await listen('-L', `127.0.0.1:${speaker.port}`);
      using open = await holdTcp(running.port, /hello/);
      await stage.cli('kill', '--subject', running.subject);
      await open.over;
      const { stderr } = await running.ended;
      expect(stderr).toContain('ended this session');
      const shown = await stage.cli('show', await sessionOf(running.subject));
      const [command] = shown.filter(({ kind }) => kind === 'Command');
      expect(command).toMatchObject({ text: `direct-tcpip 127.0.0.1 ${speaker.port}`, outcome: 'Lost' });
    },
    TIMEOUT_MS,
  );
});

describe('a forward that is held', () => {
  real(
    'waits without a word to the server, and is opened once it is approved',
    async () => {
      await setPolicy(policyFile(`  rules:\n${rule('ask', `127.0.0.1 ${echo.port}`, ASK)}`));
      const before = echo.count;
      const held = runSsh(['-v', '-W', toEcho(), HOST], 'question');
      const { id } = await waiting(stage);
      expect(echo.count).toBe(before);
      await stage.cli('approve', id);
      const { code, stdout, stderr } = await held;
      expect([code, stdout]).toEqual([0, 'question']);
      expect(stderr).toContain('sidegate: waiting: ');
    },
    TIMEOUT_MS,
  );

  real(
    'and is not when it is refused, with the reason',
    async () => {
      await setPolicy(policyFile(`  rules:\n${rule('ask', `127.0.0.1 ${echo.port}`, ASK)}`));
      const before = echo.count;
      const held = runSsh(['-W', toEcho(), HOST], 'question');
      const { id } = await waiting(stage);
      await stage.cli('refuse', id, '--reason', 'Not today.');
      const { stdout, stderr } = await held;
      expect(stdout).toBe('');
      expect(stderr).toMatch(/sidegate: not approved: .*Not today\./);
      expect(echo.count).toBe(before);
    },
    TIMEOUT_MS,
  );
});

describe('what a forward carries', () => {
  const masks = '  masks:\n    - {name: mail, detect: [Email], with: {type: Redact}}\n';

  real(
    'cannot be masked: none is opened while masks are in force, and those that are open end when masks come',
    async () => {
      await setPolicy(allowed() + masks);
      const before = echo.count;
      const refused = await runSsh(['-W', toEcho(), HOST], 'ada@example.com');
      expect(refused.stdout).toBe('');
      expect(refused.stderr).toContain('Masks are in force, which cannot reach what a forward carries.');
      expect(echo.count).toBe(before);
      await setPolicy(allowed(rule('greeting', `127.0.0.1 ${speaker.port}`)));
      await using running = await listen('-L', `127.0.0.1:${speaker.port}`);
      using open = await holdTcp(running.port, /hello/);
      await setPolicy(allowed() + masks);
      await running.line(/Masks are in force/);
      await open.over;
      await setPolicy(UNNAMED);
    },
    TIMEOUT_MS,
  );

  real(
    'counts for a limit of bytes, and what is beyond it does not pass',
    async () => {
      await setPolicy(`${allowed()}  limits:\n    - {name: budget, bytes: 100000, perSeconds: 3600, action: Deny}\n`);
      const sent = Buffer.alloc(400_000, 'x');
      const { stdout, stderr } = await runSsh(['-v', '-W', toEcho(), HOST], sent);
      expect(stdout.length).toBeLessThanOrEqual(100_000);
      expect(stderr).toContain('data/guard/budget');
      await setPolicy(UNNAMED);
    },
    TIMEOUT_MS,
  );
});
