import { afterAll, beforeAll, expect } from '@jest/globals';
import { openRunStage, type RunStage } from '../run-stage.ts';
import { objectsOf } from '../sidegate-cli.ts';
import { accessFile, configurationFile } from '../stage-files.ts';
import { type Ended, runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { LOGIN, REDIS_SERVER, type RedisServer, startRedis } from './redis-server.ts';

const TIMEOUT_MS = 300_000;
const SLOTS = 16_384;
const NODES = 3;
const CLI = findProgram('redis-cli');
const real = testGiven(REDIS_SERVER === undefined ? undefined : CLI, 'redis-server or redis-cli is not installed');
/** By CRC16 modulo 16,384 one for each of three nodes, told by the cluster itself in the test. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Targets have names, so nodes must send clients to names. */
const BY_NAME = ['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname'];
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-incr, match: {redis: {commands: [INCR]}}, action: Deny, reason: No.}
`;

interface Node {
  readonly server: RedisServer;
  readonly id: string;
  readonly slots: readonly [first: number, last: number];
}

const started = new AsyncDisposableStack();
let nodes: readonly Node[];
let stage: RunStage;

beforeAll(async () => {
  if (REDIS_SERVER === undefined || CLI === undefined) return;
  nodes = await startCluster();
  // The last node is no Target.
  const targets = nodes.slice(0, -1).map(({ server }, index) => targetFile(`node-${index}`, server));
  stage = await openRunStage(started, {
    identity: 'Token',
    files: ({ url, audience }) => ({
      'access.yaml': accessFile('Token', 'node-0').replace(
        '- {namespace: data, name: node-0}',
        targets.map((_, index) => `- {namespace: data, name: node-${index}}`).join('\n    '),
      ),
      'configuration.yaml': configurationFile({ url, audience, identity: 'Token' }),
      'policy.yaml': POLICY,
      'targets.yaml': targets.join('---\n'),
    }),
  });
}, TIMEOUT_MS);
afterAll(() => started.disposeAsync(), TIMEOUT_MS);

/** Three nodes that know each other, each with a third of the slots. */
async function startCluster(): Promise<readonly Node[]> {
  const made: Node[] = [];
  for (let index = 0; index < NODES; index += 1) {
    const settings = ['--cluster-enabled', 'yes', ...BY_NAME];
    const server = started.use(await startRedis({ settings }));
    const id = /\$40\r\n(\w{40})/.exec(await server.command(['CLUSTER', 'MYID']))?.[1] ?? '';
    const slots = [Math.ceil((index * SLOTS) / NODES), Math.ceil(((index + 1) * SLOTS) / NODES) - 1] as const;
    await server.command(['CLUSTER', 'ADDSLOTSRANGE', String(slots[0]), String(slots[1])]);
    made.push({ server, id, slots });
  }
  const [first] = made;
  for (const { server } of made.slice(1)) {
    await first?.server.command(['CLUSTER', 'MEET', '127.0.0.1', String(server.port)]);
  }
  for (const { server } of made) {
    const isUp = async () => (await server.command(['CLUSTER', 'INFO'])).includes('cluster_state:ok') || undefined;
    await untilFound('the cluster does not come up', isUp);
  }
  return made;
}

function targetFile(name: string, { port, password }: RedisServer): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: ${name}, namespace: data}
spec:
  protocol: Redis
  host: localhost
  port: ${port}
  tls: {mode: Disable}
  credential: {secretRef: {name: ${name}-login}}
  allowedNamespaces: {from: All}
  defaultAction: Allow
---
apiVersion: v1
kind: Secret
metadata: {name: ${name}-login, namespace: data}
type: sidegate.dev/credential
stringData: {username: ${LOGIN}, password: ${password}, hosts: localhost}
`;
}

/** The door of a node. */
function doorOf(index: number): number {
  const ready = objectsOf(stage.run.stdout()).find(({ kind }) => kind === 'Ready');
  const doors = ready?.['listeners'] as readonly {
    readonly port: number;
    readonly target: { readonly name: string };
  }[];
  return doors.find(({ target }) => target.name === `node-${index}`)?.port ?? 0;
}

/** redis-cli in cluster mode through the first node's door: it follows where it is sent, with its token. */
async function cli(...words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(['-c'], ...words);
  return `${stdout}${stderr}`.trim();
}

async function run(flags: readonly string[], ...words: readonly string[]): Promise<Ended> {
  const where = ['-h', '127.0.0.1', '-p', String(doorOf(0)), '--user', 'agent', '-a', await stage.token()];
  return await runProcess(CLI ?? '', [...flags, ...where, '--no-auth-warning', ...words]);
}

/** The node that has the key. */
async function placeOf(key: string): Promise<number> {
  const answer = await nodes[0]?.server.command(['CLUSTER', 'KEYSLOT', key]);
  const slot = Number(/:(\d+)/.exec(answer ?? '')?.[1]);
  return nodes.findIndex(({ slots: [first, last] }) => slot >= first && slot <= last);
}

async function keyAt(place: number): Promise<string> {
  for (const key of KEYS) if ((await placeOf(key)) === place) return key;
  throw new Error(`no key of ${KEYS.join(' ')} is at node ${place}`);
}

real(
  'a client of a cluster is sent on to the gate, never to a node, and is judged and recorded there',
  async () => {
    for (const place of [0, 1]) {
      const key = await keyAt(place);
      expect(await cli('SET', key, `at ${place}`)).toBe('OK');
      expect(await cli('GET', key)).toBe(`at ${place}`);
      expect(await cli('INCR', key)).toContain('NOPERM data/guard/no-incr: No.');
      // It is where the cluster wants it.
      expect(await nodes[place]?.server.command(['GET', key])).toContain(`at ${place}`);
    }
    const moved = await run([], 'GET', await keyAt(1));
    expect(moved.stdout).toMatch(new RegExp(`^MOVED \\d+ 127\\.0\\.0\\.1:${doorOf(1)}\\s*$`));
  },
  TIMEOUT_MS,
);

real(
  'a node that is no Target of the agent is refused by name',
  async () => {
    expect(await cli('GET', await keyAt(2))).toMatch(
      /NOPERM redirect: slot \d+ is at .*, which is no Target of this agent/,
    );
  },
  TIMEOUT_MS,
);

real(
  'ASK while a slot moves points at the gate too, and ASKING goes through',
  async () => {
    const key = await keyAt(0);
    const slot = /:(\d+)/.exec((await nodes[0]?.server.command(['CLUSTER', 'KEYSLOT', key])) ?? '')?.[1] ?? '';
    await nodes[0]?.server.command(['DEL', key]);
    await nodes[1]?.server.command(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', nodes[0]?.id ?? '']);
    await nodes[0]?.server.command(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', nodes[1]?.id ?? '']);
    expect(await cli('SET', key, 'on its way')).toBe('OK');
    expect(await cli('GET', key)).toBe('on its way');
    expect(await nodes[1]?.server.command(['ASKING'], ['GET', key])).toContain('on its way');
  },
  TIMEOUT_MS,
);
