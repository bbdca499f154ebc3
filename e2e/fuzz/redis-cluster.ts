import { bulk, integer, list, type Reply } from './redis-reply.ts';

/** The nodes that the model says there are: a master and its replica, and another master. */
export const NODES = ['one.internal', 'two.internal', 'three.internal'] as const;
const [FIRST, REPLICA, SECOND] = NODES.map((host, at) => ({ host, port: 6379 + at, id: `${at + 1}`.repeat(40) })) as [
  Node,
  Node,
  Node,
];

interface Node {
  readonly host: string;
  readonly port: number;
  readonly id: string;
}

/** What CLUSTER SLOTS, SHARDS and NODES answer, in a form that names a node by its endpoint alone. */
export function clusterReply(name: string): Reply {
  switch (name) {
    case 'CLUSTER|SLOTS':
      return list([
        list([integer(0), integer(8_191), slotsNode(FIRST), slotsNode(REPLICA)]),
        list([integer(8_192), integer(16_383), slotsNode(SECOND)]),
      ]);
    case 'CLUSTER|SHARDS':
      return list([
        shard([0, 8_191], shardNode(FIRST, 'master'), shardNode(REPLICA, 'replica')),
        shard([8_192, 16_383], shardNode(SECOND, 'master')),
      ]);
    default: {
      const lines = [
        line(FIRST, 'myself,master -', ' 0-8191'),
        line(REPLICA, `slave ${FIRST.id}`, ''),
        line(SECOND, 'master -', ' 8192-16383'),
      ];
      return { kind: 'Verbatim', text: lines.join('') };
    }
  }
}

const map = (members: Readonly<Record<string, Reply>>): Reply => ({
  kind: 'Map',
  items: Object.entries(members).flatMap(([name, value]) => [bulk(name), value]),
});

function slotsNode({ host, port, id }: Node): Reply {
  return list([bulk(host), integer(port), bulk(id), map({})]);
}

function shard(slots: readonly number[], ...nodes: readonly Reply[]): Reply {
  return map({ slots: list(slots.map(integer)), nodes: list(nodes) });
}

function shardNode({ host, port, id }: Node, role: string): Reply {
  return map({
    id: bulk(id),
    port: integer(port),
    ip: bulk(host),
    endpoint: bulk(host),
    role: bulk(role),
    'replication-offset': integer(0),
    health: bulk('online'),
  });
}

function line({ host, port, id }: Node, role: string, slots: string): string {
  return `${id} ${host}:${port}@0 ${role} 0 0 1 connected${slots}\n`;
}
