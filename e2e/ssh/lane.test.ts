import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { approvals, waiting } from '../run/owner.ts';
import { policyFile } from '../stage-files.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed');
const HOST = 'agent@127.0.0.1';
const OPEN = policyFile('  allowIncomplete: [ShellText]\n  rules: []\n');
const ASKING = `  rules:
    - {name: no-rm, match: {ssh: {commands: [rm]}}, action: Deny, reason: Files stay.}
    - name: ask
      match: {ssh: {commands: [uptime]}}
      action: RequireApproval
      reason: Somebody looks at it first.
      approval: {approvers: {groups: [ops]}, count: 1, timeoutSeconds: 600, grant: {scope: Command}}
`;
const GUARDED = policyFile(`  allowIncomplete: [ShellText]\n${ASKING}`);
const MASKED = policyFile(
  '  allowIncomplete: [ShellText]\n  masks:\n    - {name: mail, detect: [Email], with: {type: Redact}}\n',
);
const LIMITED = policyFile('  limits:\n    - {name: budget, bytes: 100000, perSeconds: 3600, action: Deny}\n');

describe('OpenSSH through the gate', () => {
  let stage: SshStage;
  beforeAll(async () => {
    if (SSH !== undefined && SSHD !== undefined) {
      stage = await openSshStage({ policy: OPEN, owner: 'owner', ownerGroups: ['ops'] });
    }
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
  }, TIMEOUT_MS);

  real(
    'a command runs, and is in the record',
    async () => {
      expect(await stage.ssh([HOST, 'echo hi'])).toMatchObject({ code: 0, stdout: 'hi\n', stderr: '' });
      const [session] = await stage.ended(1);
      expect(session).toMatchObject({ protocol: 'SSH', verified: { subject: 'support-bot' } });
      const commands = await stage.cli('show', String(session?.['sessionId']));
      expect(JSON.stringify(commands)).toContain('echo hi');
    },
    TIMEOUT_MS,
  );

  real(
    'both outputs, the exit status and a signal arrive as they are',
    async () => {
      expect(await stage.ssh([HOST, 'echo out; echo err >&2; exit 7'])).toMatchObject({
        code: 7,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      expect((await stage.ssh([HOST, 'kill -9 $$'])).code).toBe(255);
    },
    TIMEOUT_MS,
  );

  real(
    'a shell on a terminal runs',
    async () => {
      const { stdout } = await stage.ssh(['-tt', HOST, 'tty; stty size']);
      expect(stdout).toMatch(/\/dev\/pts\/\d+/);
    },
    TIMEOUT_MS,
  );

  real(
    'much output arrives whole',
    async () => {
      const { code, stdout } = await stage.ssh([HOST, 'head -c 50000000 /dev/zero | sha256sum; seq 1 4000']);
      expect(code).toBe(0);
      expect(stdout.split('\n')).toHaveLength(4002);
    },
    TIMEOUT_MS,
  );

  real(
    'a variable that is not for language or looks does not pass, and one that is does',
    async () => {
      const { stdout } = await stage.ssh(['-o', 'SetEnv=LC_ALL=C.UTF-8', HOST, 'echo $LC_ALL $EVIL']);
      expect(stdout).toBe('C.UTF-8\n');
      const evil = await stage.ssh(['-o', 'SetEnv=EVIL=yes', HOST, 'echo .$EVIL.']);
      expect(evil.stdout).toBe('..\n');
    },
    TIMEOUT_MS,
  );

  real(
    'a forward is refused, and a subsystem',
    async () => {
      const forward = await stage.ssh(['-W', '127.0.0.1:1', HOST]);
      expect(forward.code).not.toBe(0);
      expect(forward.stderr).toContain('sidegate: denied');
      const subsystem = await stage.ssh(['-s', HOST, 'netconf']);
      expect(subsystem.code).toBe(255);
      expect(subsystem.stderr).toContain('(Subsystem)');
    },
    TIMEOUT_MS,
  );

  real(
    'a denied command is refused with its rule, and one that needs it waits for an approval',
    async () => {
      await stage.policy(GUARDED);
      const denied = await stage.ssh([HOST, 'rm -f /tmp/nothing']);
      expect(denied).toMatchObject({ code: 255, stdout: '' });
      expect(denied.stderr).toContain('sidegate: denied: data/guard/no-rm: Files stay.');
      const held = await stage.start([HOST, 'uptime']);
      const { id } = await waiting(stage);
      await held.line(/sidegate: waiting: this command waits for approval/);
      await stage.cli('approve', id);
      expect(await held.ended).toMatchObject({ code: 0 });
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'nobody is asked about a command of which masks hide more than a value',
    async () => {
      await stage.policy(
        policyFile(`${ASKING}  masks:
    - {name: keys, detect: [PrivateKey, Email], with: {type: Redact}}
`),
      );
      const hidden = await stage.ssh([
        HOST,
        "uptime; : '---BEGIN PRIVATE KEY---'; echo evil; : '---END PRIVATE KEY---'",
      ]);
      expect(hidden).toMatchObject({ code: 255, stdout: '' });
      expect(hidden.stderr).toContain('no approver could see what it is');
      expect(await approvals(stage)).toEqual([]);
      const held = await stage.start([HOST, 'uptime; : ada@example.com']);
      const { id, text } = await waiting(stage);
      expect(text).toBe('uptime; : [masked]');
      await stage.cli('approve', id);
      expect(await held.ended).toMatchObject({ code: 0 });
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'masks reach output, and what they cannot reach is refused: a terminal, programs that speak a protocol of their own',
    async () => {
      await stage.policy(MASKED);
      const { stdout } = await stage.ssh([HOST, 'printf "a ada@exam"; sleep 0; printf "ple.com b"']);
      expect(stdout).not.toContain('ada@example.com');
      expect(stdout).toContain('[masked]');
      for (const words of [
        ['-tt', HOST, 'echo hi'],
        [HOST, 'scp -f /etc/hostname'],
        [HOST, 'rsync --server . /tmp/x'],
      ]) {
        expect(await stage.ssh(words)).toMatchObject({
          code: 255,
          stdout: '',
          stderr: expect.stringContaining('Masks are in force, which cannot reach'),
        });
      }
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'a limit ends the output',
    async () => {
      await stage.policy(LIMITED);
      const { code, stderr } = await stage.ssh([HOST, 'head -c 200000 /dev/zero']);
      expect(code).toBe(255);
      expect(stderr).toMatch(/sidegate: denied: data\/guard\/budget/);
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'keys are exchanged again under load',
    async () => {
      const { code, stdout } = await stage.ssh([
        '-o',
        'RekeyLimit=256K',
        HOST,
        'head -c 8000000 /dev/zero | tr "\\0" x',
      ]);
      expect([code, stdout.trimEnd().length]).toEqual([0, 8_000_000]);
    },
    TIMEOUT_MS,
  );

  real(
    'a session that is killed is over',
    async () => {
      const agent = await stage.start([HOST, 'echo up; sleep 600']);
      await agent.line(/^up$/);
      await stage.cli('kill', '--subject', 'support-bot');
      const { code, stderr } = await agent.ended;
      expect(code).toBe(255);
      expect(stderr).toContain('ended this session');
    },
    TIMEOUT_MS,
  );

  real(
    'a bad token is refused',
    async () => {
      const { code, stderr } = await stage.ssh([HOST, 'echo hi'], 'no token');
      expect(code).toBe(255);
      expect(stderr).toContain('sidegate: denied');
    },
    TIMEOUT_MS,
  );
});

describe('who it is', () => {
  real(
    'nothing is asked in Workload mode',
    async () => {
      await using stage = await openSshStage({ identity: 'Workload', policy: OPEN });
      expect(await stage.ssh([HOST, 'echo hi'])).toMatchObject({ code: 0, stdout: 'hi\n' });
    },
    TIMEOUT_MS,
  );

  real.each([
    ['an RSA key in PEM', { key: ['rsa', '-m', 'PEM'] }],
    ['an ECDSA key', { key: ['ecdsa'] }],
    ['a certificate', { isCertified: true }],
  ])(
    'the gate logs in at the target with %s',
    async (_what, login) => {
      await using stage = await openSshStage({ ...login, policy: OPEN });
      expect(await stage.ssh([HOST, 'echo hi'])).toMatchObject({ code: 0, stdout: 'hi\n' });
    },
    TIMEOUT_MS,
  );

  real(
    'a server that shows another host key gets nothing',
    async () => {
      const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHWkCL+s0RvLOnV0uRgpnElIcOsTS0rdGHkB0WnPCOmo';
      await using stage = await openSshStage({ hostKey, policy: OPEN });
      const { code, stderr } = await stage.ssh([HOST, 'echo hi']);
      expect(code).toBe(255);
      expect(stderr).toContain('does not name in ssh.hostKeys');
    },
    TIMEOUT_MS,
  );
});
