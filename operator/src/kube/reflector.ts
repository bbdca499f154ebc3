import { BackOff, fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from './api-client.ts';
import { type ApiFault, apiFault } from './api-fault.ts';
import { type ApiObject, isApiObject } from './api-object.ts';
import { listAll } from './list-all.ts';
import { type Change, ObjectIndex } from './object-index.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { Timing } from './timing.ts';

export interface ReflectorOptions<T extends ApiObject> {
  readonly client: ApiClient;
  readonly timing: Timing;
  /** The collection: `/apis/sidegate.dev/v1alpha1/targets`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** An object that is not accepted is not in the index, also when an earlier state of it was. */
  readonly accept: (object: ApiObject) => object is T;
  /** One change, told when the index holds it; a throw is reported and stops nothing. */
  readonly changed: (change: Change<T>) => void;
  readonly trouble: (what: string) => void;
  /** Objects in one page of a list; default 500. */
  readonly pageObjects?: number;
  /** A watch that says nothing, not even a bookmark, for so long is taken for dead; default 90 s. */
  readonly silenceMs?: number;
  /** Everything is listed anew this often, whatever the watch said; default 30 min. */
  readonly relistMs?: number;
}

const PAGE_OBJECTS = 500;
const SILENCE_MS = 90_000;
const RELIST_MS = 30 * 60_000;
/** The server is asked to end a watch itself after this long, in seconds. */
const WATCH_SECONDS = 300;
/** A watch that ends sooner and brought nothing counts as a failed one. */
const WATCH_MS_MIN = 1_000;

interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

interface WatchEnd {
  /** Where to go on. */
  readonly version: string;
  readonly events: number;
  readonly fault?: ApiFault;
  /** The index may have missed something. */
  readonly relist: boolean;
}

function isWatchEvent(value: unknown): value is WatchEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    'object' in value
  );
}

function versionOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return '';
  const { metadata } = value;
  return typeof metadata === 'object' && metadata !== null && 'resourceVersion' in metadata
    ? String(metadata.resourceVersion)
    : '';
}

/**
 * Keeps an index of all objects of one kind: a paged list, then a watch from there, a list again when the server says that the watch is
 * too old (410), when the watch lost something, and now and then in any case. No fault ends it; only `signal` does.
 */
export class Reflector<T extends ApiObject> {
  readonly index = new ObjectIndex<T>();
  readonly #options: ReflectorOptions<T>;
  readonly #backOff: BackOff;
  #synced: () => void = () => {};
  #isSynced = false;
  /** Resolves after the first whole list. */
  readonly hasSynced: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backOff = new BackOff(500, 30_000, () => options.timing.random());
    this.hasSynced = new Promise((resolve) => {
      this.#synced = resolve;
    });
  }

  /** True after the first whole list. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing, client, path, query = {}, pageObjects = PAGE_OBJECTS, relistMs = RELIST_MS } = this.#options;
    while (!signal.aborted) {
      const list = await listAll({ client, path, query, pageObjects, signal });
      if (signal.aborted) return;
      if (!list.ok) {
        await this.#standBack(list.fault, signal);
        continue;
      }
      this.#tell(this.index.replace(list.value.objects.filter(this.#options.accept)));
      this.#isSynced = true;
      this.#synced();
      await this.#watchFrom(list.value.version, timing.monotonicMs() + relistMs, signal);
    }
  }

  async #standBack(fault: ApiFault, signal: AbortSignal): Promise<void> {
    this.#options.trouble(fault.message);
    await this.#options.timing.pause(Math.max(this.#backOff.next(), fault.retryAfterMs ?? 0), signal);
  }

  /** Watches, again and again, until everything must be listed anew. */
  async #watchFrom(from: string, relistAtMs: number, signal: AbortSignal): Promise<void> {
    const { timing, path } = this.#options;
    let version = from;
    while (!signal.aborted && timing.monotonicMs() < relistAtMs) {
      const startedMs = timing.monotonicMs();
      const end = await this.#watch(version, relistAtMs, signal);
      if (signal.aborted) return;
      version = end.version;
      const lived = end.events > 0 || timing.monotonicMs() - startedMs >= WATCH_MS_MIN;
      if (lived) this.#backOff.reset();
      if (end.fault !== undefined && (end.fault.code !== 'Gone' || !lived)) await this.#standBack(end.fault, signal);
      // A server that ends each watch at once, or calls each version too old, must not be asked in a tight loop.
      else if (!lived) await this.#standBack(apiFault(503, { message: `The watch of ${path} ended at once.` }), signal);
      if (end.relist) return;
    }
  }

  async #watch(from: string, relistAtMs: number, signal: AbortSignal): Promise<WatchEnd> {
    const { client, path, query = {}, timing, silenceMs = SILENCE_MS } = this.#options;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const due = timing.pause(relistAtMs - timing.monotonicMs(), until).then(() => over.abort());
    const watch = new SilenceWatch(timing, silenceMs, until);
    let version = from;
    let events = 0;
    try {
      const parameters = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: from,
        timeoutSeconds: String(WATCH_SECONDS),
      };
      const stream = await client.stream({ path, query: { ...query, ...parameters }, signal: watch.signal });
      // What was cut because it is time to list anew is no fault.
      if (!stream.ok && over.signal.aborted) return { version, events, relist: false };
      if (!stream.ok) return { version, events, fault: stream.fault, relist: stream.fault.code === 'Gone' };
      for await (const event of stream.value.documents) {
        watch.heard();
        if (watch.signal.aborted) break;
        if (!event.ok) return { version, events, fault: event.fault, relist: event.fault.code === 'TooLarge' };
        const taken = this.#take(event.value);
        if (!taken.ok) return { version, events, fault: taken.fault, relist: true };
        if (taken.value !== '') version = taken.value;
        events += 1;
      }
      if (!watch.silent) return { version, events, relist: false };
      const message = `The watch of ${path} was silent for ${silenceMs / 1000} s.`;
      return { version, events, fault: apiFault(504, { message }), relist: false };
    } finally {
      watch.end();
      over.abort();
      await due;
    }
  }

  /** The version after the event. */
  #take(value: unknown): Result<string, ApiFault> {
    if (!isWatchEvent(value)) return fail(apiFault(502, { message: 'The watch sent something that is no event.' }));
    const { type, object } = value;
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        if (!isApiObject(object))
          return fail(apiFault(502, { message: `A ${type} event of the watch has no object.` }));
        const kept = type !== 'DELETED' && this.#options.accept(object);
        this.#tell(kept ? this.index.put(object) : this.index.remove(object));
        return ok(versionOf(object));
      }
      case 'BOOKMARK':
        return ok(versionOf(object));
      default:
        return fail(apiFault(500, object));
    }
  }

  #tell(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      try {
        this.#options.changed(change);
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unknown reason';
        this.#options.trouble(`A change of ${change.key} could not be handled: ${why}`);
      }
    }
  }
}
