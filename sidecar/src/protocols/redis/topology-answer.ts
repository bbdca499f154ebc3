import { readInteger, TYPE, writeError } from './codec.ts';
import type { ReplyReader } from './reply-reader.ts';
import { ReplyBuilder, type ReplyValue } from './reply-value.ts';
import { retellTopology, type TopologyForm } from './topology.ts';
import type { TopologySight } from './topology-words.ts';
import { writeReply } from './written-reply.ts';

/** Targets have host names, and servers announce addresses unless they are told to. */
const BY_CLUSTER =
  'nodes must announce host names (cluster-announce-hostname, cluster-preferred-endpoint-type hostname).';
const BY_SENTINEL =
  'Sentinel must announce host names (sentinel resolve-hostnames yes, sentinel announce-hostnames yes).';
const NAMING: Readonly<Record<TopologyForm, string>> = {
  Slots: BY_CLUSTER,
  Shards: BY_CLUSTER,
  Nodes: BY_CLUSTER,
  MasterAddress: BY_SENTINEL,
  Instance: BY_SENTINEL,
  Instances: BY_SENTINEL,
};

/** What is kept of one answer before it is written anew: what a cluster of some thousands of nodes says. */
export const TOPOLOGY_BYTES_MAX = 1024 * 1024;

/** What the agent gets. */
export interface Retold {
  readonly bytes: Uint8Array;
  /** Empty unless it is an error. */
  readonly error: string;
  readonly elements: number | undefined;
}

/** An answer about nodes: read whole, and none of it goes to the agent as it is. */
export class TopologyAnswer {
  /** Bytes as the server sent them. */
  bytes = 0;
  readonly #reader: ReplyReader;
  readonly #form: TopologyForm;
  /** Which element of the answer to EXEC it is; undefined: the whole reply. */
  readonly #element: number | undefined;
  #builder: ReplyBuilder | undefined;
  #value: ReplyValue | undefined;
  #complaint = 'is not understood';

  constructor(reader: ReplyReader, form: TopologyForm, element: number | undefined) {
    this.#reader = reader;
    this.#form = form;
    this.#element = element;
    this.#builder = new ReplyBuilder(reader);
  }

  /** All of it has come. */
  get isOver(): boolean {
    const { isOver, frames } = this.#reader;
    const [outer] = frames;
    return isOver || (this.#element !== undefined && frames.length === 1 && outer?.index !== this.#element);
  }

  open(): void {
    this.take();
    if (this.#reader.type === TYPE.attribute) this.#builder = undefined;
    this.#builder?.open();
  }

  leaf(): void {
    this.take();
    this.#value = this.#builder?.leaf();
  }

  /** A long text: waited for, or let go by. */
  big(): void {
    const { buffer, bodyStart, bodyEnd } = this.#reader;
    const length = readInteger(buffer, bodyStart, bodyEnd) ?? Number.POSITIVE_INFINITY;
    if (this.#builder !== undefined && this.bytes + length <= TOPOLOGY_BYTES_MAX) return this.#reader.whole();
    this.#tooLarge();
    this.take();
    this.#reader.stream();
  }

  /** Counts the token that the reader gave. */
  take(): void {
    const { start, end } = this.#reader;
    this.bytes += end - start;
    if (this.bytes > TOPOLOGY_BYTES_MAX) this.#tooLarge();
  }

  #tooLarge(): void {
    if (this.#builder === undefined) return;
    this.#builder = undefined;
    this.#complaint = `is larger than ${TOPOLOGY_BYTES_MAX} bytes`;
  }

  retell(sight: TopologySight, version: 2 | 3): Retold {
    const told = this.#value === undefined ? undefined : retellTopology(this.#form, this.#value, sight);
    if (told === undefined)
      return refused(`the server's answer ${this.#complaint}, so what it says of nodes is kept back.`);
    if (told === 'NoDoor') {
      return refused(`no node that it names is a Target of this agent: ${NAMING[this.#form]}`);
    }
    return {
      bytes: writeReply(told, version),
      error: '',
      elements: told.kind === 'List' ? told.items.length : undefined,
    };
  }
}

function refused(reason: string): Retold {
  const error = `NOPERM topology: ${reason}`;
  return { bytes: writeError(error), error, elements: undefined };
}
