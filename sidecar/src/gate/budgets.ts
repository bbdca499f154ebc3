import { Budget, type ChargeOutcome, Ledger, type LimitRule } from '@sidegate/policy';
import type { AskingSession } from './approval-question.ts';
import type { BudgetBook, SessionBudget } from './budget-book.ts';
import { nameOf } from './configuration.ts';
import { type BudgetStore, Headroom, type KeptLimit } from './kept-budgets.ts';

interface Agent {
  readonly ledger: Ledger;
  readonly headroom: Headroom;
  /** Those that count in this ledger now. */
  readonly sessions: Set<string>;
  /** Those that were in force last. */
  limits: readonly LimitRule[];
}

/** What was spent is written with its time this often, in milliseconds. */
const WRITE_MS = 10_000;

/** What every agent has spent of its limits, over all of its sessions, over changes of the rules and, with a store, over starts of the gate. */
export class Budgets implements BudgetBook {
  readonly #agents = new Map<string, Agent>();
  readonly #keys = new Map<string, string>();
  readonly #store: BudgetStore | undefined;
  #writtenMs = 0;

  /** `nowMs`: milliseconds since the epoch. Without a store a gate that starts anew starts from nothing. */
  constructor(kept?: { readonly store: BudgetStore; readonly nowMs: number }) {
    this.#store = kept?.store;
    for (const [key, limits] of kept?.store.found ?? []) {
      const agent = this.#agentOf(key);
      agent.ledger.restore(limits, kept?.nowMs ?? 0);
    }
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  open({ sessionId, door, identity }: AskingSession, limits: readonly LimitRule[]): SessionBudget | undefined {
    if (limits.length === 0) return undefined;
    const { issuer, subject } = identity.verified;
    const key = JSON.stringify([nameOf(door.access), issuer, subject]);
    const agent = this.#agentOf(key);
    agent.sessions.add(sessionId);
    agent.limits = limits;
    this.#keys.set(sessionId, key);
    const budget = new Budget(limits, agent.ledger);
    return this.#store === undefined ? budget : this.#keeping(budget, agent, limits);
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
    if (this.#store === undefined || Math.abs(nowMs - this.#writtenMs) < WRITE_MS) return;
    const spent = [...this.#agents.values()].filter(({ headroom }) => headroom.isUsed);
    if (spent.length === 0) return;
    this.#writtenMs = nowMs;
    for (const { headroom, limits } of spent) headroom.widen(limits, {});
    if (!this.#write()) for (const { headroom } of spent) headroom.close();
  }

  /** Agents that are remembered. */
  get size(): number {
    return this.#agents.size;
  }

  #agentOf(key: string): Agent {
    const known = this.#agents.get(key) ?? {
      ledger: new Ledger(),
      headroom: new Headroom(),
      sessions: new Set(),
      limits: [],
    };
    this.#agents.set(key, known);
    return known;
  }

  /** The same budget, of which nothing is spent before it is kept that it may be. */
  #keeping(budget: Budget, agent: Agent, limits: readonly LimitRule[]): SessionBudget {
    const ask = (...[atMs, amounts]: Parameters<Budget['ask']>): ChargeOutcome => {
      const outcome = budget.ask(atMs, amounts);
      if (outcome.kind === 'Exceeded' || agent.headroom.covers(limits, amounts)) return outcome;
      agent.headroom.widen(limits, amounts);
      if (this.#write()) return outcome;
      agent.headroom.close();
      const [limit] = limits;
      return limit === undefined ? outcome : { kind: 'Exceeded', limit, amount: amountOf(limit), retryAtMs: undefined };
    };
    const spend = (...[atMs, amounts]: Parameters<Budget['spend']>): void => {
      budget.spend(atMs, amounts);
      agent.headroom.spend(limits, amounts);
    };
    return {
      ask,
      spend,
      charge(atMs, amounts) {
        const outcome = ask(atMs, amounts);
        if (outcome.kind === 'Within') spend(atMs, amounts);
        return outcome;
      },
      renew: (by) => budget.renew(by),
    };
  }

  #write(): boolean {
    const kept = [...this.#agents].map(([key, { ledger, headroom }]) => {
      const limits = ledger.kept().map((one): KeptLimit => ({ ...one, since: headroom.of(one.name) }));
      return [key, limits] as const;
    });
    return this.#store?.write(kept) ?? true;
  }
}

function amountOf(limit: LimitRule): 'rows' | 'bytes' | 'commands' {
  if (limit.rows !== undefined) return 'rows';
  return limit.bytes === undefined ? 'commands' : 'bytes';
}
