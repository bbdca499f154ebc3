import { Budget, Ledger, type LimitRule } from '@sidegate/policy';
import type { AskingSession } from './approval-question.ts';
import type { BudgetBook } from './budget-book.ts';
import { nameOf } from './configuration.ts';

interface Agent {
  readonly ledger: Ledger;
  /** Those that count in this ledger now. */
  readonly sessions: Set<string>;
}

/** What every agent has spent of its limits, over all of its sessions and over changes of the rules. */
export class Budgets implements BudgetBook {
  readonly #agents = new Map<string, Agent>();
  readonly #keys = new Map<string, string>();

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  open({ sessionId, door, identity }: AskingSession, limits: readonly LimitRule[]): Budget | undefined {
    if (limits.length === 0) return undefined;
    const { issuer, subject } = identity.verified;
    const key = JSON.stringify([nameOf(door.access), issuer, subject]);
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = { ledger: new Ledger(), sessions: new Set() };
      this.#agents.set(key, agent);
    }
    agent.sessions.add(sessionId);
    this.#keys.set(sessionId, key);
    return new Budget(limits, agent.ledger);
  }

  sessionEnded(sessionId: string): void {
    const key = this.#keys.get(sessionId);
    this.#keys.delete(sessionId);
    if (key !== undefined) this.#agents.get(key)?.sessions.delete(sessionId);
  }

  /** Drops agents without a session whose windows are over. */
  tick(nowMs: number): void {
    for (const [key, { ledger, sessions }] of this.#agents) {
      if (sessions.size === 0 && ledger.forgetUnspent(nowMs)) this.#agents.delete(key);
    }
  }

  /** Agents that are remembered. */
  get size(): number {
    return this.#agents.size;
  }
}
