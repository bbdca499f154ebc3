import type { ApiObject } from './api-object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

export interface ReflectorSetOptions<T extends ApiObject> extends Omit<ReflectorOptions<T>, 'path'> {
  /** The collection in a namespace. */
  readonly pathIn: (namespace: string) => string;
  /** A namespace was read whole for the first time. */
  readonly synced: (namespace: string) => void;
}

interface Follower<T extends ApiObject> {
  readonly reflector: Reflector<T>;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

/** One {@link Reflector} for each namespace of a set that changes: nothing is read in the others. */
export class ReflectorSet<T extends ApiObject> {
  readonly #options: ReflectorSetOptions<T>;
  readonly #followers = new Map<string, Follower<T>>();

  constructor(options: ReflectorSetOptions<T>) {
    this.#options = options;
  }

  /** Follows exactly these namespaces from now on, until `signal` aborts. What is left is forgotten, and told as deleted. */
  follow(namespaces: ReadonlySet<string>, signal: AbortSignal): void {
    for (const [namespace, follower] of this.#followers)
      if (!namespaces.has(namespace)) this.#leave(namespace, follower);
    for (const namespace of namespaces) if (!this.#followers.has(namespace)) this.#enter(namespace, signal);
  }

  /** Undefined while the namespace is not followed, or not read whole. */
  in(namespace: string): Reflector<T>['index'] | undefined {
    const reflector = this.#followers.get(namespace)?.reflector;
    return reflector?.isSynced === true ? reflector.index : undefined;
  }

  /** Resolves when every reflector has ended, after the signals given to `follow` aborted. */
  async ended(): Promise<void> {
    await Promise.all([...this.#followers.values()].map(({ running }) => running));
  }

  #enter(namespace: string, signal: AbortSignal): void {
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    const reflector = new Reflector<T>({
      ...this.#options,
      path: this.#options.pathIn(namespace),
      changed: (change) => {
        if (!until.aborted) this.#options.changed(change);
      },
    });
    const running = reflector.run(until);
    this.#followers.set(namespace, { reflector, stop, running });
    void reflector.hasSynced.then(() => {
      if (!until.aborted) this.#options.synced(namespace);
    });
  }

  #leave(namespace: string, { reflector, stop }: Follower<T>): void {
    stop.abort();
    this.#followers.delete(namespace);
    for (const before of reflector.index.all)
      this.#options.changed({ kind: 'Deleted', key: `${namespace}/${before.metadata.name}`, before });
  }
}
