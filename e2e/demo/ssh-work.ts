import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waiting } from '../run/owner.ts';
import { runCli } from '../sidegate-cli.ts';
import { SSH, SSHD } from '../ssh/ssh-server.ts';
import { openSshStage, type SshStage } from '../ssh/ssh-stage.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import type { Outcomes } from './outcomes.ts';

const POLICY = readFileSync(join(import.meta.dirname, '../../examples/ssh/policy.yaml'), 'utf8');
const HOST = 'agent@127.0.0.1';
const SECRET = 'ada@example.com';

interface Step {
  readonly title: string;
  readonly words: readonly string[];
  readonly code: number;
  /** What the agent must be told, on either output. */
  readonly told: RegExp;
}

const stepsIn = (folder: TemporaryFolder): readonly Step[] => [
  { title: 'runs a pipe of programs', words: ['echo one two | wc -w'], code: 0, told: /^2$/m },
  {
    title: 'reads a file with a masked address',
    words: [`cat ${folder.file('customers')}`],
    code: 0,
    told: /^Ada \*+\.com$/m,
  },
  {
    title: 'removes a file',
    words: [`rm -f ${folder.file('customers')}`],
    code: 255,
    told: /^sidegate: denied: data\/build-guardrails\/no-removal: Files stay where they are\.$/m,
  },
  {
    title: 'hides the removal in another program',
    words: [`sh -c 'rm -f ${folder.file('customers')}'`],
    code: 255,
    told: /no-removal/,
  },
  {
    title: 'writes a text that only running would tell',
    words: [`eval "$(cat ${folder.file('customers')})"`],
    code: 255,
    told: /\(ShellCode\)/,
  },
  { title: 'opens a shell', words: ['-tt'], code: 255, told: /no-shell/ },
  { title: 'forwards a port', words: ['-W', 'localhost:22'], code: 255, told: /sidegate: denied/ },
];

/** The same over SSH, with the example's policy and a real server; false where OpenSSH is not installed. */
export async function workWithSsh(
  outcomes: Outcomes,
  show: (side: string, text: string) => void,
  progress: (step: string) => void,
): Promise<boolean> {
  if (SSH === undefined || SSHD === undefined) return false;
  progress('starting sshd and a gate before it');
  using folder = temporaryFolder('ssh-work');
  writeFileSync(folder.file('customers'), `Ada ${SECRET}\n`);
  writeFileSync(folder.file('deploy'), `#!/bin/sh\ntouch ${folder.file('deployed')}\necho deployed\n`, { mode: 0o700 });
  await using stage = await openSshStage({ policy: POLICY, owner: 'operator', ownerGroups: ['operators'] });
  for (const { title, words, code, told } of stepsIn(folder)) {
    const answer = await stage.ssh(words[0]?.startsWith('-') === true ? [...words, HOST] : [HOST, ...words]);
    const said = `${answer.stdout}${answer.stderr}`.replaceAll('\r', '').trim();
    show('agent', `ssh ${words.join(' ')}\n${said}`);
    const isRight = answer.code === code && told.test(said) && !said.includes(SECRET);
    outcomes.expect(`SSH: an agent ${title}, and is told so`, isRight, answer);
  }
  outcomes.expect('SSH: nothing that was refused reached the server', existsSync(folder.file('customers')));
  await deploy(stage, folder, outcomes, show);
  await checkSessions(stage, stepsIn(folder).length + 1, outcomes);
  return true;
}

async function deploy(
  stage: SshStage,
  folder: TemporaryFolder,
  outcomes: Outcomes,
  show: (side: string, text: string) => void,
): Promise<void> {
  const command = await stage.start([HOST, folder.file('deploy')]);
  await command.line(/sidegate: waiting: /);
  const held = await waiting(stage);
  const isEarly = existsSync(folder.file('deployed'));
  await stage.cli('approve', held.id);
  const { code, stdout, stderr } = await command.ended;
  show('agent', `ssh deploy\n${stderr.replaceAll('\r', '').trim()}\n${stdout.trim()}`);
  const isRight = !isEarly && code === 0 && stdout === 'deployed\n' && existsSync(folder.file('deployed'));
  outcomes.expect('SSH: a deployment waits for a human, and runs after that', isRight, { code, stdout, stderr });
}

/** The recording: every session replays, and none holds what was masked. */
async function checkSessions(stage: SshStage, count: number, outcomes: Outcomes): Promise<void> {
  const sessions = await stage.ended(count);
  const replays: string[] = [];
  for (const { sessionId } of sessions) {
    const { stdout } = await runCli(['replay', String(sessionId), '--instant', '--state', stage.state]);
    replays.push(stdout);
  }
  const all = replays.join('');
  outcomes.expect(
    'SSH: sidegate replay shows commands, decisions and what the agent got',
    /Allow by .*\necho one two \| wc -w\n2\n-- Done, exit 0/.test(all) &&
      /RequireApproval by [\s\S]*\ndeployed\n/.test(all),
    all,
  );
  outcomes.expect(
    'SSH: the recording holds no masked value in clear',
    !all.includes(SECRET) && all.includes('.com'),
    all,
  );
}
