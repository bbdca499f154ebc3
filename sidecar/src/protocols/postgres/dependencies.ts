import type { CatalogRows } from './catalog-queries.ts';

/** A relation that falls, or of which only a constraint, a default, a trigger, a policy or an index does. By oid. */
export interface Dependent {
  readonly relation: number;
  readonly falls: boolean;
}

/** What the server records of objects that depend on others. An object is a letter for its kind and its OID: `r16384` is a relation. */
export class Dependencies {
  readonly #byObject: ReadonlyMap<string, readonly { readonly id: string; readonly falls: boolean }[]>;

  /** Rows of `dependencies` in `CATALOG_QUERIES`. */
  constructor(rows: CatalogRows) {
    const edges = rows.map(([id, on, falls]) => ({ id: id ?? '', on: on ?? '', falls: falls === 't' }));
    this.#byObject = Map.groupBy(edges, ({ on }) => on);
  }

  /** Relations that DROP with CASCADE of these objects reaches, however far; not the objects themselves. */
  fallingWith(objects: readonly string[]): readonly Dependent[] {
    const met = new Map<string, boolean>();
    const given = new Set(objects);
    const open = [...objects];
    for (let object = open.pop(); object !== undefined; object = open.pop()) {
      for (const { id, falls } of this.#byObject.get(object) ?? []) {
        if (given.has(id) || met.get(id) === true || (met.has(id) && !falls)) continue;
        met.set(id, falls);
        if (falls) open.push(id);
      }
    }
    return [...met]
      .filter(([id]) => id.startsWith('r'))
      .map(([id, falls]) => ({ relation: Number(id.slice(1)), falls }));
  }
}
