import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { cpuSeconds } from '../bench/process-figures.ts';
import type { FromGates, ToGates } from './gates.ts';

/** Nothing here takes longer on a machine that is not stuck. */
const DEADLINE_MS = 600_000;

/** Many gates in a few programs of their own, so that what they cost is not the operator's. */
export class GateCrowd implements Disposable {
  readonly #children: readonly ChildProcess[];
  /** Streams that ended after they had begun, by why; such a gate connects again. */
  readonly lost = new Map<string, number>();

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
    for (const child of children)
      child.on('message', (message: FromGates) => {
        if (message.kind === 'Lost') this.lost.set(message.why, (this.lost.get(message.why) ?? 0) + 1);
      });
  }

  /** Starts a gate for each token, and waits until each has acked its first snapshot. */
  static async start(url: string, authority: string, tokens: readonly string[], programs = 2): Promise<GateCrowd> {
    const children = Array.from({ length: programs }, () => fork(join(import.meta.dirname, 'gates.ts')));
    const crowd = new GateCrowd(children);
    const share = Math.ceil(tokens.length / programs);
    await Promise.all(
      children.map(async (child, at) => {
        const connected = crowd.#hear(child, 'Connected');
        send(child, { kind: 'Start', url, authority, tokens: tokens.slice(at * share, (at + 1) * share) });
        await connected;
      }),
    );
    return crowd;
  }

  /** Tells all what to look for, then lets `change` happen; resolves with when each gate acked it, in milliseconds since the epoch. */
  async acks(marker: string, change: () => Promise<void>): Promise<readonly number[]> {
    for (const child of this.#children) send(child, { kind: 'Expect', marker });
    const acked = this.#children.map((child) => this.#hear(child, 'Acked'));
    await change();
    return (await Promise.all(acked)).flatMap(({ atMs }) => atMs);
  }

  /** Seconds of processor time that the programs of the gates have used. */
  get cpuSeconds(): number {
    return this.#children.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : cpuSeconds(pid)), 0);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  async #hear<K extends FromGates['kind']>(child: ChildProcess, kind: K): Promise<Extract<FromGates, { kind: K }>> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const [message]: FromGates[] = await once(child, 'message', { signal });
      if (message?.kind === kind) return message as Extract<FromGates, { kind: K }>;
    }
  }
}

function send(child: ChildProcess, message: ToGates): void {
  child.send(message);
}
