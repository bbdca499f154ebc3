import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Opened, SessionEvent } from '@sidegate/session';
import type { Recorder, SessionRecord, Stored } from '../../recorder.ts';

/** A recorder that says what was written when, and can be made to fail. */
export class ScriptedRecorder implements Recorder {
  readonly written: string[] = [];
  gathered: string[] = [];
  /** All that was recorded, as it was given. */
  readonly events: (Opened | SessionEvent)[] = [];
  fault: Fault<'SpoolFull' | 'SpoolBroken'> | undefined;
  stored: Stored | undefined;
  makeRoom: () => void = () => {};
  #opened = 0;

  open(opened?: Opened): SessionRecord {
    this.gathered.push('Opened');
    if (opened !== undefined) this.events.push(opened);
    const append = (event: SessionEvent): void => {
      this.events.push(event);
      this.gathered.push(describeEvent(event));
    };
    const sessionId = opened?.sessionId ?? `s${++this.#opened}`;
    const stored = () => this.stored;
    return {
      sessionId,
      get stored() {
        return stored();
      },
      append,
      require: () => undefined,
    };
  }

  commit(): Result<void, Fault<'SpoolFull' | 'SpoolBroken'>> {
    if (this.fault !== undefined) return fail(this.fault);
    this.written.push(...this.gathered);
    this.gathered = [];
    return ok(undefined);
  }

  roomAgain(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.makeRoom = resolve;
      signal.addEventListener('abort', () => resolve());
    });
  }

  async close(): Promise<void> {}
}

function describeEvent(event: SessionEvent): string {
  switch (event.kind) {
    case 'CommandJudged':
      return `Judged ${event.text} ${event.decision}`;
    case 'HoldEnded': {
      const by = event.decidedBy.map(({ user, decision, reason }) => `, ${decision} by ${user}: ${reason}`).join('');
      return `Hold ${event.commandId} ${event.outcome}${by}${event.reason === '' ? '' : ` (${event.reason})`}`;
    }
    case 'CommandForwarded':
      return `Forwarded ${event.commandId}`;
    case 'AnswerPart':
      return `Answer ${Buffer.from(event.bytes).toString().trim()}`;
    case 'CommandFinished':
      return `Finished ${event.commandId} ${event.outcome}`;
    case 'Closed':
      return `Closed ${event.code}`;
    default:
      return event.kind;
  }
}
