import type { Decision } from '@sidegate/policy';

/** Decisions kept for statements that are run again, in one session. */
const DECISIONS_KEPT_MAX = 1_000;

/** Decisions of one version of the rules, by the cache key of a command; it is cleared when the rules change. */
export class DecisionCache {
  readonly #decisions = new Map<string, Decision>();

  get(key: string, decide: () => Decision): Decision {
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const decision = decide();
    if (this.#decisions.size >= DECISIONS_KEPT_MAX) this.#decisions.clear();
    this.#decisions.set(key, decision);
    return decision;
  }

  clear(): void {
    this.#decisions.clear();
  }
}
