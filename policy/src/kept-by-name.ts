/**
 * What was found out under names that may come again. Names are of an agent's choosing: so many are kept and no long ones, and whoever makes up more
 * starts over.
 */
export class KeptByName<Value> {
  readonly #countMax: number;
  readonly #lengthMax: number;
  readonly #kept = new Map<string, Value>();

  /** `lengthMax`: the longest name that is kept, in UTF-16 units. */
  constructor(countMax: number, lengthMax: number) {
    this.#countMax = countMax;
    this.#lengthMax = lengthMax;
  }

  /** What is kept under the name, else what `find` gives, which is kept then. */
  get(name: string, find: (name: string) => Value): Value {
    if (name.length > this.#lengthMax) return find(name);
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const found = find(name);
    if (this.#kept.size >= this.#countMax) this.#kept.clear();
    this.#kept.set(name, found);
    return found;
  }

  clear(): void {
    this.#kept.clear();
  }
}
