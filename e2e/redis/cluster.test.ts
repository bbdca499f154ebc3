import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { Cluster } from 'ioredis';
import { type Ended, runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { type ClusterStage, openClusterStage } from './cluster-stage.ts';
import { NODES_SPEAK } from './nodes-stage.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';

const TIMEOUT_MS = 300_000;
const CLI = findProgram('redis-cli');
const real = testGiven(REDIS_SERVER === undefined ? undefined : CLI, 'redis-server or redis-cli is not installed');
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-incr, match: {redis: {commands: [INCR]}}, action: Deny, reason: No.}
`;

describe.each(NODES_SPEAK)('nodes $nodes', ({ tls }) => {
  const started = new AsyncDisposableStack();
  let stage: ClusterStage;

  beforeAll(async () => {
    if (REDIS_SERVER === undefined || CLI === undefined) return;
    // The last node is no Target.
    stage = await openClusterStage(started, { policy: POLICY, withoutDoor: [2], tls });
  }, TIMEOUT_MS);
  afterAll(() => started.disposeAsync(), TIMEOUT_MS);

  /** redis-cli in cluster mode through the first node's door: it follows where it is sent, with its token. */
  async function cli(...words: readonly string[]): Promise<string> {
    const { stdout, stderr } = await run(['-c'], ...words);
    return `${stdout}${stderr}`.trim();
  }

  async function run(flags: readonly string[], ...words: readonly string[]): Promise<Ended> {
    const where = ['-h', '127.0.0.1', '-p', String(stage.doorOf(0)), '--user', 'agent', '-a', await stage.token()];
    return await runProcess(CLI ?? '', [...flags, ...where, '--no-auth-warning', ...words]);
  }

  real(
    'a client of a cluster is sent on to the gate, never to a node, and is judged and recorded there',
    async () => {
      for (const place of [0, 1]) {
        const key = await stage.keyAt(place);
        expect(await cli('SET', key, `at ${place}`)).toBe('OK');
        expect(await cli('GET', key)).toBe(`at ${place}`);
        expect(await cli('INCR', key)).toContain('NOPERM data/guard/no-incr: No.');
        // It is where the cluster wants it.
        expect(await stage.nodes[place]?.server.command(['GET', key])).toContain(`at ${place}`);
      }
      const moved = await run([], 'GET', await stage.keyAt(1));
      expect(moved.stdout).toMatch(new RegExp(`^MOVED \\d+ 127\\.0\\.0\\.1:${stage.doorOf(1)}\\s*$`));
    },
    TIMEOUT_MS,
  );

  real(
    'a node that is no Target of the agent is refused by name',
    async () => {
      expect(await cli('GET', await stage.keyAt(2))).toMatch(
        /NOPERM redirect: slot \d+ is at .*, which is no Target of this agent/,
      );
    },
    TIMEOUT_MS,
  );

  real(
    'ASK while a slot moves points at the gate too, and ASKING goes through',
    async () => {
      const key = await stage.keyAt(0);
      const slot = String(await stage.slotOf(key));
      const { nodes } = stage;
      await nodes[0]?.server.command(['DEL', key]);
      await nodes[1]?.server.command(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', nodes[0]?.id ?? '']);
      await nodes[0]?.server.command(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', nodes[1]?.id ?? '']);
      expect(await cli('SET', key, 'on its way')).toBe('OK');
      expect(await cli('GET', key)).toBe('on its way');
      expect(await nodes[1]?.server.command(['ASKING'], ['GET', key])).toContain('on its way');
    },
    TIMEOUT_MS,
  );

  real.each(['-2', '-3'])(
    'no answer about the nodes shows one of them, in the version of redis-cli %s',
    async (version) => {
      const key = await stage.keyAt(0);
      const { nodes } = stage;
      // A slot on its way stands in CLUSTER NODES too.
      await nodes[0]?.server.command([
        'CLUSTER',
        'SETSLOT',
        String(await stage.slotOf(key)),
        'MIGRATING',
        nodes[1]?.id ?? '',
      ]);
      const flags = version === '-3' ? ['-3'] : [];
      const said = async (word: string): Promise<string> => (await run([...flags, '--no-raw'], 'CLUSTER', word)).stdout;
      const doors = [stage.doorOf(0), stage.doorOf(1)];
      for (const word of ['SLOTS', 'SHARDS', 'NODES']) {
        const text = await said(word);
        for (const door of doors) expect(text).toContain(String(door));
        for (const { server, busPort, slots = [0, 0] } of nodes) {
          for (const port of [server.port, server.plainPort, busPort])
            expect(text).not.toMatch(new RegExp(`\\b${port}\\b`));
          expect(text.includes(String(slots[1]))).toBe(server !== nodes[2]?.server);
        }
        expect(text).not.toContain('localhost');
      }
      expect(await said('NODES')).toMatch(/\[\d+->-\w{40}\]/);
      // Whoever asks in another form than these may not.
      expect(await said('LINKS')).toContain('NOPERM');
    },
    TIMEOUT_MS,
  );

  real(
    'a client of clusters finds no door to slots of a node that is no Target, and goes nowhere else',
    async () => {
      const client = new Cluster([{ host: '127.0.0.1', port: stage.doorOf(1) }], {
        redisOptions: { username: 'agent', password: await stage.token() },
      });
      client.on('error', () => undefined);
      const key = await stage.keyAt(2);
      const failure = await client.get(key).catch(String);
      const ports = client.nodes('all').map(({ options }) => options.port);
      await client.quit();
      expect(failure).toMatch(/NOPERM redirect: slot \d+ is at .*, which is no Target of this agent/);
      expect(new Set(ports)).toEqual(new Set([stage.doorOf(0), stage.doorOf(1)]));
    },
    TIMEOUT_MS,
  );

  real(
    'a subscription that ends unasked, as its slot leaves the node, puts no answer to another command',
    async () => {
      const node = stage.nodes[0]?.server;
      const channel = await stage.keyAt(0);
      const slot = String(await stage.slotOf(channel));
      const socket = connect(stage.doorOf(0), '127.0.0.1');
      let text = '';
      socket.setEncoding('latin1').on('data', (piece) => {
        text += String(piece);
      });
      const over = new Promise((resolve) => socket.once('close', resolve));
      const ends = (wanted: string): Promise<true> =>
        untilFound(`no ${wanted} came`, () => Promise.resolve(text.endsWith(wanted) || undefined));
      socket.write(Buffer.concat([encode('AUTH', await stage.token()), encode('SSUBSCRIBE', channel)]));
      await ends(':1\r\n');
      await node?.command(['CLUSTER', 'DELSLOTS', slot]);
      await ends(':0\r\n');
      socket.write(Buffer.concat([encode('ECHO', 'one'), encode('ECHO', 'two')]));
      await ends('$3\r\none\r\n$3\r\ntwo\r\n');
      // Nor does one that the server refuses.
      socket.write(Buffer.concat([encode('SUNSUBSCRIBE', channel), encode('ECHO', 'three')]));
      await ends('\r\n-CLUSTERDOWN Hash slot not served\r\n$5\r\nthree\r\n');
      await node?.command(['CLUSTER', 'ADDSLOTS', slot]);
      socket.write(encode('QUIT'));
      await over;
      expect(text.split('sunsubscribe')).toHaveLength(2);
    },
    TIMEOUT_MS,
  );
});
