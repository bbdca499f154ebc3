import type { SqlReading } from '../sql-reading.ts';
import type { LiteralColumns } from './finish.ts';

/** A reading, and whether it holds for every text of the same shape. */
export interface WholeReading {
  readonly reading: SqlReading;
  readonly shapeDecides: boolean;
  /** By place among the literals of the text, the columns that each meets. */
  readonly literals: LiteralColumns;
}

/** Shapes kept for one catalog. */
const SHAPES_MAX = 2_000;

/** Readings by shape and settings, the longest unused forgotten first. `ByText`: texts of this shape must be read one by one. */
export class ShapeCache {
  readonly #kept = new Map<string, WholeReading | 'ByText'>();
  readonly #max: number;

  constructor(max: number = SHAPES_MAX) {
    this.#max = max;
  }

  get(key: string): WholeReading | 'ByText' | undefined {
    const found = this.#kept.get(key);
    if (found !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
    }
    return found;
  }

  set(key: string, value: WholeReading | 'ByText'): void {
    this.#kept.delete(key);
    this.#kept.set(key, value);
    if (this.#kept.size <= this.#max) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  get size(): number {
    return this.#kept.size;
  }
}
