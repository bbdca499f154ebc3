import type { Fault } from '@sidegate/crds';
import type { Recorder } from '../recorder.ts';

/** Someone with records gathered and bytes waiting for them to be written. */
export interface TurnMember {
  /** The records are written: forward what waits, once the store has them where the session asks for that. */
  release(): void;
  /** The records cannot be written now: read nothing more until `release`. */
  block(): void;
  /** The records cannot be written at all: forward nothing, refuse. */
  refuse(fault: Fault): void;
}

/** How long a full spool is waited for before sessions are refused, in milliseconds. */
const ROOM_WAIT_MS_MAX = 30_000;

/**
 * Gathers what all sessions did in one turn of the event loop, so that one write to the spool serves them all, and lets go of
 * their bytes only after it. The only place that commits.
 */
export class Turn {
  readonly #recorder: Recorder;
  readonly #roomWaitMs: number;
  #members: TurnMember[] = [];
  #scheduled = false;
  #waiting = false;
  /** Why the spool, after all that waiting, still takes nothing. */
  #refusing: Fault | undefined;

  constructor(recorder: Recorder, roomWaitMs: number = ROOM_WAIT_MS_MAX) {
    this.#recorder = recorder;
    this.#roomWaitMs = roomWaitMs;
  }

  /** True while the spool has no room: whoever joins waits for it or, once it was waited for in vain, is refused. */
  get blocked(): boolean {
    return this.#waiting || this.#refusing !== undefined;
  }

  /** A member joins at most once a turn; it keeps that count itself. */
  join(member: TurnMember): void {
    this.#members.push(member);
    if (this.#waiting) {
      member.block();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#end());
    }
  }

  #end(): void {
    this.#scheduled = false;
    if (this.#refusing !== undefined) {
      this.#refuse(this.#refusing);
      return;
    }
    const commit = this.#recorder.commit();
    if (!commit.ok) {
      void this.#waitForRoom(commit.fault);
      return;
    }
    for (const member of this.#takeMembers()) member.release();
  }

  async #waitForRoom(fault: Fault<'SpoolFull' | 'SpoolBroken'>): Promise<void> {
    if (fault.code === 'SpoolBroken') {
      this.#refuse(fault);
      return;
    }
    this.#waiting = true;
    for (const member of this.#members) member.block();
    const signal = AbortSignal.timeout(this.#roomWaitMs);
    await this.#recorder.roomAgain(signal);
    this.#waiting = false;
    if (!signal.aborted) {
      this.#end();
      return;
    }
    this.#refusing = fault;
    this.#refuse(fault);
    await this.#writeWhatIsLeft();
    this.#refusing = undefined;
  }

  /** Those who were refused have an end in the record all the same, as soon as there is room. */
  async #writeWhatIsLeft(): Promise<void> {
    const { signal } = new AbortController();
    do await this.#recorder.roomAgain(signal);
    while (!this.#recorder.commit().ok);
  }

  #refuse(fault: Fault): void {
    for (const member of this.#takeMembers()) member.refuse(fault);
  }

  #takeMembers(): readonly TurnMember[] {
    const members = this.#members;
    this.#members = [];
    return members;
  }
}
