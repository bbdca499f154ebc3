/** Steps that reading one text may take. A recursive query in a recursive query in another could take any number. */
export const STEPS_MAX = 400_000;
/** Levels of expressions; a query in a query counts as several. The stack surely holds as many. */
export const DEPTH_MAX = 1_200;

/** The work that reading one text has taken, in all that it leads to: views, functions, statements in statements. */
export class Work {
  #steps = 0;
  #depth = 0;
  readonly #bodies = new Set<object>();

  /** False once there was too much of it. */
  step(count: number): boolean {
    this.#steps += count;
    return this.#steps <= STEPS_MAX;
  }

  /** Runs `walk` some levels deeper; undefined when that is too deep. */
  deeper<T>(levels: number, walk: () => T): { readonly result: T } | undefined {
    if (this.#depth + levels > DEPTH_MAX) return undefined;
    this.#depth += levels;
    const result = walk();
    this.#depth -= levels;
    return { result };
  }

  /** Runs `walk` unless it runs for the same body already; undefined then. */
  once<T>(body: object, walk: () => T): T | undefined {
    if (this.#bodies.has(body)) return undefined;
    this.#bodies.add(body);
    const result = walk();
    this.#bodies.delete(body);
    return result;
  }
}
