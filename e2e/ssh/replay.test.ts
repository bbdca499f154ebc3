import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { runCli } from '../sidegate-cli.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { playCast } from './asciinema-player.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';
import { answered, connectSsh2, outputOf, type Ssh2Channel } from './ssh2-client.ts';

const TIMEOUT_MS = 300_000;
const isThere = SSH !== undefined && SSHD !== undefined;
const real = testGiven(isThere, 'ssh or sshd is not installed');
const asciinema = findProgram('asciinema');
const OPEN = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  allowIncomplete: [ShellText]
  rules:
    - {name: no-rm, match: {ssh: {commands: [rm]}}, action: Deny, reason: Files stay.}
`;

let stage: SshStage;
let folder: TemporaryFolder;
/** What the terminal of the agent was sent, whole. */
let seen: string;
let sessionId: string;

beforeAll(async () => {
  if (!isThere) return;
  folder = temporaryFolder('casts');
  stage = await openSshStage({ policy: OPEN });
  const client = await connectSsh2(stage);
  const denied = await answered<Ssh2Channel>((done) => client.exec('rm -rf /tmp/none', {}, done));
  expect((await outputOf(denied)).stderr).toContain('sidegate: denied');
  const window = { term: 'xterm-256color', cols: 100, rows: 30 };
  const shell = await answered<Ssh2Channel>((done) => client.shell(window, done));
  let shown = '';
  shell.on('data', (data) => {
    shown += data.toString();
  });
  const untilShown = async (text: string): Promise<void> => {
    while (!shown.includes(text)) await new Promise((resolve) => shell.once('data', resolve));
  };
  const over = outputOf(shell);
  // Its echo does not read like the prompt.
  shell.write("exec env PS1='rea''dy> ' sh\n");
  await untilShown('ready> ');
  shell.write("stty size; printf '\\033[31m%s\\033[0m' Grüße\n");
  await untilShown('30 100');
  shell.setWindow(40, 120, 0, 0);
  shell.write('stty size\n');
  await untilShown('40 120');
  shell.write('exit 3\n');
  const { stdout, code } = await over;
  expect(code).toBe(3);
  seen = stdout;
  client.end();
  const [session] = await stage.ended(1);
  sessionId = String(session?.['sessionId']);
}, TIMEOUT_MS);

afterAll(async () => {
  await stage?.stop();
  folder?.remove();
}, TIMEOUT_MS);

const sidegate = (...parameters: readonly string[]) => runCli([...parameters, '--state', stage.state]);

describe('a recorded terminal', () => {
  real(
    "is played by asciinema's player as the agent saw it",
    async () => {
      const path = folder.file('shell.cast');
      const words = ['--format', 'asciicast', '--command', '2', '--input'];
      expect(await sidegate('export', sessionId, path, ...words)).toMatchObject({ code: 0, stderr: '' });
      const played = await playCast(path);
      expect(played.output).toBe(seen);
      expect(played.size).toBe('100x30');
      expect(played.sizes).toEqual(['120x40']);
      expect(played.input).toContain('exit 3\n');
      expect(played.markers).toEqual(['#2 Allow: shell']);
      expect(readFileSync(path, 'utf8')).toMatch(/"x","3"\]\n$/);
    },
    TIMEOUT_MS,
  );

  real(
    'is one recording with what ran before it',
    async () => {
      const path = folder.file('all.cast');
      expect(await sidegate('export', sessionId, path, '--format', 'asciicast')).toMatchObject({ code: 0 });
      const played = await playCast(path);
      expect(played.output).toContain('$ rm -rf /tmp/none\r\nsidegate: denied: data/guard/no-rm: Files stay.\r\n');
      expect(played.output.endsWith(seen)).toBe(true);
      expect([played.size, played.sizes, played.input]).toEqual(['80x24', ['100x30', '120x40'], '']);
      expect(played.markers.slice(0, 2)).toEqual(['#1 Deny: rm -rf /tmp/none', '#2 Allow: shell']);
      // What was typed, each line when Enter came.
      expect(played.markers.slice(-2)).toEqual(['#5 Allow: stty size', '#6 Allow: exit 3']);
    },
    TIMEOUT_MS,
  );

  testGiven(isThere && asciinema, 'asciinema, or ssh, is not installed')(
    'is read by asciinema',
    async () => {
      const version = (await runProcess(asciinema ?? '', ['--version'])).stdout;
      if (!/ 3\./.test(version)) {
        process.stderr.write(`skipped: ${version.trim()} does not read version 3 of its format\n`);
        return;
      }
      const path = folder.file('asciinema.cast');
      await sidegate('export', sessionId, path, '--format', 'asciicast', '--command', '2');
      const words = ['convert', '-f', 'asciicast-v2', path, folder.file('v2')];
      expect(await runProcess(asciinema ?? '', words)).toMatchObject({ code: 0 });
      const [, ...events] = readFileSync(folder.file('v2'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(events.flatMap(([, code, data]) => (code === 'o' ? [data] : [])).join('')).toBe(seen);
      expect(events.flatMap(([, code, data]) => (code === 'r' ? [data] : []))).toEqual(['120x40']);
    },
    TIMEOUT_MS,
  );

  real(
    'is replayed as text, and one command alone',
    async () => {
      const { stdout, code } = await sidegate('replay', sessionId, '--instant');
      expect(code).toBe(0);
      expect(stdout).toContain('rm -rf /tmp/none\nsidegate: denied: data/guard/no-rm: Files stay.\n');
      expect(stdout).toContain('-- terminal xterm-256color, 100x30\n');
      expect(stdout).toMatch(/\n30 100\nGrüßeready> /);
      expect(stdout).toContain('-- Failed, exit 3, ');
      const alone = await sidegate('replay', sessionId, '--command', '2', '--speed', '1000', '--idle-limit', '1');
      expect(alone.stdout).not.toContain('-- ');
      expect(alone.stdout).toContain('Grüße');
    },
    TIMEOUT_MS,
  );
});
