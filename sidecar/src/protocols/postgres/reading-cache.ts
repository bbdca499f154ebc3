import type { ReadSql, RelationCatalog, SqlReading, SqlState } from './sql-reading.ts';

/** Texts kept, and how much text in all: a text that is large is read again instead. */
const TEXTS_MAX = 5_000;
const TEXT_LENGTH_MAX = 16_384;

/** A reading and its number, which names it in decisions that are kept. */
export interface NumberedReading {
  readonly number: number;
  readonly reading: SqlReading;
}

/**
 * Readings by exact text, catalog version and settings; shared by all sessions of a gate. What was read with the help of a session's own
 * prepared statements or cursors is never kept.
 */
export class ReadingCache {
  readonly #read: ReadSql;
  readonly #kept = new Map<string, NumberedReading>();
  readonly #inner = new WeakMap<SqlReading, NumberedReading>();
  #lastNumber = 0;

  constructor(read: ReadSql) {
    this.#read = read;
  }

  read(text: string, catalog: RelationCatalog, settingsKey: string, state: () => SqlState): NumberedReading {
    if (text.length > TEXT_LENGTH_MAX) return this.#fresh(text, catalog, state());
    const key = `${catalog.version}\n${settingsKey}\n${text}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const fresh = this.#fresh(text, catalog, state());
    if (fresh.reading.ofThisMoment) return fresh;
    // Oldest first: what is used all the time is soon back.
    const oldest = this.#kept.size >= TEXTS_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, fresh);
    return fresh;
  }

  /** The reading of a statement inside another text (PREPARE), with a number of its own. */
  numbered(reading: SqlReading): NumberedReading {
    let known = this.#inner.get(reading);
    if (known === undefined) {
      known = { number: ++this.#lastNumber, reading };
      this.#inner.set(reading, known);
    }
    return known;
  }

  #fresh(text: string, catalog: RelationCatalog, state: SqlState): NumberedReading {
    this.#lastNumber++;
    return { number: this.#lastNumber, reading: this.#read(text, catalog, state) };
  }
}
