import type { ReplyValue } from './reply-value.ts';
import { list, type WrittenReply } from './written-reply.ts';

interface Door {
  readonly host: string;
  readonly port: number;
}

/** Where nodes are for one agent. */
export interface TopologySight {
  /** The gate's door to the node of this name and port. */
  readonly doorTo: (name: string, port: number) => Door | undefined;
  /** The gate speaks TLS with the nodes. */
  readonly targetTls: boolean;
  /** The gate's doors take TLS too. */
  readonly agentTls: boolean;
}

/** Something that names a node; `NoDoor`: the agent has a door to none of it; undefined: it is not understood. */
export type Read<Item> = Item | 'NoDoor' | undefined;

const PORTS = 65_536;
/** What the words of nodes may be, so that nothing else comes with them. */
export const ID = /^[0-9a-f]{40}$/;
export const COUNT = /^\d{1,20}$/;

/** Those with a door; undefined when any is not understood. */
export function withDoors<From, To>(items: readonly From[], read: (item: From) => Read<To>): readonly To[] | undefined {
  const found: To[] = [];
  for (const item of items) {
    const one = read(item);
    if (one === undefined) return undefined;
    if (one !== 'NoDoor') found.push(one);
  }
  return found;
}

/** The list of those with a door. */
export function listed(
  answer: ReplyValue,
  read: (item: ReplyValue) => Read<WrittenReply>,
): Extract<WrittenReply, { kind: 'List' }> | undefined {
  const items = answer.kind === 'List' ? withDoors(answer.items, read) : undefined;
  return items === undefined ? undefined : list(items);
}

export function portOf(digits: string): number | undefined {
  return numberBelow(PORTS, digits);
}

export function numberBelow(limit: number, digits: string): number | undefined {
  return /^\d{1,5}$/.test(digits) && Number(digits) < limit ? Number(digits) : undefined;
}
