import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { waiting } from '../run/owner.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';
import { answered, connectSsh2, type Ssh2Channel, type Ssh2Client } from './ssh2-client.ts';

const TIMEOUT_MS = 300_000;
const isThere = SSH !== undefined && SSHD !== undefined;
const real = testGiven(isThere, 'ssh or sshd is not installed');
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-rm, match: {ssh: {commands: [rm]}}, action: Deny, reason: Files stay.}
    - name: ask
      match: {ssh: {commands: [uptime]}}
      action: RequireApproval
      reason: Somebody looks at it first.
      approval: {approvers: {groups: [ops]}, count: 1, timeoutSeconds: 600, grant: {scope: Command}}
`;

/** A shell on a terminal of a real server, as somebody who types has it. */
interface Typist {
  type(keys: string): void;
  /** Resolves when so much was shown since it was last asked. */
  shows(pattern: RegExp): Promise<void>;
  end(): Promise<void>;
}

let stage: SshStage;
let client: Ssh2Client;
let shell: Typist;

beforeAll(async () => {
  if (!isThere) return;
  stage = await openSshStage({ policy: POLICY, owner: 'owner', ownerGroups: ['ops'] });
  client = await connectSsh2(stage);
  shell = await openShell();
}, TIMEOUT_MS);
afterAll(async () => {
  client?.end();
  await stage?.stop();
}, TIMEOUT_MS);

async function openShell(): Promise<Typist> {
  const channel = await answered<Ssh2Channel>((done) => client.shell({ term: 'xterm', cols: 80, rows: 24 }, done));
  let shown = '';
  channel.on('data', (data) => {
    shown += data.toString();
  });
  channel.stderr.on('data', (data: Buffer) => {
    shown += data.toString();
  });
  const closed = new Promise<void>((resolve) => channel.on('close', () => resolve()));
  const shows: Typist['shows'] = async (pattern) => {
    for (;;) {
      const found = pattern.exec(shown);
      if (found !== null) {
        shown = shown.slice(found.index + found[0].length);
        return;
      }
      await new Promise((resolve) => {
        channel.once('data', resolve);
        channel.stderr.once('data', resolve);
      });
    }
  };
  const type = (keys: string): void => void channel.write(keys);
  // Its echo does not read like the prompt.
  type("exec env PS1='rea''dy> ' sh -i\n");
  await shows(/ready> /);
  return {
    type,
    shows,
    end: async () => {
      type('exit\r');
      await closed;
    },
  };
}

describe('lines that are typed into a shell', () => {
  real(
    'run, are refused, or wait, before Enter goes on',
    async () => {
      shell.type('echo a$((1 + 1))b\r');
      await shell.shows(/a2b[\s\S]*ready> /);
      shell.type('rm -f /tmp/nothing; echo r$((2 + 2))m\r');
      await shell.shows(/sidegate: denied: data\/guard\/no-rm: Files stay\./);
      // It still stands there: Enter alone does not run it.
      shell.type('\r');
      await shell.shows(/sidegate: denied: data\/guard\/no-rm: Files stay\./);
      shell.type('\x15');
      shell.type('echo x\x7fy$((3 + 3))z\r');
      await shell.shows(/y6z[\s\S]*ready> /);
      shell.type('uptime\r');
      await shell.shows(/sidegate: waiting: this command waits for approval/);
      const { id } = await waiting(stage);
      await stage.cli('approve', id);
      await shell.shows(/load average[\s\S]*ready> /);
    },
    TIMEOUT_MS,
  );

  real(
    'that cannot be told are passed, with a remark, and a password stands in no list',
    async () => {
      shell.type('echo t\t$((4 + 4))u\r');
      await shell.shows(/8u[\s\S]*ready> /);
      shell.type('stty -echo; printf "Passwor%s: " d; read it; stty echo; echo got ${#it}\r');
      await shell.shows(/Password: /);
      shell.type('hunter2\r');
      await shell.shows(/got 7[\s\S]*ready> /);
      await shell.end();
      client.end();
      const [session] = await stage.ended(1);
      const shown = await stage.cli('show', String(session?.['sessionId']));
      const typed = shown.filter(({ verbs }) => Array.isArray(verbs) && verbs.includes('typed'));
      const facts = typed.map(({ text, decision, outcome }) => [text, decision, outcome]);
      expect(facts).toContainEqual(['echo a$((1 + 1))b', 'Allow', 'Done']);
      expect(facts).toContainEqual(['rm -f /tmp/nothing; echo r$((2 + 2))m', 'Deny', 'Refused']);
      expect(facts).toContainEqual(['echo y$((3 + 3))z', 'Allow', 'Done']);
      expect(facts).toContainEqual(['uptime', 'RequireApproval', 'Done']);
      expect(facts).toContainEqual(['(not shown by the terminal)', 'Allow', 'Done']);
      expect(JSON.stringify(shown)).not.toContain('hunter2');
      const replayed = await stage.cli('replay', String(session?.['sessionId']));
      expect(JSON.stringify(replayed)).toContain('TypedLineNotRead');
    },
    TIMEOUT_MS,
  );
});
