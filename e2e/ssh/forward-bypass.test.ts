import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from 'ssh2';
import { parse } from 'yaml';
import { policyFile } from '../stage-files.ts';
import { testGiven } from '../support/test-given.ts';
import { connectSsh, knownIn, openClient } from './ssh-client.ts';
import { SSH, SSHD, type SshServer } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';
import { ECHO, startTcpServer, type TcpServer } from './tcp-server.ts';

const TIMEOUT_MS = 300_000;
const TRIES_MAX = 20;
const POLICIES = ['forward', 'everywhere'] as const;

interface Case {
  readonly id: string;
  readonly class: string;
  readonly policy: (typeof POLICIES)[number];
  readonly expect: 'Refuse' | 'Allow';
  /** Only in the eyes of some server that is not here. */
  readonly in?: 'none';
  /** A host and a port. */
  readonly to: string;
}

const CORPUS = join(import.meta.dirname, '../../sidecar/src/protocols/ssh/ssh.bypass.yaml');
const cases: readonly Case[] = parse(readFileSync(CORPUS, 'utf8')).filter((one: Case) => one.class === 'forward');
const evasions = cases.filter((one) => one.expect === 'Refuse');
const isThere = SSH !== undefined && SSHD !== undefined;

/** A server that listens on both loopback addresses. */
interface Place extends AsyncDisposable {
  readonly port: number;
  readonly count: number;
}

async function startPlace(): Promise<Place> {
  for (let tries = 0; ; tries += 1) {
    const four = await startTcpServer(ECHO);
    // Something else may have that port there.
    const six = await startTcpServer(ECHO, '::1', four.port).catch(() => undefined);
    if (six !== undefined) return placeOf(four, six);
    await four[Symbol.asyncDispose]();
    if (tries > TRIES_MAX) throw new Error('no port is free on both loopback addresses');
  }
}

function placeOf(four: TcpServer, six: TcpServer): Place {
  return {
    port: four.port,
    get count() {
      return four.count + six.count;
    },
    [Symbol.asyncDispose]: async () => {
      await four[Symbol.asyncDispose]();
      await six[Symbol.asyncDispose]();
    },
  };
}

/** What came back through a forward, or why there is none. */
function ask(client: Client, host: string, port: number): Promise<{ readonly said: string; readonly isOpen: boolean }> {
  return new Promise((resolve) => {
    client.forwardOut('127.0.0.1', 1, host, port, (error, channel) => {
      if (error !== undefined) return resolve({ said: error.message, isOpen: false });
      let said = '';
      channel.on('data', (bytes: Buffer) => {
        said += bytes.toString();
      });
      channel.once('close', () => resolve({ said, isOpen: true }));
      channel.end('hi');
    });
  });
}

/** A client at the server itself, with no gate between. */
function connectDirectly({ port, user, privateKey, hostKey }: SshServer): Promise<Client> {
  return openClient({ host: '127.0.0.1', port, username: user, privateKey, hostVerifier: knownIn(hostKey) });
}

test('the corpus has forwards enough', () => {
  expect(evasions.length).toBeGreaterThanOrEqual(30);
  expect(cases.length - evasions.length).toBeGreaterThanOrEqual(15);
});

describe('forwards of the corpus against a real server', () => {
  const started = new AsyncDisposableStack();
  let victim: Place;
  let permitted: Place;
  let stage: SshStage;
  let direct: Client;
  beforeAll(async () => {
    if (!isThere) return;
    victim = started.use(await startPlace());
    permitted = started.use(await startPlace());
    stage = started.use(await openSshStage());
    direct = await connectDirectly(stage.server);
    started.defer(() => void direct.end());
  }, TIMEOUT_MS);
  afterAll(async () => {
    await started.disposeAsync();
  }, TIMEOUT_MS);

  /** Where a case leads, with the ports of these servers. */
  function placeIn({ to }: Case): readonly [host: string, port: number] {
    const at = to.lastIndexOf(' ');
    const [name = '', more = '0'] = to.slice(at + 1).split('+');
    const port = name === 'V' ? victim.port : name === 'A' ? permitted.port : Number(name);
    return [to.slice(0, at), port + Number(more)];
  }

  function policyFor(name: Case['policy']): string {
    const rule = (action: string, port: number): string => {
      const words = ['127.0.0.1', '::1', 'localhost'].map((host) => `'direct-tcpip ${host} ${port}'`).join(', ');
      return `    - {name: r-${action.toLowerCase()}, match: {ssh: {channels: [forward], commands: [${words}]}}, action: ${action}, reason: It says so.}\n`;
    };
    const all = '    - {name: r-all, match: {ssh: {channels: [forward]}}, action: Allow}\n';
    return policyFile(
      `  rules:\n${name === 'forward' ? rule('Allow', permitted.port) : all + rule('Deny', victim.port)}`,
    );
  }

  for (const one of evasions) {
    const missing = one.in === 'none' ? 'it needs a server that is not here' : 'ssh or sshd is not installed';
    testGiven(one.in === 'none' ? undefined : isThere, missing)(
      `${one.id} reaches what nobody may reach where there is no gate`,
      async () => {
        const before = victim.count;
        expect(await ask(direct, ...placeIn(one))).toEqual({ said: 'hi', isOpen: true });
        expect(victim.count).toBe(before + 1);
      },
      TIMEOUT_MS,
    );
  }

  describe.each(POLICIES)('policy %s', (name) => {
    let client: Client;
    beforeAll(async () => {
      if (!isThere) return;
      await stage.policy(policyFor(name));
      ({ client } = await connectSsh(stage));
    }, TIMEOUT_MS);
    afterAll(() => void client?.end());

    testGiven(isThere, 'ssh or sshd is not installed').each(cases.filter(({ policy }) => policy === name))(
      '$id',
      async (one) => {
        const before = [victim.count, permitted.count];
        const { said, isOpen } = await ask(client, ...placeIn(one));
        if (one.expect === 'Allow') {
          expect([said, isOpen]).toEqual(['hi', true]);
          expect([victim.count, permitted.count]).toEqual([before[0], (before[1] ?? 0) + 1]);
        } else {
          expect([isOpen, said]).toEqual([false, expect.stringContaining('sidegate: denied: ')]);
          expect([victim.count, permitted.count]).toEqual(before);
        }
      },
      TIMEOUT_MS,
    );
  });
});
