import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { BufferGarbage, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Clock } from './clock.ts';
import { Evidence } from './evidence.ts';
import { AlarmTable } from './index/alarm-table.ts';
import { ChunkTable, lastSegmentIn } from './index/chunk-table.ts';
import { EventTable } from './index/event-table.ts';
import { openIndex } from './index/index-database.ts';
import { PodTable } from './index/pod-table.ts';
import { ReadingTable } from './index/reading-table.ts';
import { RetentionTable } from './index/retention-table.ts';
import { SessionQuery } from './index/session-query.ts';
import { TailTable } from './index/tail-table.ts';
import { Intake } from './ingest/intake.ts';
import { Presence } from './ingest/presence.ts';
import { createMetrics, type StoreMetrics } from './metrics.ts';
import { Arrivals } from './reading/arrivals.ts';
import { type Recovery, recover } from './recovery.ts';
import { Retention, type RetentionLimits } from './retention/retention.ts';
import { SegmentLog } from './segments/segment-log.ts';

export interface StoreOptions {
  readonly directory: string;
  readonly limits: RetentionLimits;
  /** A segment of this size is full. */
  readonly segmentBytesMax: number;
  /** Nothing is taken in when the disk has less free than this. */
  readonly diskReserveBytes: number;
  readonly nowUs: Clock;
  /** Told what should not happen and did not stop the store. */
  readonly report: (error: unknown) => void;
}

/** Evidence may take this much of the disk. */
const EVIDENCE_BYTES_MAX = 256 * 1024 * 1024;

/** The central store on one folder, without its network. */
export class Store {
  readonly intake: Intake;
  readonly presence: Presence;
  readonly retention: Retention;
  readonly arrivals: Arrivals;
  readonly query: SessionQuery;
  readonly chunks: ChunkTable;
  readonly alarms: AlarmTable;
  readonly readings: ReadingTable;
  readonly pods: PodTable;
  readonly segments: SegmentLog;
  readonly metrics: StoreMetrics;
  readonly recovery: Recovery;
  readonly nowUs: Clock;
  readonly #database: DatabaseSync;
  readonly #options: StoreOptions;

  private constructor(options: StoreOptions, database: DatabaseSync, segments: SegmentLog) {
    const { nowUs } = options;
    this.#options = options;
    this.#database = database;
    this.nowUs = nowUs;
    this.segments = segments;
    this.metrics = createMetrics();
    this.arrivals = new Arrivals();
    this.chunks = new ChunkTable(database);
    this.alarms = new AlarmTable(database);
    this.readings = new ReadingTable(database);
    this.pods = new PodTable(database);
    this.query = new SessionQuery(database);
    const tails = new TailTable(database);
    this.presence = new Presence(tails, nowUs);
    const evidence = new Evidence(join(options.directory, 'evidence'), EVIDENCE_BYTES_MAX);
    const parts = {
      database,
      segments,
      chunks: this.chunks,
      events: new EventTable(database),
      alarms: this.alarms,
      tails,
      evidence,
      metrics: this.metrics,
      nowUs,
    };
    this.recovery = recover(parts);
    this.intake = new Intake({
      ...parts,
      refusal: (bytes) => this.#refusal(bytes),
      stored: () => this.arrivals.announce(),
      report: options.report,
    });
    this.retention = new Retention(
      {
        ...parts,
        sessions: new RetentionTable(database),
        present: (gate) => this.presence.has(gate),
      },
      options.limits,
    );
    this.metrics.watch({
      openSessions: () => tails.openSessions(),
      diskBytes: () => ({ segments: segments.bytes, index: this.#indexBytes(), evidence: evidence.bytes }),
    });
  }

  /**
   * Opens the folder, making it (for its owner alone) when it is missing, and brings the index up to date.
   * Faults: StoreBusy, IndexVersion, IndexBroken, StoreUnreadable.
   */
  static async open(options: StoreOptions): Promise<Result<Store, Fault>> {
    try {
      mkdirSync(options.directory, { recursive: true, mode: 0o700 });
      const index = openIndex(join(options.directory, 'index.sqlite'));
      if (!index.ok) return index;
      const garbage = new BufferGarbage();
      const folder = join(options.directory, 'segments');
      const passed = (bytes: number): void => garbage.passed(bytes);
      const segments = await SegmentLog.open(folder, options.segmentBytesMax, passed, lastSegmentIn(index.value));
      return ok(new Store(options, index.value, segments));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `The store's folder cannot be used: ${reason}.`;
      return fail({ code: 'StoreUnreadable', message, where: options.directory });
    }
  }

  /** What is due from time to time: marks unknown tails, and keeps the limits. */
  async tidy(): Promise<void> {
    await this.retention.pass();
    this.pods.forgetUnused(this.nowUs());
    this.arrivals.announce();
  }

  #refusal(bytes: number): string | undefined {
    const { limits, directory, diskReserveBytes } = this.#options;
    if (limits.bytesMax > 0 && this.segments.bytes + bytes > limits.bytesMax) {
      // Room is made while the gate keeps the chunk; it will send it again.
      this.retention.makeRoom(bytes).catch(this.#options.report);
      return `The store is full: ${this.segments.bytes} of ${limits.bytesMax} bytes are in use.`;
    }
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize < diskReserveBytes + bytes) return 'The disk of the store is full.';
    return undefined;
  }

  #indexBytes(): number {
    const file = join(this.#options.directory, 'index.sqlite');
    return ['', '-wal'].reduce(
      (sum, end) => sum + (statSync(`${file}${end}`, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }

  /** Answers what waits, then closes the files. Nothing may be offered any more. */
  async close(): Promise<void> {
    this.arrivals.end();
    await this.intake.idle();
    await this.retention.end();
    await this.segments.close();
    this.#database.close();
  }
}
