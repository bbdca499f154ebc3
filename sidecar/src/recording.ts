import { ok, type Result } from '@sidegate/crds';
import type { Recorder } from './recorder.ts';
import { openSpool, SPOOL_LIMITS, type SpoolLimits, type SpoolOpenFault } from './spool/spool.ts';
import { type RecorderNotice, type StoreAddress, UPLINK_LIMITS, type UplinkLimits } from './uplink/messages.ts';
import { UplinkThread } from './uplink/uplink-thread.ts';

export type { RecorderNotice, StoreAddress } from './uplink/messages.ts';

export interface RecorderOptions {
  /** Made when it is not there. One process at a time may use it. */
  readonly spoolFolder: string;
  /** Stays the same when the gate is started again. */
  readonly gateId: string;
  /** Undefined: records stay in the spool until it is full. */
  readonly store: StoreAddress | undefined;
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** Numbers in [0, 1), to spread retries. */
  readonly random: () => number;
  readonly limits?: Partial<SpoolLimits & UplinkLimits>;
  /** Told what whoever runs the gate should know. Must not throw. */
  readonly notice: (notice: RecorderNotice) => void;
}

/** A recorder and what can be measured of it. */
export interface GateRecorder extends Recorder {
  /** Bytes of all segments on disk. */
  readonly bytes: number;
  /** Sessions that an earlier process left open; each now has a Closed. */
  readonly leftovers: { readonly openSessions: readonly { readonly sessionId: string }[]; readonly tornBytes: number };
}

/** The gate's recorder: a spool in `spoolFolder`, and a thread that takes it to the store. Faults when the folder is in use or cannot be. */
export function createRecorder(options: RecorderOptions): Result<GateRecorder, SpoolOpenFault> {
  const { spoolFolder: folder, gateId, store, nowUs, random, notice } = options;
  const opened = openSpool({ folder, gateId, nowUs, limits: { ...SPOOL_LIMITS, ...options.limits } });
  if (!opened.ok || store === undefined) return opened;
  const spool = opened.value;
  spool.attach(
    new UplinkThread({
      folder,
      store,
      limits: { ...UPLINK_LIMITS, ...options.limits },
      random,
      notice: (noticed) => {
        if (noticed.kind === 'SegmentUnreadable') spool.unreadable(noticed.segment);
        notice(noticed);
      },
      removed: (bytes) => spool.removed(bytes),
      stored: (sessionId, sequence) => spool.waits.stored(sessionId, sequence),
      refused: (sessionId, reason) => spool.waits.refused(sessionId, reason),
    }),
  );
  return ok(spool);
}
