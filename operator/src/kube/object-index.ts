import { type ApiObject, keyOf } from './api-object.ts';

/** What became of one object. A name that was deleted and made again is two changes, however fast: they have other UIDs. */
export type Change<T extends ApiObject> =
  | { readonly kind: 'Added'; readonly key: string; readonly object: T }
  | { readonly kind: 'Updated'; readonly key: string; readonly object: T; readonly before: T }
  | { readonly kind: 'Deleted'; readonly key: string; readonly before: T };

/** The objects of one kind as last seen, by name, with their UIDs told apart. */
export class ObjectIndex<T extends ApiObject> {
  readonly #objects = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  get all(): readonly T[] {
    return [...this.#objects.values()];
  }

  get size(): number {
    return this.#objects.size;
  }

  put(object: T): readonly Change<T>[] {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    if (before === undefined) return [{ kind: 'Added', key, object }];
    if (before.metadata.uid !== object.metadata.uid)
      return [
        { kind: 'Deleted', key, before },
        { kind: 'Added', key, object },
      ];
    return before.metadata.resourceVersion === object.metadata.resourceVersion
      ? []
      : [{ kind: 'Updated', key, object, before }];
  }

  /** A deletion that names another UID than the one held came late: the name has a new owner, who stays. */
  remove(object: ApiObject): readonly Change<T>[] {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before === undefined || before.metadata.uid !== object.metadata.uid) return [];
    this.#objects.delete(key);
    return [{ kind: 'Deleted', key, before }];
  }

  /** Makes the index hold exactly `objects`, as after a list. */
  replace(objects: readonly T[]): readonly Change<T>[] {
    const listed = new Set(objects.map(keyOf));
    const gone = [...this.#objects.values()].filter((object) => !listed.has(keyOf(object)));
    return [...gone.flatMap((object) => this.remove(object)), ...objects.flatMap((object) => this.put(object))];
  }
}
