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
const SERIES_MAX = 1_000;

/**
 * Events (events.k8s.io/v1). The same occurrence again makes a series of the event that is there, so that a fault that repeats does not
 * flood anybody; an event that cannot be written is no fault of what it tells about.
 */
export class EventSeries {
  readonly #client: ApiClient;
  readonly #timing: Timing;
  readonly #instance: string;
  readonly #counts = new Map<string, number>();

  constructor(client: ApiClient, timing: Timing, instance: string) {
    this.#client = client;
    this.#timing = timing;
    this.#instance = instance;
  }

  async tell({ about, type, reason, message }: Occurrence, signal: AbortSignal): Promise<void> {
    const { namespace = 'default', name, uid } = about.metadata;
    const id = createHash('sha256').update([uid, type, reason, message].join('\0')).digest('hex').slice(0, 16);
    const count = (this.#counts.get(id) ?? 0) + 1;
    if (this.#counts.size >= SERIES_MAX) this.#counts.clear();
    this.#counts.set(id, count);
    const now = new Date(this.#timing.nowMs()).toISOString().replace('Z', '000Z');
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const event = `${name}.${id}`;
    if (count > 1) {
      const series = { count, lastObservedTime: now };
      const patched = await this.#client.request({
        method: 'PATCH',
        path: `${path}/${event}`,
        contentType: 'application/merge-patch+json',
        body: { series },
        signal,
      });
      if (patched.ok || patched.fault.code !== 'NotFound') return;
    }
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: event, namespace },
      eventTime: now,
      reportingController: 'sidegate.dev/operator',
      reportingInstance: this.#instance,
      action: 'Judge',
      type,
      reason,
      note: message.slice(0, NOTE_CHARACTERS_MAX),
      regarding: { apiVersion: about.apiVersion, kind: about.kind, namespace, name, uid },
    };
    await this.#client.request({ method: 'POST', path, body, signal });
  }
}
