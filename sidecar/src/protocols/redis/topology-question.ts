import { optionAt } from './keys.ts';
import type { TopologyForm } from './topology.ts';

type Args = readonly Uint8Array[];

/** How nodes are asked for: CLUSTER of a node, SENTINEL of a Sentinel. `words`: how many the question has as clients ask it. */
const QUESTIONS: Readonly<Record<string, { readonly form: TopologyForm; readonly words: number }>> = {
  'CLUSTER SLOTS': { form: 'Slots', words: 2 },
  'CLUSTER SHARDS': { form: 'Shards', words: 2 },
  'CLUSTER NODES': { form: 'Nodes', words: 2 },
  'SENTINEL GET-MASTER-ADDR-BY-NAME': { form: 'MasterAddress', words: 3 },
  'SENTINEL MASTERS': { form: 'Instances', words: 2 },
  'SENTINEL MASTER': { form: 'Instance', words: 3 },
  'SENTINEL REPLICAS': { form: 'Instances', words: 3 },
  'SENTINEL SLAVES': { form: 'Instances', words: 3 },
  'SENTINEL SENTINELS': { form: 'Instances', words: 3 },
};

/** The form in which a command asks for nodes, also of a server that lists CLUSTER as one command; undefined for any other. */
export function topologyForm(args: Args): TopologyForm | undefined {
  return questionIn(args)?.form;
}

/** True for a command that asks for nodes as clients do. What it would ask for with more words is not known. */
export function isTopologyQuestion(args: Args): boolean {
  return questionIn(args)?.words === args.length;
}

function questionIn(args: Args): (typeof QUESTIONS)[string] | undefined {
  return QUESTIONS[`${optionAt(args, 0)} ${optionAt(args, 1)}`];
}
