import { type Fault, fail, type Result } from '@sidegate/crds';

type Reading = Promise<Result<unknown, Fault>>;

interface Kept {
  readonly reading: Reading;
  readonly startedMs: number;
  /** How many changes were known when it began. */
  readonly changes: number;
}

/**
 * How new a catalog must be. `Now`: begun from here on, since DDL passed. `Recent`: a name is missing in the copy at hand, so somebody may
 * just have made it. `Any`: for a session that opens.
 */
export type CatalogAge = 'Now' | 'Recent' | 'Any';

/** The oldest copy that is given out, in milliseconds since its reading began. */
const AGE_MS_MAX: Readonly<Record<CatalogAge, number>> = { Now: 0, Recent: 2_000, Any: 60_000 };

/**
 * The catalogs of all targets that sessions need, each read once and shared. A reading that is asked for afresh while another
 * runs starts anew: the one that runs may have begun before the change.
 */
export class Catalogs {
  readonly #kept = new Map<string, Kept>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * `key` names target and database; `changes` counts those that whoever asks knows of: a reading that began with as many has what `Now` asks for, and one
   * that began with fewer is too old for anybody. A reading that failed is not kept.
   */
  read(key: string, age: CatalogAge, reading: () => Reading, changes?: number): Reading {
    const kept = this.#kept.get(key);
    const startedMs = this.#nowMs();
    const isYoung = startedMs - (kept?.startedMs ?? 0) < AGE_MS_MAX[age] || (age === 'Now' && changes !== undefined);
    if (kept !== undefined && isYoung && kept.changes >= (changes ?? 0)) return kept.reading;
    const started = reading().catch((error: unknown) =>
      fail({ code: 'CatalogUnavailable', message: `The catalog cannot be read: ${String(error)}.` }),
    );
    this.#kept.set(key, { reading: started, startedMs, changes: Math.max(changes ?? 0, kept?.changes ?? 0) });
    void started.then((result) => {
      if (!result.ok && this.#kept.get(key)?.reading === started) this.#kept.delete(key);
    });
    return started;
  }

  /** Forgets what belongs to a target whose address or credential changed. */
  forget(belongs: (key: string) => boolean): void {
    for (const key of this.#kept.keys()) if (belongs(key)) this.#kept.delete(key);
  }
}
