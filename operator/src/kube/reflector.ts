import { ok, type Result } from '@sidegate/crds';
import type { ApiClient } from './api-client.ts';
import { type ApiFault, apiFault } from './api-fault.ts';
import { type ApiObject, isApiObject } from './api-object.ts';
import { BackOff } from './back-off.ts';
import { type Change, ObjectIndex } from './object-index.ts';
import type { Timing } from './timing.ts';

export interface ReflectorOptions<T extends ApiObject> {
  readonly client: ApiClient;
  readonly timing: Timing;
  /** The collection: `/apis/sidegate.dev/v1alpha1/targets`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept: (object: ApiObject) => object is T;
  /** One change; a throw is reported and stops nothing. */
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

interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
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
 * too old (410), when the watch is silent, and now and then in any case. No fault ends it; only `signal` does.
 */
export class Reflector<T extends ApiObject> {
  readonly index = new ObjectIndex<T>();
  readonly #options: ReflectorOptions<T>;
  readonly #backOff: BackOff;
  #synced: () => void = () => {};
  /** Resolves after the first whole list. */
  readonly hasSynced: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backOff = new BackOff(500, 30_000, () => options.timing.random());
    this.hasSynced = new Promise((resolve) => {
      this.#synced = resolve;
    });
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing, trouble } = this.#options;
    while (!signal.aborted) {
      const version = await this.#list(signal);
      if (!version.ok) {
        if (signal.aborted) return;
        trouble(version.fault.message);
        await timing.pause(Math.max(this.#backOff.next(), version.fault.retryAfterMs ?? 0), signal);
        continue;
      }
      this.#synced();
      await this.#watchFrom(version.value, timing.nowMs() + (this.#options.relistMs ?? RELIST_MS), signal);
    }
  }

  /** The version of the list. A list that changed too much while it was paged starts over. */
  async #list(signal: AbortSignal): Promise<Result<string, ApiFault>> {
    const { client, path, query = {}, accept, pageObjects = PAGE_OBJECTS } = this.#options;
    const objects: T[] = [];
    let next = '';
    while (true) {
      const page = await client.request({
        path,
        query: { ...query, limit: String(pageObjects), ...(next === '' ? {} : { continue: next }) },
        signal,
      });
      if (!page.ok) return page;
      const { items, metadata } = page.value as {
        items?: unknown;
        metadata?: { continue?: string; resourceVersion?: string };
      };
      if (!Array.isArray(items))
        return { ok: false, fault: apiFault(500, { message: `${path} answered with something that is no list.` }) };
      for (const item of items) if (isApiObject(item) && accept(item)) objects.push(item);
      next = metadata?.continue ?? '';
      if (next === '') {
        this.#tell(this.index.replace(objects));
        return ok(metadata?.resourceVersion ?? '');
      }
    }
  }

  /** Watches, again and again, until everything must be listed anew. */
  async #watchFrom(from: string, relistAtMs: number, signal: AbortSignal): Promise<void> {
    const { timing, trouble } = this.#options;
    let version = from;
    while (!signal.aborted && timing.nowMs() < relistAtMs) {
      const ended = await this.#watch(version, relistAtMs, signal);
      version = ended.version;
      if (ended.fault === undefined) {
        this.#backOff.reset();
        continue;
      }
      if (ended.fault.code === 'Gone' || signal.aborted) return;
      trouble(ended.fault.message);
      await timing.pause(Math.max(this.#backOff.next(), ended.fault.retryAfterMs ?? 0), signal);
      if (ended.relist) return;
    }
  }

  async #watch(
    from: string,
    relistAtMs: number,
    signal: AbortSignal,
  ): Promise<{ version: string; fault?: ApiFault; relist?: boolean }> {
    const { client, path, query = {}, timing, silenceMs = SILENCE_MS } = this.#options;
    const quiet = new AbortController();
    const watchdog = new AbortController();
    const either = AbortSignal.any([signal, quiet.signal]);
    const stopped = AbortSignal.any([signal, watchdog.signal]);
    let lastWordMs = timing.nowMs();
    const watching = (async () => {
      while (!stopped.aborted) {
        const silentMs = timing.nowMs() - lastWordMs;
        if (silentMs >= silenceMs) return quiet.abort();
        await timing.pause(Math.min(silenceMs - silentMs, Math.max(relistAtMs - timing.nowMs(), 1)), stopped);
        if (timing.nowMs() >= relistAtMs) return quiet.abort();
      }
    })();
    let version = from;
    try {
      const parameters = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: from,
        timeoutSeconds: String(WATCH_SECONDS),
      };
      const stream = await client.stream({ path, query: { ...query, ...parameters }, signal: either });
      if (!stream.ok) return { version, fault: stream.fault };
      for await (const event of stream.value.documents) {
        lastWordMs = timing.nowMs();
        if (quiet.signal.aborted) break;
        if (!event.ok) return { version, fault: event.fault };
        const taken = this.#take(event.value);
        if (!taken.ok) return { version, fault: taken.fault, relist: taken.fault.code !== 'Gone' };
        if (taken.value !== '') version = taken.value;
      }
      if (quiet.signal.aborted && timing.nowMs() < relistAtMs) {
        return {
          version,
          fault: apiFault(504, { message: `The watch of ${path} was silent for ${silenceMs / 1000} s.` }),
        };
      }
      return { version };
    } finally {
      watchdog.abort();
      await watching;
    }
  }

  /** The version after the event. */
  #take(value: unknown): Result<string, ApiFault> {
    if (!isWatchEvent(value))
      return { ok: false, fault: apiFault(500, { message: 'The watch sent something that is no event.' }) };
    const { type, object } = value;
    if (type === 'ERROR') return { ok: false, fault: apiFault(500, object) };
    if (isApiObject(object) && this.#options.accept(object)) {
      if (type === 'ADDED' || type === 'MODIFIED') this.#tell(this.index.put(object));
      else if (type === 'DELETED') this.#tell(this.index.remove(object));
    }
    return ok(versionOf(object));
  }

  #tell(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      try {
        this.#options.changed(change);
      } catch (error) {
        this.#options.trouble(
          `A change of ${change.key} could not be handled: ${error instanceof Error ? error.message : 'unknown reason'}`,
        );
      }
    }
  }
}
