import { BackOff } from '@sidegate/crds';
import type { FollowResponse } from '@sidegate/policy/control';
import { type LightStream, openLightStream } from './light-stream.ts';

/** What the program of many gates is told. */
export type ToGates =
  | { readonly kind: 'Start'; readonly url: string; readonly authority: string; readonly tokens: readonly string[] }
  /** From now on an ack of a snapshot that holds this text counts. */
  | { readonly kind: 'Expect'; readonly marker: string };

export type FromGates =
  | { readonly kind: 'Connected'; readonly gates: number }
  /** Every gate has acked; milliseconds since the epoch, one for each. */
  | { readonly kind: 'Acked'; readonly marker: string; readonly atMs: readonly number[] }
  | { readonly kind: 'Lost'; readonly why: string };

/** Milliseconds since the epoch, finer than `Date.now`, and the same in all processes of this machine. */
export function preciseMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Gates without doors, each on a connection of its own: they ack whatever they are given, at once, and look only for the marker in it. */
class Gates {
  #marker = '';
  #atMs: number[] = [];
  #count = 0;
  #first = 0;

  start({ url, authority, tokens }: Extract<ToGates, { kind: 'Start' }>): void {
    this.#count = tokens.length;
    for (const token of tokens) void this.#follow(url, authority, token);
  }

  expect(marker: string): void {
    this.#marker = marker;
    this.#atMs = [];
  }

  /** It connects again, as a real gate does: an operator that starts has all gates at its door at once. */
  async #follow(url: string, authority: string, token: string): Promise<void> {
    const backOff = new BackOff(500, 30_000, Math.random);
    for (let snapshots = 0; ; ) {
      const before = snapshots;
      const why = await new Promise<string>((ended) => {
        const stream = openLightStream({
          url,
          authority,
          token,
          ended,
          heard: (message) => {
            if (message.case !== 'snapshot') return;
            if (snapshots === before) backOff.reset();
            this.#answer(stream, message.value, ++snapshots);
          },
        });
        stream.say({ message: { case: 'hello', value: { program: 'bench', heldVersion: '' } } });
        stream.say({ message: { case: 'health', value: { recording: true, blocked: [] } } });
      });
      if (snapshots > 0) tell({ kind: 'Lost', why });
      await new Promise((resolve) => setTimeout(resolve, backOff.next()));
    }
  }

  #answer(
    stream: LightStream,
    { version, nonce, content }: Extract<FollowResponse['message'], { case: 'snapshot' }>['value'],
    snapshots: number,
  ): void {
    stream.say({ message: { case: 'ack', value: { version, nonce } } });
    if (snapshots === 1) {
      this.#first += 1;
      if (this.#first === this.#count) tell({ kind: 'Connected', gates: this.#count });
    }
    if (this.#marker === '' || !Buffer.from(content.buffer, content.byteOffset, content.length).includes(this.#marker))
      return;
    this.#atMs.push(preciseMs());
    if (this.#atMs.length === this.#count) tell({ kind: 'Acked', marker: this.#marker, atMs: this.#atMs });
  }
}

function tell(message: FromGates): void {
  if (process.connected) process.send?.(message);
}

if (process.send !== undefined) {
  const gates = new Gates();
  process.on('message', (message: ToGates) => {
    if (message.kind === 'Start') gates.start(message);
    else gates.expect(message.marker);
  });
  process.on('disconnect', () => process.exit(0));
}
