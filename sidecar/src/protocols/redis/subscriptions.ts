import { asLatin1 } from './codec.ts';

type ChannelKind = 'channel' | 'pattern' | 'shard';

interface Subscribing {
  readonly kind: ChannelKind;
  /** False: it ends subscriptions. */
  readonly adds: boolean;
}

/** The commands that change what a connection is subscribed to. */
const COMMANDS = new Map<string, Subscribing>([
  ['SUBSCRIBE', { kind: 'channel', adds: true }],
  ['UNSUBSCRIBE', { kind: 'channel', adds: false }],
  ['PSUBSCRIBE', { kind: 'pattern', adds: true }],
  ['PUNSUBSCRIBE', { kind: 'pattern', adds: false }],
  ['SSUBSCRIBE', { kind: 'shard', adds: true }],
  ['SUNSUBSCRIBE', { kind: 'shard', adds: false }],
]);

/** What one subscription takes of memory besides its name, in bytes. */
const ENTRY_BYTES = 128;

/** Each is confirmed by its own name in small letters. */
const CONFIRMATIONS = new Map([...COMMANDS].map(([name, subscribing]) => [name.toLowerCase(), subscribing]));

/** What the command of this upper-case name does to subscriptions; undefined: nothing. */
export function subscribingOf(name: string): Subscribing | undefined {
  return COMMANDS.get(name);
}

/** What the server says when a subscription begins or ends: on a command, or unasked when a shard's slot leaves it. */
export function isConfirmation(event: string): boolean {
  return CONFIRMATIONS.has(event);
}

/**
 * What the server has confirmed that a connection is subscribed to. In RESP2 nothing else tells a message from an answer, so channels are told apart by
 * their bytes: two that only look alike as text are two.
 */
export class Subscriptions {
  readonly #names: Readonly<Record<ChannelKind, Set<string>>> = {
    channel: new Set(),
    pattern: new Set(),
    shard: new Set(),
  };
  /** What they take of memory, in bytes. */
  keptBytes = 0;

  get isAny(): boolean {
    const { channel, pattern, shard } = this.#names;
    return channel.size + pattern.size + shard.size > 0;
  }

  /** Takes a confirmation. */
  note(event: string, channel: Uint8Array): void {
    const confirmed = CONFIRMATIONS.get(event);
    if (confirmed === undefined) return;
    const names = this.#names[confirmed.kind];
    const name = asLatin1(channel);
    const before = names.size;
    if (confirmed.adds) names.add(name);
    else names.delete(name);
    this.keptBytes += (names.size - before) * (ENTRY_BYTES + name.length);
  }

  /** Nothing is left of the kind that the confirmation is about. */
  isEmptyOf(event: string): boolean {
    const confirmed = CONFIRMATIONS.get(event);
    return confirmed === undefined || this.#names[confirmed.kind].size === 0;
  }

  /** The commands that would bring all of it about. */
  get commands(): readonly (readonly Uint8Array[])[] {
    return [...COMMANDS]
      .filter(([, { kind, adds }]) => adds && this.#names[kind].size > 0)
      .map(([name, { kind }]) => [name, ...this.#names[kind]].map((word) => Buffer.from(word, 'latin1')));
  }

  clear(): void {
    for (const names of Object.values(this.#names)) names.clear();
    this.keptBytes = 0;
  }
}
