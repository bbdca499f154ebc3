import { connect } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { until } from '../faults/account.ts';
import { testGiven } from '../support/test-given.ts';
import { connectSsh, openExec } from './ssh-client.ts';
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
    const { client } = await connectSsh(stage, socket);
    const isOver = new Promise<void>((resolve) => void client.once('close', () => resolve()));
    const channel = await openExec(client, 'echo up; exec cat');
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
