import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { untilFound } from '../support/until-found.ts';
import { type NodesStage, openNodesStage } from './nodes-stage.ts';
import { LOGIN, type RedisServer, startRedis } from './redis-server.ts';

const SLOTS = 16_384;
const MASTERS = 3;
/** By CRC16 modulo 16,384 one for each of three nodes, told by the cluster itself in the test. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Targets have names, so nodes must send clients to names. */
const BY_NAME = ['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname'];

export interface ClusterNode {
  readonly server: RedisServer;
  /** Where it hears other nodes. */
  readonly busPort: number;
  readonly id: string;
  /** Of a replica: none. */
  readonly slots: readonly [first: number, last: number] | undefined;
}

export interface ClusterStageOptions {
  readonly policy: string;
  /** Replicas of the first node, behind the masters; default 0. */
  readonly replicas?: number;
  /** Which of the nodes, in their order, are no Targets. */
  readonly withoutDoor: readonly number[];
  /** The nodes speak TLS, with the gate and with each other, and announce the ports of that; default: they do not. */
  readonly tls?: boolean;
}

/** A real cluster of three masters, and Sidegate with a door to each of its nodes that is a Target. */
export interface ClusterStage extends NodesStage {
  readonly nodes: readonly ClusterNode[];
  /** The folder of the authority whose certificate all nodes show: the one that their Targets name. */
  readonly authority: string;
  /** A key that the master at this place has. */
  keyAt(place: number): Promise<string>;
  slotOf(key: string): Promise<number>;
}

export async function openClusterStage(
  started: AsyncDisposableStack,
  { policy, replicas = 0, withoutDoor, tls = false }: ClusterStageOptions,
): Promise<ClusterStage> {
  const authority = started.use(temporaryFolder('authority')).path;
  const certificates = tls ? makeCertificates(authority) : undefined;
  const nodes = await startCluster(started, replicas, certificates);
  const stage = await openNodesStage(started, {
    servers: nodes.map(({ server }) => server),
    withoutDoor,
    policy,
    certificates,
  });
  const slotOf = async (key: string): Promise<number> => {
    const answer = await nodes[0]?.server.command(['CLUSTER', 'KEYSLOT', key]);
    return Number(/:(\d+)/.exec(answer ?? '')?.[1]);
  };
  return {
    ...stage,
    nodes,
    authority,
    slotOf,
    keyAt: async (place) => {
      const [first, last] = nodes[place]?.slots ?? [0, -1];
      for (const key of KEYS) {
        const slot = await slotOf(key);
        if (slot >= first && slot <= last) return key;
      }
      throw new Error(`no key of ${KEYS.join(' ')} is at node ${place}`);
    },
  };
}

/** Nodes that know each other: masters, each with a third of the slots, and replicas of the first. */
async function startCluster(
  started: AsyncDisposableStack,
  replicas: number,
  certificates: Certificates | undefined,
): Promise<readonly ClusterNode[]> {
  const secured =
    certificates === undefined
      ? []
      : ['--tls-cluster', 'yes', '--tls-replication', 'yes', '--tls-ca-cert-file', certificates.authorityFile];
  const made: ClusterNode[] = [];
  for (let index = 0; index < MASTERS + replicas; index += 1) {
    const busPort = await freePort();
    const settings = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), ...BY_NAME, ...secured];
    const server = started.use(await startRedis({ settings, tls: certificates ?? false }));
    const id = /\$40\r\n(\w{40})/.exec(await server.command(['CLUSTER', 'MYID']))?.[1] ?? '';
    const slots =
      index < MASTERS
        ? ([Math.ceil((index * SLOTS) / MASTERS), Math.ceil(((index + 1) * SLOTS) / MASTERS) - 1] as const)
        : undefined;
    if (slots !== undefined) {
      await server.command(['CLUSTER', 'ADDSLOTSRANGE', String(slots[0]), String(slots[1])]);
    }
    made.push({ server, busPort, id, slots });
  }
  const [first] = made;
  if (first === undefined) return made;
  for (const { server, busPort } of made.slice(1)) {
    await first.server.command(['CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(busPort)]);
  }
  for (const { server } of made) {
    await until(async () => (await server.command(['CLUSTER', 'INFO'])).includes('cluster_state:ok'));
  }
  for (const { server, slots } of made) {
    if (slots === undefined) await replicate(server, first);
  }
  // Whoever is asked knows all of them by name, and what they are.
  for (const { server } of made) {
    await until(async () => {
      const lines = (await server.command(['CLUSTER', 'NODES'])).match(/^\w{40} \S*,localhost .*$/gm) ?? [];
      const isReplica = (line: string): boolean => line.includes(`slave ${first.id} `);
      return lines.length === made.length && lines.filter(isReplica).length === replicas;
    });
  }
  return made;
}

async function replicate(server: RedisServer, master: ClusterNode): Promise<void> {
  await server.command(['CONFIG', 'SET', 'masteruser', LOGIN, 'masterauth', master.server.password]);
  await until(async () => (await server.command(['CLUSTER', 'REPLICATE', master.id])).includes('+OK'));
  await until(async () => (await server.command(['INFO', 'replication'])).includes('master_link_status:up'));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await untilFound('the cluster does not come up', async () => (await holds()) || undefined);
}
