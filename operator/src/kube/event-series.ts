import { createHash } from 'node:crypto';
import type { ApiClient } from './api-client.ts';
import type { ApiObject } from './api-object.ts';
import type { Timing } from './timing.ts';

/** One thing worth telling about an object. */
export interface Occurrence {
  readonly about: ApiObject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** The longest note that the API takes, in characters. */
const NOTE_CHARACTERS_MAX = 1024;
const NAME_CHARACTERS_MAX = 253;
const SERIES_MAX = 1_000;
/** The same occurrence is counted as often as it comes and written no more often than this. */
const REPEAT_MS = 60_000;

interface Series {
  count: number;
  writtenMs: number;
}

/**
 * Events (events.k8s.io/v1). The same occurrence again makes a series of the event that is there, so that a fault that repeats does not
 * flood anybody; an event that cannot be written is no fault of what it tells about.
 */
export class EventSeries {
  readonly #client: ApiClient;
  readonly #timing: Timing;
  readonly #instance: string;
  readonly #series = new Map<string, Series>();

  /** `instance` is the name of this replica. */
  constructor(client: ApiClient, timing: Timing, instance: string) {
    this.#client = client;
    this.#timing = timing;
    this.#instance = instance;
  }

  async tell(occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    const { about, type, reason, message } = occurrence;
    const { name, uid } = about.metadata;
    const id = createHash('sha256').update([uid, type, reason, message].join('\0')).digest('hex').slice(0, 16);
    const series = this.#seriesOf(id);
    series.count += 1;
    const nowMs = this.#timing.monotonicMs();
    if (series.count > 1 && nowMs - series.writtenMs < REPEAT_MS) return;
    series.writtenMs = nowMs;
    const event = `${name.slice(0, NAME_CHARACTERS_MAX - id.length - 1)}.${id}`;
    if (series.count > 1 && (await this.#repeat(occurrence, event, series, signal)) !== 'NotFound') return;
    if ((await this.#begin(occurrence, event, signal)) !== 'AlreadyExists') return;
    // A replica before us began the series.
    await this.#repeat(occurrence, event, series, signal);
  }

  #seriesOf(id: string): Series {
    const known = this.#series.get(id) ?? { count: 0, writtenMs: 0 };
    this.#series.delete(id);
    this.#series.set(id, known);
    const [oldest] = this.#series.keys();
    if (this.#series.size > SERIES_MAX && oldest !== undefined) this.#series.delete(oldest);
    return known;
  }

  /** The fault's code, undefined when the event was written. */
  async #begin(
    { about, type, reason, message }: Occurrence,
    event: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { namespace, name, uid } = about.metadata;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: event, namespace: namespace ?? 'default' },
      eventTime: this.#now(),
      reportingController: 'sidegate.dev/operator',
      reportingInstance: this.#instance.slice(0, 128),
      action: 'Judge',
      type,
      reason,
      note: message.slice(0, NOTE_CHARACTERS_MAX),
      regarding: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        ...(namespace === undefined ? {} : { namespace }),
        name,
        uid,
      },
    };
    const written = await this.#client.request({ method: 'POST', path: pathOf(about), body, signal });
    return written.ok ? undefined : written.fault.code;
  }

  async #repeat(
    { about }: Occurrence,
    event: string,
    series: Series,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    // The API takes no series of one.
    series.count = Math.max(series.count, 2);
    const written = await this.#client.request({
      method: 'PATCH',
      path: `${pathOf(about)}/${event}`,
      contentType: 'application/merge-patch+json',
      body: { series: { count: series.count, lastObservedTime: this.#now() } },
      signal,
    });
    return written.ok ? undefined : written.fault.code;
  }

  /** MicroTime: six digits after the point. */
  #now(): string {
    return new Date(this.#timing.nowMs()).toISOString().replace('Z', '000Z');
  }
}

function pathOf({ metadata: { namespace } }: ApiObject): string {
  return `/apis/events.k8s.io/v1/namespaces/${namespace ?? 'default'}/events`;
}
