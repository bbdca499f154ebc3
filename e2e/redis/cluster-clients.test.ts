import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { type ClusterStage, openClusterStage } from './cluster-stage.ts';
import { failed } from './failed.ts';
import { GO, LANGUAGE_TIMEOUT_MS, PYTHON, seenInGo, seenInPython } from './language-clients.ts';
import { NODES_SPEAK } from './nodes-stage.ts';
import { REDIS_SERVER, type RedisServer } from './redis-server.ts';

const TIMEOUT_MS = LANGUAGE_TIMEOUT_MS;
const HOST = '127.0.0.1';
const MASTERS = [0, 1, 2];
/** Replicas of the first node: the one has a door, the other has none. */
const [REPLICA, HIDDEN] = [3, 4] as const;
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-incr, match: {redis: {commands: [INCR, INCRBY]}}, action: Deny, reason: No.}
  masks:
    - {name: whole, keys: ['session:*'], with: {type: Redact}}
    - {name: cards, detect: [CreditCard, Phone, Email, UsSsn, Iban], with: {type: Redact}}
`;
const REFUSED = 'NOPERM data/guard/no-incr: No.';

const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

/** Who holds a connection to a node and is not the gate, as the node lists them. */
async function strangersAt(server: RedisServer): Promise<readonly string[]> {
  const clients = (await server.command(['CLIENT', 'LIST'])).match(/^id=.*$/gm) ?? [];
  // A master is a client of its replicas, by no account.
  return clients.filter((line) => !/ user=(?:gate|\(superuser\)) /.test(line));
}

describe.each(NODES_SPEAK)('nodes $nodes', ({ tls }) => {
  const started = new AsyncDisposableStack();
  let stage: ClusterStage;
  /** One at each master. */
  let keys: readonly string[];

  beforeAll(async () => {
    if (REDIS_SERVER === undefined) return;
    stage = await openClusterStage(started, { policy: POLICY, replicas: 2, withoutDoor: [HIDDEN], tls });
    keys = await Promise.all(MASTERS.map((place) => stage.keyAt(place)));
    // Replicas knock before they say who they are.
    for (const { server } of stage.nodes) await server.command(['CONFIG', 'RESETSTAT']);
  }, TIMEOUT_MS);
  afterAll(() => started.disposeAsync(), TIMEOUT_MS);

  /** Who reached a node without the gate had no password of it, and the node counts and keeps that. */
  async function expectNoneReachedDirectly(): Promise<void> {
    for (const { server } of stage.nodes) {
      const said = await server.command(['ACL', 'LOG'], ['INFO', 'errorstats']);
      expect(said).toMatch(/^\*0\r\n/);
      expect(said).not.toMatch(/NOAUTH|WRONGPASS/);
      // A connection of the gate's is the default user's until it has logged in, also when its agent left meanwhile.
      const settled = async (): Promise<true | undefined> => (await strangersAt(server)).length === 0 || undefined;
      await untilFound('the node has clients other than the gate', settled).catch(() => undefined);
      expect(await strangersAt(server)).toEqual([]);
    }
  }

  /** What every client must have seen, and of the nodes as many as it cares for. */
  function expected(nodes: readonly number[] = [...MASTERS, REPLICA]): unknown {
    return {
      nodes: nodes.map((node) => `${HOST}:${stage.doorOf(node)}`).toSorted(),
      values: keys.map((key) => `at ${key}`),
      refused: keys.map(() => REFUSED),
      after: `at ${keys[0]}`,
    };
  }

  real.each([2, 3] as const)(
    'ioredis Cluster in RESP%d',
    async (protocol) => {
      const client = new Cluster([{ host: HOST, port: stage.doorOf(1) }], {
        redisOptions: { username: 'agent', password: await stage.token(), protocol },
      });
      client.on('error', () => undefined);
      for (const key of keys) await client.set(key, `at ${key}`);
      const values = await Promise.all(keys.map((key) => client.get(key)));
      const refused = await Promise.all(keys.map((key) => failed(client.incr(key))));
      const nodes = client
        .nodes('all')
        .map(({ options }) => `${options.host}:${options.port}`)
        .toSorted();
      const after = await client.get(keys[0] ?? '');
      await client.quit();
      expect({ nodes, values, refused, after }).toEqual(expected());
      await expectNoneReachedDirectly();
    },
    TIMEOUT_MS,
  );

  real(
    'ioredis Cluster reads at the replica that has a door, as the gate lets it',
    async () => {
      const [key = ''] = keys;
      await stage.nodes[0]?.server.command(['SET', key, 'card 4111111111111111'], ['WAIT', '2', '0']);
      const client = new Cluster([{ host: HOST, port: stage.doorOf(0) }], {
        redisOptions: { username: 'agent', password: await stage.token() },
        scaleReads: 'slave',
      });
      client.on('error', () => undefined);
      const value = await client.get(key);
      await client.quit();
      expect(value).toBe('card [masked]');
      const said = (await stage.nodes[REPLICA]?.server.command(['INFO', 'commandstats'])) ?? '';
      expect(said).toMatch(/cmdstat_get:calls=[1-9]/);
      await expectNoneReachedDirectly();
    },
    TIMEOUT_MS,
  );

  real.each([2, 3] as const)(
    'node-redis createCluster in RESP%d',
    async (version) => {
      const client = createCluster({
        rootNodes: [{ socket: { host: HOST, port: stage.doorOf(2) } }],
        defaults: { username: 'agent', password: await stage.token() },
        RESP: version,
      });
      client.on('error', () => undefined);
      await client.connect();
      for (const key of keys) await client.set(key, `at ${key}`);
      const values = await Promise.all(keys.map((key) => client.get(key)));
      const refused = await Promise.all(keys.map((key) => failed(client.incr(key))));
      const nodes = client.masters.map(({ address }) => address).toSorted();
      const after = await client.get(keys[0] ?? '');
      await client.close();
      expect({ nodes, values, refused, after }).toEqual(expected(MASTERS));
      await expectNoneReachedDirectly();
    },
    TIMEOUT_MS,
  );

  async function environment(): Promise<Readonly<Record<string, string>>> {
    const address = `${HOST}:${stage.doorOf(0)}`;
    return { REDIS_ADDRESS: address, REDIS_TOKEN: await stage.token(), REDIS_KEYS: keys.join(',') };
  }

  testGiven(REDIS_SERVER !== undefined && PYTHON !== undefined, 'no Python with pip, or no redis-server, is installed')(
    'RedisCluster of redis-py in RESP2 and RESP3',
    async () => {
      const seen = await seenInPython('redis_cluster.py', await environment());
      expect(seen).toEqual({ 2: expected(), 3: expected() });
      await expectNoneReachedDirectly();
    },
    TIMEOUT_MS,
  );

  testGiven(REDIS_SERVER !== undefined && GO !== undefined, 'no Go 1.26, or no redis-server, is installed')(
    'ClusterClient of go-redis',
    async () => {
      expect(await seenInGo(await environment())).toEqual(expected());
      await expectNoneReachedDirectly();
    },
    TIMEOUT_MS,
  );
});
