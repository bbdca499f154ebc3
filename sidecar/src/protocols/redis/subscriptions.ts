import { asLatin1 } from './codec.ts';

type ChannelKind = 'channel' | 'pattern' | 'shard';

const CONFIRMATIONS: Readonly<Record<string, { readonly kind: ChannelKind; readonly adds: boolean }>> = {
  subscribe: { kind: 'channel', adds: true },
  unsubscribe: { kind: 'channel', adds: false },
  psubscribe: { kind: 'pattern', adds: true },
  punsubscribe: { kind: 'pattern', adds: false },
  ssubscribe: { kind: 'shard', adds: true },
  sunsubscribe: { kind: 'shard', adds: false },
};

const SUBSCRIBES: Readonly<Record<ChannelKind, string>> = {
  channel: 'SUBSCRIBE',
  pattern: 'PSUBSCRIBE',
  shard: 'SSUBSCRIBE',
};

/** What the server says when a subscription begins or ends: on a command, or unasked when a shard's slot leaves it. */
export function isConfirmation(event: string): boolean {
  return Object.hasOwn(CONFIRMATIONS, event);
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

  get isAny(): boolean {
    const { channel, pattern, shard } = this.#names;
    return channel.size + pattern.size + shard.size > 0;
  }

  /** Takes a confirmation. */
  note(event: string, channel: Uint8Array): void {
    const confirmed = CONFIRMATIONS[event];
    if (confirmed === undefined) return;
    const names = this.#names[confirmed.kind];
    if (confirmed.adds) names.add(asLatin1(channel));
    else names.delete(asLatin1(channel));
  }

  /** Nothing is left of the kind that the confirmation is about. */
  isEmptyOf(event: string): boolean {
    const confirmed = CONFIRMATIONS[event];
    return confirmed === undefined || this.#names[confirmed.kind].size === 0;
  }

  /** The commands that would bring all of it about. */
  get commands(): readonly (readonly Uint8Array[])[] {
    return (['channel', 'pattern', 'shard'] as const)
      .filter((kind) => this.#names[kind].size > 0)
      .map((kind) => [SUBSCRIBES[kind], ...this.#names[kind]].map((word) => Buffer.from(word, 'latin1')));
  }

  clear(): void {
    for (const names of Object.values(this.#names)) names.clear();
  }
}
