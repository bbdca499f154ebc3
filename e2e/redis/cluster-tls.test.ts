import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { type ClusterStage, openClusterStage } from './cluster-stage.ts';
import { converse, REDIS_SERVER } from './redis-server.ts';

const TIMEOUT_MS = 300_000;
const HOST = '127.0.0.1';
const NODES = [0, 1, 2];
const ELSEWHERE = 'elsewhere.example';
const HINT = 'Look whether the target is up and the Target resource names the right host, port and authorities.';
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

const started = new AsyncDisposableStack();
let stage: ClusterStage;

beforeAll(async () => {
  if (REDIS_SERVER !== undefined) stage = await openClusterStage(started, { policy: '', withoutDoor: [], tls: true });
}, TIMEOUT_MS);
afterAll(() => started.disposeAsync(), TIMEOUT_MS);

/** What clients know the doors by. */
const agentAuthority = (): Buffer => readFileSync(join(stage.state, 'trust', 'ca.pem'));

/** Keys and values, and where the client says that the nodes are: the gate's doors. */
const expected = (keys: readonly string[]): unknown => ({
  values: keys.map((key) => `at ${key}`),
  ports: NODES.map((node) => String(stage.doorOf(node))).toSorted(),
});

real(
  'ioredis Cluster speaks TLS with the doors too, and verifies them',
  async () => {
    const keys = await Promise.all(NODES.map((node) => stage.keyAt(node)));
    const client = new Cluster([{ host: HOST, port: stage.doorOf(0) }], {
      redisOptions: {
        username: 'agent',
        password: await stage.token(),
        tls: { ca: agentAuthority() },
      },
    });
    client.on('error', () => undefined);
    for (const key of keys) await client.set(key, `at ${key}`);
    const values = await Promise.all(keys.map((key) => client.get(key)));
    const ports = client.nodes('all').map(({ options }) => String(options.port));
    await client.quit();
    expect({ values, ports: ports.toSorted() }).toEqual(expected(keys));
  },
  TIMEOUT_MS,
);

real(
  'node-redis createCluster speaks TLS with the doors too, and verifies them',
  async () => {
    const keys = await Promise.all(NODES.map((node) => stage.keyAt(node)));
    const client = createCluster({
      rootNodes: [{ socket: { host: HOST, port: stage.doorOf(0) } }],
      defaults: {
        username: 'agent',
        password: await stage.token(),
        socket: { tls: true, ca: agentAuthority() },
      },
    });
    client.on('error', () => undefined);
    await client.connect();
    for (const key of keys) await client.set(key, `at ${key}`);
    const values = await Promise.all(keys.map((key) => client.get(key)));
    const ports = client.masters.map(({ address }) => String(address.split(':').at(-1)));
    await client.close();
    expect({ values, ports: ports.toSorted() }).toEqual(expected(keys));
  },
  TIMEOUT_MS,
);

real.each([
  {
    what: 'of another authority',
    names: ['localhost', HOST],
    isForeign: true,
    why: 'unable to verify the first certificate',
  },
  {
    what: 'for another host name',
    names: [ELSEWHERE],
    isForeign: false,
    why: `Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames: DNS:${ELSEWHERE}`,
  },
])(
  'a node that shows a certificate $what is refused at its door, and the record says why',
  async ({ names, isForeign, why }) => {
    using folder = temporaryFolder('impostor');
    const impostor = makeCertificates(folder.path, names, 30, isForeign ? undefined : stage.authority);
    const server = stage.nodes[1]?.server;
    const shows = async ({ certificateFile, keyFile }: Partial<Certificates> = {}): Promise<void> => {
      const files = ['tls-cert-file', certificateFile ?? '', 'tls-key-file', keyFile ?? ''];
      expect(await server?.command(['CONFIG', 'SET', ...files])).toBe('+OK\r\n');
    };
    const [token, key, before] = [await stage.token(), await stage.keyAt(1), (await stage.cli('sessions')).length];
    const words = [
      ['AUTH', token],
      ['GET', key],
      ['GET', key],
    ];
    const ask = (node: number): Promise<string> => converse(stage.doorOf(node), words);
    await server?.command(['SET', key, 'kept']);
    const sent = `-MOVED ${await stage.slotOf(key)} ${HOST}:${stage.doorOf(1)}\r\n`;
    const reason = `localhost:${server?.port} does not prove who it is: ${why}.`;

    // What was connected goes on: a certificate is shown once.
    await shows(impostor);
    expect(await ask(0)).toBe(`+OK\r\n${sent}${sent}`);
    expect(await ask(1)).toBe(`-ERR The connection is ended. target: ${reason} ${HINT}\r\n`);
    await shows(server?.certificates);
    expect(await ask(1)).toBe('+OK\r\n$4\r\nkept\r\n$4\r\nkept\r\n');
    const sessions = (await stage.ended(before + 3)).slice(0, 3).map((session) => ({
      address: session['targetAddress'],
      closed: [session['closeCode'], session['closeReason']],
      commands: session['commands'],
    }));
    const addresses = stage.nodes.map((node) => `localhost:${node.server.port}`);
    expect(sessions).toEqual([
      { address: addresses[1], closed: ['AgentLeft', 'The agent quit.'], commands: 2 },
      { address: addresses[1], closed: ['TargetLeft', reason], commands: 0 },
      { address: addresses[0], closed: ['AgentLeft', 'The agent quit.'], commands: 2 },
    ]);
  },
  TIMEOUT_MS,
);
