import { type BackOff, pause } from '@sidegate/crds';
import type { UploadRequest, UploadResponse } from '@sidegate/session/store';
import { errorText } from '../spool/system-error.ts';

/** One upload stream: requests go in, and each is answered once, in order. Rejects when the stream breaks. */
export type OpenUpload = (
  requests: AsyncIterable<UploadRequest>,
  signal: AbortSignal,
) => Promise<AsyncIterable<UploadResponse>>;

/** Told what happens on the link. What `answered` throws ends the stream. */
export interface LinkEvents {
  /** A new stream: nothing that was sent on the one before counts. */
  opened(): void;
  answered(response: UploadResponse): void;
  /** The stream is gone; another will be opened. No reason: the store ended it in good order, as it does now and then. */
  lost(reason: string | undefined): void;
}

/** Keeps one stream to the store open, with pauses after failures. */
export class StoreLink {
  readonly #open: OpenUpload;
  readonly #events: LinkEvents;
  readonly #backOff: BackOff;
  readonly #ackWaitMs: number;
  readonly #stop = new AbortController();
  #requests: RequestQueue | undefined;
  #stream: AbortController | undefined;
  #unanswered = 0;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(open: OpenUpload, events: LinkEvents, backOff: BackOff, ackWaitMs: number) {
    this.#open = open;
    this.#events = events;
    this.#backOff = backOff;
    this.#ackWaitMs = ackWaitMs;
  }

  /** Requests that were sent on this stream and are not answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  get open(): boolean {
    return this.#requests !== undefined;
  }

  /** Puts a request on the stream. Throws when none is open. */
  send(request: UploadRequest): void {
    if (this.#requests === undefined) throw new Error('no stream is open');
    this.#requests.push(request);
    this.#unanswered += 1;
    if (this.#unanswered === 1) this.#watch();
  }

  /** Keeps a stream open until `stop`. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const reason = await this.#oneStream();
      if (this.#stop.signal.aborted) return;
      this.#events.lost(reason);
      await pause(this.#backOff.next(), this.#stop.signal);
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#stream?.abort();
  }

  async #oneStream(): Promise<string | undefined> {
    const stream = new AbortController();
    const requests = new RequestQueue();
    this.#stream = stream;
    this.#requests = requests;
    this.#unanswered = 0;
    this.#events.opened();
    try {
      for await (const response of await this.#open(requests, stream.signal)) {
        this.#unanswered -= 1;
        this.#watch();
        this.#events.answered(response);
        this.#backOff.reset();
      }
      return undefined;
    } catch (error) {
      return errorText(error);
    } finally {
      this.#requests = undefined;
      clearTimeout(this.#watchdog);
      requests.end();
      stream.abort();
    }
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    if (this.#unanswered === 0) return;
    this.#watchdog = setTimeout(() => {
      this.#stream?.abort(new Error(`The store did not answer within ${this.#ackWaitMs} ms.`));
    }, this.#ackWaitMs);
  }
}

/** Requests that wait for the stream to take them. */
class RequestQueue implements AsyncIterable<UploadRequest> {
  readonly #waiting: UploadRequest[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  push(request: UploadRequest): void {
    this.#waiting.push(request);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<UploadRequest> {
    while (!this.#ended) {
      const request = this.#waiting.shift();
      if (request !== undefined) {
        yield request;
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
  }
}
