import { Worker } from 'node:worker_threads';
import type { SpoolEnd } from '../spool/segment-writer.ts';
import type { SpoolReader } from '../spool/spool.ts';
import { errorText } from '../spool/system-error.ts';
import type { FromUplink, RecorderNotice, StoreAddress, ToUplink, UplinkLimits } from './messages.ts';
import { SharedPosition } from './shared-position.ts';

const RESTART_MS = 1000;

export interface UplinkThreadOptions {
  readonly folder: string;
  readonly store: StoreAddress;
  readonly limits: UplinkLimits;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly removed: (bytes: number) => void;
  readonly stored: (sessionId: string, sequence: number) => void;
  readonly refused: (sessionId: string, reason: string) => void;
  readonly notice: (notice: RecorderNotice) => void;
}

/** Runs the uplink in a thread of its own, so that hashing and compressing never stand in the way of a command. */
export class UplinkThread implements SpoolReader {
  readonly #options: UplinkThreadOptions;
  readonly #position = new SharedPosition();
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;
  #closed = false;

  constructor(options: UplinkThreadOptions) {
    this.#options = options;
  }

  advanced(end: SpoolEnd, awaited: boolean): void {
    const sleeping = this.#position.advance(end);
    if (this.#worker === undefined && this.#restart === undefined && !this.#closed) this.#start();
    else if (sleeping || awaited) this.#post('Advanced');
  }

  async drained(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.#post('Drain');
    await promise;
    this.#drained = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): void {
    this.#restart = undefined;
    const { folder, store, limits, random } = this.#options;
    const randomSeed = Math.floor(random() * 2 ** 32);
    const worker = new Worker(workerFile(), {
      name: 'uplink',
      workerData: { folder, store, limits, randomSeed, position: this.#position.buffer },
    });
    this.#worker = worker;
    worker.on('message', (message: FromUplink) => this.#hear(message));
    worker.on('error', (error) => this.#died(worker, errorText(error)));
    worker.on('exit', (code) => this.#died(worker, `It ended with code ${code}.`));
    if (this.#drained !== undefined) this.#post('Drain');
  }

  /** Nothing is lost with the thread: a new one reads what the spool still holds. */
  #died(worker: Worker, reason: string): void {
    if (this.#closed || this.#worker !== worker) return;
    this.#worker = undefined;
    this.#options.notice({ kind: 'UplinkRestarted', reason });
    this.#restart = setTimeout(() => this.#start(), RESTART_MS);
  }

  #post(message: ToUplink): void {
    this.#worker?.postMessage(message);
  }

  #hear(message: FromUplink): void {
    switch (message.kind) {
      case 'Removed':
        return this.#options.removed(message.bytes);
      case 'Stored':
        return this.#options.stored(message.sessionId, message.sequence);
      case 'Refused':
        return this.#options.refused(message.sessionId, message.reason);
      case 'Drained':
        return this.#drained?.();
      case 'Notice':
        return this.#options.notice(message.notice);
    }
  }
}

/** Beside this file in the sources; beside the one bundled file, as `uplink-worker.js`, in an image. */
function workerFile(): URL {
  const source = import.meta.url.endsWith('.ts');
  return new URL(source ? './worker.ts' : './uplink-worker.js', import.meta.url);
}
