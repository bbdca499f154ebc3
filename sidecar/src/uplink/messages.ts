import type { Upstream } from '../dns/upstream-lookup.ts';

/** Where the store is and how the gate shows who it is. */
export interface StoreAddress {
  /** `https://host:port`, or `http://host:port` on one machine. */
  readonly url: string;
  /** Read afresh for each stream. */
  readonly tokenFile: string;
  /** PEM file of the roots that the store's certificate must lead to; undefined: the system's. */
  readonly caFile?: string;
  /** The same as PEM text. */
  readonly authority?: string;
  /** Who is asked for the store's address; undefined: whoever the machine asks. */
  readonly upstream?: Upstream;
}

/** Limits of the way to the store. Bytes and milliseconds. */
export interface UplinkLimits {
  /** A chunk is cut when it has reached this; one event may be larger. Default 1 MiB. */
  readonly chunkBytesMax: number;
  /** How long an answer may wait for more before it is sent. Default 1 s. */
  readonly chunkWaitMs: number;
  /** What is read from the spool and not yet acknowledged. Default 8 MiB. */
  readonly memoryBytesMax: number;
  /** Chunks that may be on their way at once. Default 32. */
  readonly inFlightMax: number;
  /** How long an acknowledgement may take before the stream is given up. Default 30 s. */
  readonly ackWaitMs: number;
  /** The first and the longest pause after a failure; each is drawn between 0 and its bound. Default 100 ms and 10 s. */
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  /** The first and the longest pause before what cannot leave the spool (a segment that cannot be read, say) is tried again. Default 1 s and 5 min. */
  readonly againMsMin: number;
  readonly againMsMax: number;
  /** Records that the store will not take are set aside in the spool folder up to this. Default 64 MiB. */
  readonly asideBytesMax: number;
}

export const UPLINK_LIMITS: UplinkLimits = {
  chunkBytesMax: 1024 * 1024,
  chunkWaitMs: 1000,
  memoryBytesMax: 8 * 1024 * 1024,
  inFlightMax: 32,
  ackWaitMs: 30_000,
  pauseMsMin: 100,
  pauseMsMax: 10_000,
  againMsMin: 1000,
  againMsMax: 300_000,
  asideBytesMax: 64 * 1024 * 1024,
};

/** What a person who runs the gate should know of. */
export type RecorderNotice =
  | { readonly kind: 'StoreReached' }
  | { readonly kind: 'StoreLost'; readonly reason: string }
  /** The store takes nothing now (it is full); the gate keeps it and tries again. */
  | { readonly kind: 'StorePushesBack'; readonly reason: string }
  /** The store will not take the rest of this session; it is set aside in the spool folder. */
  | { readonly kind: 'SessionRefused'; readonly sessionId: string; readonly reason: string }
  /** Part of a segment cannot be read; what it held is missing from the record. */
  | { readonly kind: 'SegmentDamaged'; readonly segment: number; readonly bytes: number }
  /** The disk does not give a segment, or its end: what it holds is not sent, and stays where it is. All others go on. */
  | { readonly kind: 'SegmentUnreadable'; readonly segment: number; readonly reason: string }
  /** It was read after all, or is gone. */
  | { readonly kind: 'SegmentReadable'; readonly segment: number }
  /** The thread that talks to the store ended and was started again. */
  | { readonly kind: 'UplinkRestarted'; readonly reason: string };

/** What the thread is started with. */
export interface UplinkSettings {
  readonly folder: string;
  readonly store: StoreAddress;
  readonly limits: UplinkLimits;
  readonly randomSeed: number;
  /** See `shared-position.ts`. */
  readonly position: SharedArrayBuffer;
}

export type ToUplink = 'Advanced' | 'Drain';

export type FromUplink =
  /** A segment was deleted. */
  | { readonly kind: 'Removed'; readonly bytes: number }
  /** The store has the session's events up to `sequence`. Only for sessions that somebody waits for. */
  | { readonly kind: 'Stored'; readonly sessionId: string; readonly sequence: number }
  | { readonly kind: 'Refused'; readonly sessionId: string; readonly reason: string }
  /** All that was written when Drain came, and since, is stored. */
  | { readonly kind: 'Drained' }
  | { readonly kind: 'Notice'; readonly notice: RecorderNotice };
