import { setTimeout as pause } from 'node:timers/promises';
import type { LaneAgent, LaneStage } from '../faults/lane.ts';

/** Turns of one session before its agent opens another, so that what a session leaves behind is seen, too. */
const TURNS_MAX = 200;

export interface CrowdOptions {
  readonly agents: number;
  /** What each of them waits after a turn, in milliseconds: a crowd is to be long at work, not fast. */
  readonly pauseMs: number;
}

/** Agents that work for a long time and keep nothing of what they are told. */
export class Crowd {
  readonly #stage: Pick<LaneStage, 'connect'>;
  readonly #pauseMs: number;
  readonly #stopping = new AbortController();
  readonly #agents: readonly Promise<void>[];
  /** Commands that were answered. */
  done = 0;
  sessions = 0;

  constructor(stage: Pick<LaneStage, 'connect'>, { agents, pauseMs }: CrowdOptions) {
    this.#stage = stage;
    this.#pauseMs = pauseMs;
    this.#agents = Array.from({ length: agents }, (_, agent) => this.#work(agent));
    // Told by `stop`, and not before.
    for (const agent of this.#agents) agent.catch(() => undefined);
  }

  /** Ends every agent after the turn that it is at. Rejects when one of them was thrown out before. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#agents);
  }

  async #work(agent: number): Promise<void> {
    for (let session = 1; !this.#stopping.signal.aborted; session += 1) {
      const open = await this.#stage.connect();
      this.sessions += 1;
      await this.#converse(open, `agent-${agent}-${session}`);
      await open.close();
    }
  }

  async #converse(session: LaneAgent, mark: string): Promise<void> {
    const { signal } = this.#stopping;
    for (let turn = 1; turn <= TURNS_MAX && !signal.aborted; turn += 1) {
      const { done, error } = await session.work(`${mark}-${turn}`, turn);
      if (session.isLost) throw new Error(`an agent lost its session at turn ${turn}: ${error ?? 'without a word'}`);
      this.done += done;
      await pause(this.#pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
