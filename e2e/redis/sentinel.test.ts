import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import { createSentinel } from 'redis';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { failed } from './failed.ts';
import { GO, LANGUAGE_TIMEOUT_MS, PYTHON, seenInGo, seenInPython } from './language-clients.ts';
import { NODES_SPEAK } from './nodes-stage.ts';
import { REDIS_SERVER } from './redis-server.ts';
import { MASTER_NAME, openSentinelStage, type SentinelStage } from './sentinel-stage.ts';

const TIMEOUT_MS = LANGUAGE_TIMEOUT_MS;
const HOST = '127.0.0.1';
const CLI = findProgram('redis-cli');
const [MASTER, REPLICA, SENTINEL] = [0, 1, 2] as const;
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-incr, match: {redis: {commands: [INCR, INCRBY]}}, action: Deny, reason: No.}
  masks:
    - {name: cards, detect: [CreditCard], with: {type: Redact}}
`;
const REFUSED = 'NOPERM data/guard/no-incr: No.';
const CARD = 'card 4111111111111111';
const MASKED = 'card [masked]';
/** What every client must have seen. */
const SEEN = { written: MASKED, read: MASKED, refused: REFUSED, after: MASKED };

const real = testGiven(REDIS_SERVER === undefined ? undefined : CLI, 'redis-server or redis-cli is not installed');

interface Login {
  readonly username: string;
  readonly password: string;
}

describe.each(NODES_SPEAK)('servers $nodes', ({ tls }) => {
  const started = new AsyncDisposableStack();
  let stage: SentinelStage;

  beforeAll(async () => {
    if (REDIS_SERVER === undefined || CLI === undefined) return;
    stage = await openSentinelStage(started, { policy: POLICY, tls });
  }, TIMEOUT_MS);
  afterAll(() => started.disposeAsync(), TIMEOUT_MS);

  async function ask(version: '-2' | '-3', ...words: readonly string[]): Promise<string> {
    const where = ['-h', HOST, '-p', String(stage.doorOf(SENTINEL)), '--user', 'agent', '-a', await stage.token()];
    const flags = version === '-3' ? ['-3'] : [];
    const { stdout } = await runProcess(CLI ?? '', [...flags, ...where, '--no-auth-warning', 'SENTINEL', ...words]);
    return stdout.trim();
  }

  real.each(['-2', '-3'] as const)(
    'a Sentinel names the gate where it would name a server, in the version of redis-cli %s',
    async (version) => {
      expect(await ask(version, 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)).toBe(`${HOST}\n${stage.doorOf(MASTER)}`);
      expect(await ask(version, 'GET-MASTER-ADDR-BY-NAME', 'unknown')).toBe('');
      const said = await Promise.all(
        [['MASTERS'], ['MASTER', MASTER_NAME], ['REPLICAS', MASTER_NAME]].map((words) => ask(version, ...words)),
      );
      for (const text of said) {
        expect(text).toContain(HOST);
        expect(text).toContain(String(stage.doorOf(MASTER)));
        expect(text).toMatch(/flags\s+(?:master|slave)\b/);
      }
      // The other Sentinel has no door.
      expect(await ask(version, 'SENTINELS', MASTER_NAME)).toBe('');
      for (const { port, plainPort } of stage.servers)
        for (const number of [port, plainPort]) expect(said.join('\n')).not.toMatch(new RegExp(`\\b${number}\\b`));
      expect(said.join('\n')).not.toContain('localhost');
      expect(await ask(version, 'SET', MASTER_NAME, 'quorum', '2')).toContain('NOPERM');
      expect(await ask(version, 'CKQUORUM', MASTER_NAME)).toContain('OK 2 usable Sentinels');
    },
    TIMEOUT_MS,
  );

  async function login(): Promise<Login> {
    return { username: 'agent', password: await stage.token() };
  }

  function openIoredis(
    { username, password }: Login,
    more: { readonly protocol?: 2 | 3; readonly role?: 'slave' } = {},
  ): Redis {
    const client = new Redis({
      username,
      password,
      sentinels: [{ host: HOST, port: stage.doorOf(SENTINEL) }],
      sentinelUsername: username,
      sentinelPassword: password,
      name: MASTER_NAME,
      ...more,
    });
    client.on('error', () => undefined);
    started.defer(() => client.disconnect());
    return client;
  }

  function openNodeRedis(nodeClientOptions: Login, RESP: 2 | 3 = 2) {
    const client = createSentinel({
      name: MASTER_NAME,
      sentinelRootNodes: [{ host: HOST, port: stage.doorOf(SENTINEL) }],
      nodeClientOptions,
      sentinelClientOptions: nodeClientOptions,
      RESP,
    });
    client.on('error', () => undefined);
    started.defer(async () => {
      if (client.isOpen) await client.close();
    });
    return client;
  }

  real.each([2, 3] as const)(
    'ioredis in RESP%d',
    async (protocol) => {
      const master = openIoredis(await login(), { protocol });
      const replica = openIoredis(await login(), { protocol, role: 'slave' });
      await master.set('by-ioredis', CARD);
      await master.wait(1, 0);
      const written = await master.get('by-ioredis');
      const read = await replica.get('by-ioredis');
      const refused = await failed(master.incr('by-ioredis'));
      const after = await master.get('by-ioredis');
      expect({ written, read, refused, after }).toEqual(SEEN);
    },
    TIMEOUT_MS,
  );

  real.each([2, 3] as const)(
    'node-redis createSentinel in RESP%d',
    async (version) => {
      const client = openNodeRedis(await login(), version);
      await client.connect();
      await client.set('by-node', CARD);
      const written = await client.get('by-node');
      const refused = await failed(client.incr('by-node'));
      const after = await client.get('by-node');
      await client.close();
      expect({ written, read: MASKED, refused, after }).toEqual(SEEN);
    },
    TIMEOUT_MS,
  );

  async function environment(): Promise<Readonly<Record<string, string>>> {
    const address = `${HOST}:${stage.doorOf(SENTINEL)}`;
    return { REDIS_ADDRESS: address, REDIS_TOKEN: await stage.token(), REDIS_MASTER: MASTER_NAME };
  }

  testGiven(REDIS_SERVER !== undefined && PYTHON !== undefined, 'no Python with pip, or no redis-server, is installed')(
    'redis-py in RESP2 and RESP3',
    async () => {
      const seen = await seenInPython('redis_sentinel.py', await environment());
      const one = { ...SEEN, master: [HOST, stage.doorOf(MASTER)], replicas: [[HOST, stage.doorOf(REPLICA)]] };
      expect(seen).toEqual({ 2: one, 3: one });
    },
    TIMEOUT_MS,
  );

  testGiven(REDIS_SERVER !== undefined && GO !== undefined, 'no Go 1.26, or no redis-server, is installed')(
    'go-redis',
    async () => {
      expect(await seenInGo(await environment())).toEqual(SEEN);
    },
    TIMEOUT_MS,
  );

  real(
    'after a failover clients that stayed go on at the new master, through the gate',
    async () => {
      const { servers } = stage;
      const ioredis = openIoredis(await login());
      const nodeRedis = openNodeRedis(await login());
      await nodeRedis.connect();
      const writes = [(key: string) => ioredis.set(key, 'it'), (key: string) => nodeRedis.set(key, 'it')];
      for (const write of writes) await write('before');
      expect(await servers[SENTINEL].command(['SENTINEL', 'FAILOVER', MASTER_NAME])).toBe('+OK\r\n');
      // Until then it takes writes, which are lost.
      await untilFound('the master does not become a replica', async () =>
        (await servers[MASTER].command(['ROLE'])).includes('slave') ? true : undefined,
      );
      for (const [at, write] of writes.entries()) {
        await untilFound(`client ${at} does not follow`, async () =>
          (await failed(write(`after-${at}`))) === 'nothing failed' ? true : undefined,
        );
        expect(await servers[REPLICA].command(['GET', `after-${at}`])).toBe('$2\r\nit\r\n');
      }
      expect(await ask('-2', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)).toBe(`${HOST}\n${stage.doorOf(REPLICA)}`);
    },
    TIMEOUT_MS,
  );

  real(
    'nobody reached a server but the gate, the Sentinels and the servers themselves',
    async () => {
      for (const server of stage.servers) {
        const said = await server.command(['ACL', 'LOG'], ['INFO', 'errorstats']);
        expect(said).toMatch(/^\*0\r\n/);
        expect(said).not.toMatch(/WRONGPASS/);
      }
    },
    TIMEOUT_MS,
  );
});
