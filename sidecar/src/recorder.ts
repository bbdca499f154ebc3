import type { Durability, Fault, Result } from '@sidegate/crds';
import type { Opened, SessionEvent } from '@sidegate/session';

/**
 * Where the gate writes down what happens. `append` only gathers; `commit` makes one write of all that was gathered since the last
 * commit, by whichever session. Nothing may be forwarded before the commit that holds its record.
 */
export interface Recorder {
  open(opened: Opened, durability: Durability): SessionRecord;
  /** One append to the spool. A fault (disk full, spool full) means: forward nothing of what was gathered. */
  commit(): Result<void, Fault<'SpoolFull' | 'SpoolBroken'>>;
  /** Settles when the spool has room again after SpoolFull, or when `signal` aborts. */
  roomAgain(signal: AbortSignal): Promise<void>;
  /** Writes what is gathered and hands what can be handed to the store, until `signal` aborts. */
  close(signal: AbortSignal): Promise<void>;
}

/** What the store makes of records. Never rejects. */
export type Stored = Promise<Result<void, Fault<'StoreUnavailable'>>>;

export interface SessionRecord {
  readonly sessionId: string;
  /** Settles once the store holds on disk all that was written of the session while it was Central; undefined when nothing was. */
  readonly stored: Stored | undefined;
  append(event: Exclude<SessionEvent, Opened>): void;
  /** From the next append on, what the session asks of its commits: a policy change can ask for more, or for less again. */
  require(durability: Durability): void;
}
