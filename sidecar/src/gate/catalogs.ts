import { type Fault, fail, type Result } from '@sidegate/crds';

type Reading = Promise<Result<unknown, Fault>>;

/**
 * The catalogs of all targets that sessions need, each read once and shared. A reading that is asked for afresh while another
 * runs starts anew: the one that runs may have begun before the change.
 */
export class Catalogs {
  readonly #kept = new Map<string, Reading>();

  /** `key` names target and database. A reading that failed is not kept. */
  read(key: string, fresh: boolean, reading: () => Reading): Reading {
    const kept = this.#kept.get(key);
    if (kept !== undefined && !fresh) return kept;
    const started = reading().catch((error: unknown) =>
      fail({ code: 'CatalogUnavailable', message: `The catalog cannot be read: ${String(error)}.` }),
    );
    this.#kept.set(key, started);
    void started.then((result) => {
      if (!result.ok && this.#kept.get(key) === started) this.#kept.delete(key);
    });
    return started;
  }

  /** Forgets what belongs to a target whose address or credential changed. */
  forget(belongs: (key: string) => boolean): void {
    for (const key of this.#kept.keys()) if (belongs(key)) this.#kept.delete(key);
  }
}
