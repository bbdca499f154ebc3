import { assertNever } from '@sidegate/crds';
import type { ReplyValue } from './reply-value.ts';
import { nodesOf, shardOf, slotsOf } from './topology-cluster.ts';
import { addressOf, instanceOf } from './topology-sentinel.ts';
import { listed, type Read, type TopologySight } from './topology-words.ts';
import type { WrittenReply } from './written-reply.ts';

/**
 * What nodes are asked for: CLUSTER SLOTS, SHARDS or NODES; of a Sentinel the address of a master, one of what it watches (SENTINEL MASTER), or all
 * of a kind (MASTERS, REPLICAS, SENTINELS).
 */
export type TopologyForm = 'Slots' | 'Shards' | 'Nodes' | 'MasterAddress' | 'Instance' | 'Instances';

/** The answer with doors in place of nodes; `NoDoor`: it names nodes, and the agent has a door to none; undefined: it is not understood. */
export function retellTopology(form: TopologyForm, answer: ReplyValue, sight: TopologySight): Read<WrittenReply> {
  switch (form) {
    case 'Slots':
      return cluster(answer, (item) => slotsOf(item, sight));
    case 'Shards':
      return cluster(answer, (item) => shardOf(item, sight));
    case 'Nodes':
      return answer.kind === 'Text' ? nodesOf(answer.text, sight) : undefined;
    case 'MasterAddress':
      return addressOf(answer, sight);
    case 'Instance':
      return instanceOf(answer, sight);
    case 'Instances':
      // A Sentinel may well know no others.
      return listed(answer, (item) => instanceOf(item, sight));
    default:
      return assertNever(form);
  }
}

/** A cluster without any node is a riddle to its clients. */
function cluster(answer: ReplyValue, read: (item: ReplyValue) => Read<WrittenReply>): Read<WrittenReply> {
  const told = listed(answer, read);
  const isBare = told?.items.length === 0 && answer.kind === 'List' && answer.items.length > 0;
  return isBare ? 'NoDoor' : told;
}
