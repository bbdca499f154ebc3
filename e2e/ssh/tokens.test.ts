import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { SignJWT } from 'jose';
import { accessFile } from '../stage-files.ts';
import type { RunningProcess } from '../support/processes.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const HOST = 'agent@127.0.0.1';
const isThere = SSH !== undefined && SSHD !== undefined;
const real = testGiven(isThere, 'ssh or sshd is not installed');
const OPEN = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec: {rules: []}
`;

let stage: SshStage;
beforeAll(async () => {
  if (isThere) stage = await openSshStage({ policy: OPEN });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

const works = async (): Promise<boolean> => (await stage.ssh([HOST, 'echo hi'])).stdout === 'hi\n';

describe('a token', () => {
  real.each<[string, () => Promise<string>, RegExp]>([
    ['that has expired', () => stage.token({ expiresIn: -10 }), /expired/],
    ['for another audience', () => stage.token({ audience: 'billing' }), /audience|not for/i],
    ['of another issuer', () => stage.token({ issuer: 'http://127.0.0.1:9/other' }), /issuer/i],
    ['that a stranger signed', strangersToken, /sign|key/i],
    ['that is a password', () => Promise.resolve('hunter2'), /token/i],
  ])(
    '%s opens nothing, and the reason is one sentence',
    async (_what, token, reason) => {
      const presented = await token();
      const { code, stdout, stderr } = await stage.ssh([HOST, 'echo hi'], presented);
      expect([code, stdout]).toEqual([255, '']);
      expect(stderr).toMatch(/^sidegate: denied: identity: .+$/m);
      expect(stderr).toMatch(reason);
      expect(stderr).not.toContain(presented);
    },
    TIMEOUT_MS,
  );

  real(
    'that expires ends its session, which says why',
    async () => {
      const running = await startBriefly();
      const { code, stderr } = await running.ended;
      expect(code).toBe(255);
      expect(stderr).toMatch(/sidegate: ended: .*expired/);
      const sessions = await stage.cli('sessions', '--limit', '10000');
      expect(sessions.some(({ closeCode }) => closeCode === 'Expired')).toBe(true);
      expect(await works()).toBe(true);
    },
    TIMEOUT_MS,
  );

  real(
    'opens nothing more, and what it opened ends, once the access is taken away',
    async () => {
      const token = await stage.token();
      const running = await stage.start([HOST, 'tail -f /dev/null /etc/hostname'], token);
      await running.line(/\S/);
      const access = accessFile('Token', 'build');
      await stage.write('access.yaml', `${access.trimEnd()}\n  suspend: true\n`);
      const { code, stderr } = await running.ended;
      expect([code, stderr]).toEqual([255, expect.stringMatching(/sidegate: ended: .*suspended/)]);
      const again = await stage.ssh([HOST, 'echo hi'], token);
      expect([again.code, again.stderr]).toEqual([255, expect.stringContaining('suspended')]);
      await stage.write('access.yaml', access);
      expect((await stage.ssh([HOST, 'echo hi'], token)).stdout).toBe('hi\n');
    },
    TIMEOUT_MS,
  );

  real(
    'of somebody whom the Target does not admit opens nothing, also in a session that was open',
    async () => {
      const running = await stage.start([HOST, 'tail -f /dev/null /etc/hostname']);
      await running.line(/\S/);
      const target = readFileSync(join(stage.folder, 'target.yaml'), 'utf8');
      await stage.write('target.yaml', target.replace('spec:\n', 'spec:\n  require: {groups: [others]}\n'));
      expect((await running.ended).code).toBe(255);
      expect((await stage.ssh([HOST, 'echo hi'])).stderr).toContain('sidegate: denied');
      await stage.write('target.yaml', target);
      expect(await works()).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe("the gate's host key", () => {
  real(
    'is the same after the gate was killed, and agents that know it connect again',
    async () => {
      const known = (): string => readFileSync(join(stage.state, 'trust', 'ssh_known_hosts'), 'utf8');
      const before = known();
      const running = await stage.start([HOST, 'tail -f /dev/null /etc/hostname']);
      await running.line(/\S/);
      const isGate = ({ kind, program }: Record<string, unknown>): boolean => kind === 'Started' && program === 'gate';
      const { pid } = await stage.run.jsonLine(isGate);
      process.kill(Number(pid), 'SIGKILL');
      expect((await running.ended).code).toBe(255);
      await stage.run.jsonLine((event) => isGate(event) && event['pid'] !== pid);
      // Until the new gate listens, connections are refused by the system.
      for (let tries = 0; !(await works()); tries += 1) expect(tries).toBeLessThan(600);
      expect(known()).toBe(before);
    },
    TIMEOUT_MS,
  );
});

/** Signed by a key that the issuer does not have. */
async function strangersToken(): Promise<string> {
  const [, body = ''] = (await stage.token()).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  return await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
}

/** A session whose token soon expires. On a machine so slow that the token has expired before it is looked at, with a longer one. */
async function startBriefly(): Promise<RunningProcess> {
  for (let expiresIn = 6; ; expiresIn *= 2) {
    const running = await stage.start([HOST, 'tail -f /dev/null /etc/hostname'], await stage.token({ expiresIn }));
    const isOpen = await running.line(/\S/).then(
      ([line]) => !line.includes('sidegate: denied'),
      () => false,
    );
    if (isOpen || expiresIn > 60) return running;
    await running.ended;
  }
}
