import type { MaskRules, PostgresCommand } from '@sidegate/policy';
import type { ReadSql, RelationCatalog, SqlReading, SqlState } from './sql-reading.ts';

/** Texts kept; the length of one text, and of all together, in characters. A text that is longer is read again instead. */
const TEXTS_MAX = 5_000;
const TEXT_LENGTH_MAX = 16_384;
const TEXT_LENGTH_SUM_MAX = 8_000_000;

/** A reading and the number of its command, which names it in decisions that are kept: texts that differ in literals alone share it. */
export interface NumberedReading {
  readonly number: number;
  readonly reading: SqlReading;
  /** What a record shows of the text, by masks: sessions have their own. */
  readonly shown: WeakMap<MaskRules, string>;
  /** Prepared statements that it runs by name: the text alone does not say what they do. Absent: none. */
  readonly runs?: readonly RunByName[];
}

/** A prepared statement, as far as a text depends on it that runs it. */
export interface RunByName {
  readonly name: string;
  /** What made it. */
  readonly wire: Uint8Array;
  /** The reading of what made it: what of that may be shown. */
  readonly whole: NumberedReading;
}

/** The text with masks applied, made once as long as the masks stay the same. */
export function shownText(numbered: NumberedReading, masks: MaskRules): string {
  let text = numbered.shown.get(masks);
  if (text === undefined) {
    text = numbered.reading.masksText(masks);
    numbered.shown.set(masks, text);
  }
  return text;
}

/**
 * Readings by exact text, catalog version and settings; shared by all sessions of a gate. What was read with the help of a session's own
 * prepared statements or cursors is never kept.
 */
export class ReadingCache {
  readonly #read: ReadSql;
  readonly #kept = new Map<string, NumberedReading>();
  readonly #numbers = new WeakMap<PostgresCommand, number>();
  #lengthSum = 0;
  #lastNumber = 0;

  constructor(read: ReadSql) {
    this.#read = read;
  }

  read(text: string, catalog: RelationCatalog, settingsKey: string, state: () => SqlState): NumberedReading {
    if (text.length > TEXT_LENGTH_MAX) return this.numbered(this.#read(text, catalog, state()));
    const key = `${catalog.version}\n${settingsKey}\n${text}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const fresh = this.numbered(this.#read(text, catalog, state()));
    if (!fresh.reading.ofThisMoment) this.#keep(key, fresh);
    return fresh;
  }

  /** A reading from elsewhere (the statement inside a PREPARE) with the number of its command. */
  numbered(reading: SqlReading): NumberedReading {
    let number = this.#numbers.get(reading.command);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(reading.command, number);
    }
    return { number, reading, shown: new WeakMap() };
  }

  #keep(key: string, fresh: NumberedReading): void {
    this.#kept.set(key, fresh);
    this.#lengthSum += key.length;
    // Oldest first: what is used all the time is soon back.
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= TEXTS_MAX && this.#lengthSum <= TEXT_LENGTH_SUM_MAX) break;
      this.#kept.delete(oldest);
      this.#lengthSum -= oldest.length;
    }
  }
}
