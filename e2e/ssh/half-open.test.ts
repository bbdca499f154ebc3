import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import ssh2, { type ClientChannel } from 'ssh2';
import { until } from '../faults/account.ts';
import { DEADLINE_MS } from '../support/processes.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed');

let stage: SshStage;
beforeAll(async () => {
  if (SSH !== undefined && SSHD !== undefined) stage = await openSshStage();
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

real(
  'an agent that ends its direction of TCP while a program runs is gone: the session ends, and so does its connection at the server',
  async () => {
    const socket = connect({ port: stage.port, host: stage.host, allowHalfOpen: true });
    const known = readFileSync(join(stage.state, 'gate', 'ssh_known_hosts'), 'utf8');
    const password = await stage.token();
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    const isOver = new Promise<void>((resolve) => void client.once('close', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      const hostVerifier = (key: Buffer): boolean => known.includes(key.toString('base64'));
      client.connect({ sock: socket, username: 'agent', password, readyTimeout: DEADLINE_MS, hostVerifier });
    });
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.exec('echo up; exec cat', (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
    });
    await new Promise((resolve) => void channel.once('data', resolve));
    expect(stage.server.connections().length).toBeGreaterThan(0);
    socket.end();
    await isOver;
    const [session] = await stage.ended(1);
    expect(session).toMatchObject({ closeCode: 'AgentLeft' });
    const shown = await stage.cli('show', String(session?.['sessionId']));
    expect(shown.filter(({ kind }) => kind === 'Command')).toMatchObject([
      { text: 'echo up; exec cat', outcome: 'Lost' },
    ]);
    await until('the server still has a connection', async () => stage.server.connections().length === 0 || undefined);
  },
  TIMEOUT_MS,
);
