import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaneAgent, LaneStage } from './lane.ts';
import type { Received } from './received.ts';

const RECONNECT_MS = 50;

/** Agents that work one turn after another, and connect again when they are thrown out. */
export class Load {
  readonly #stage: Pick<LaneStage, 'connect'>;
  readonly #pauseMs: number;
  readonly #stopped = new AbortController();
  readonly #agents: readonly Promise<void>[];
  readonly #progress = new EventEmitter();
  readonly received: Received[] = [];
  /** The protocol's code of every error that was not a lost connection. */
  readonly errors = new Map<string, number>();
  done = 0;
  /** Sessions that agents had: each must be in the record. */
  connections = 0;

  /** `pauseMs`: what each agent waits after a turn, in milliseconds. */
  constructor(stage: Pick<LaneStage, 'connect'>, agents: number, pauseMs = 0) {
    this.#stage = stage;
    this.#pauseMs = pauseMs;
    this.#progress.setMaxListeners(0);
    this.#agents = Array.from({ length: agents }, (_, agent) => this.#work(agent));
  }

  /** Resolves when so many more commands are done. Rejects when the load stops. */
  async more(commands: number): Promise<void> {
    const until = this.done + commands;
    while (this.done < until) await once(this.#progress, 'done', { signal: this.#stopped.signal });
  }

  /** Ends every agent after the turn that it is at. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#agents);
  }

  async #work(agent: number): Promise<void> {
    let count = 0;
    while (!this.#stopped.signal.aborted) {
      const session = await this.#stage.connect().catch(() => undefined);
      if (session === undefined) {
        await sleep(RECONNECT_MS);
        continue;
      }
      this.connections += 1;
      while (!session.isLost && !this.#stopped.signal.aborted) {
        count += 1;
        await this.#turn(session, `agent-${agent}-${count}`, count);
      }
      await session.close();
    }
  }

  async #turn(session: LaneAgent, mark: string, count: number): Promise<void> {
    const { received, done, error } = await session.work(mark, count);
    this.received.push(...received);
    if (error !== undefined) this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
    if (done === 0) return;
    this.done += done;
    this.#progress.emit('done');
    if (this.#pauseMs > 0) await sleep(this.#pauseMs);
  }
}
