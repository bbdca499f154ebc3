import { ProgressJournal, readProgress } from '../spool/progress.ts';
import { openSpool, SPOOL_LIMITS, type Spool, type SpoolLimits } from '../spool/spool.ts';
import { NODE_FILES, type SpoolFiles } from '../spool/spool-files.ts';
import type { FakeStore } from './fake-store.ts';
import { type FromUplink, type RecorderNotice, UPLINK_LIMITS, type UplinkLimits } from './messages.ts';
import { SharedPosition } from './shared-position.ts';
import { SpareMemory } from './spare-memory.ts';
import { Uplink } from './uplink.ts';

export const DEADLINE_MS = 60_000;

/** Gives everybody a turn until it holds. */
export async function turnsUntil(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it does not come');
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

export interface OneThreadGateOptions {
  readonly folder: string;
  readonly store: FakeStore;
  readonly limits?: Partial<UplinkLimits>;
  readonly spoolLimits?: Partial<SpoolLimits>;
  readonly files?: SpoolFiles;
  readonly nowMs?: () => number;
}

/** For tests: a spool and its uplink in one thread, so that a test can stop them at any point. */
export class OneThreadGate {
  readonly spool: Spool;
  readonly notices: RecorderNotice[] = [];
  readonly #options: OneThreadGateOptions;
  #uplink: Uplink | undefined;
  readonly #position = new SharedPosition();
  #drained: () => void = () => {};
  readonly #noticed = new Map<RecorderNotice['kind'], () => void>();

  constructor(options: OneThreadGateOptions) {
    this.#options = options;
    const limits = {
      ...SPOOL_LIMITS,
      lockWaitMs: 0,
      segmentBytesMax: 2000,
      centralWaitMs: DEADLINE_MS,
      ...options.spoolLimits,
    };
    const { folder, files = NODE_FILES } = options;
    const opening = openSpool({ folder, gateId: 'g', nowUs: () => 7, limits, files });
    if (!opening.ok) throw new Error(opening.fault.message);
    this.spool = opening.value;
  }

  /** Again: the one before ends as its thread would, at any moment, and a new one takes its place. */
  startUplink(): this {
    this.#uplink?.stop();
    const { folder, store, limits, files = NODE_FILES, nowMs } = this.#options;
    const uplink: Uplink = new Uplink({
      folder,
      journal: new ProgressJournal(folder, readProgress(folder)),
      memory: new SpareMemory(1024 * 1024),
      passed: () => undefined,
      // A pause without spread of 0 ms: retries come at once.
      limits: { ...UPLINK_LIMITS, pauseMsMin: 0, pauseMsMax: 0, againMsMin: 0, againMsMax: 0, ...limits },
      files,
      open: store.open,
      end: () => this.#position.read(),
      sleep: (seen) => this.#position.sleep(seen),
      tell: (message) => this.#hear(message),
      nowMs: nowMs ?? (() => performance.now()),
      random: () => 0,
    });
    this.#uplink = uplink;
    this.spool.attach({
      advanced: (end, awaited) => {
        if (this.#position.advance(end) || awaited) this.#uplink?.wake();
      },
      drained: async () => {},
      close: async () => {},
    });
    void uplink.run();
    return this;
  }

  commit(): void {
    const committed = this.spool.commit();
    if (!committed.ok) throw new Error(committed.fault.message);
  }

  async drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#uplink?.drain();
    });
  }

  async noticed(kind: RecorderNotice['kind']): Promise<void> {
    if (this.notices.some((notice) => notice.kind === kind)) return;
    await new Promise<void>((resolve) => void this.#noticed.set(kind, resolve));
  }

  /** As if the process had been killed: nothing more is read, sent or written. */
  async stop(): Promise<void> {
    this.#uplink?.stop();
    await this.spool.close(AbortSignal.abort());
  }

  #hear(message: FromUplink): void {
    if (message.kind === 'Drained') this.#drained();
    if (message.kind === 'Removed') this.spool.removed(message.bytes);
    if (message.kind === 'Stored') this.spool.waits.stored(message.sessionId, message.sequence);
    if (message.kind === 'Refused') this.spool.waits.refused(message.sessionId, message.reason);
    if (message.kind !== 'Notice') return;
    if (message.notice.kind === 'SegmentUnreadable') this.spool.unreadable(message.notice.segment);
    this.notices.push(message.notice);
    this.#noticed.get(message.notice.kind)?.();
  }
}
