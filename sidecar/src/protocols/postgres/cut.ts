import type { Refusal } from '../protocol.ts';
import { FRAME } from './codec.ts';
import { TERMINATE } from './codec-writer.ts';
import type { Lane } from './lane.ts';
import { isPureRead } from './pure-read.ts';
import { sqlStateOf, writeFarewell, writeRefusal } from './refuse.ts';
import type { RunningCommand } from './running-command.ts';

/** Frames after which the server owes nothing more for an Execute. */
const EXECUTE_ENDS: ReadonlySet<number> = new Set([
  FRAME.commandComplete,
  FRAME.emptyQuery,
  FRAME.portalSuspended,
  FRAME.error,
]);

/**
 * Ends answers in the middle when a limit says so. The agent gets an ERROR and its session goes on, where that is the truth: the command only
 * read. Where something may have been changed nobody can say whether it stands, and a client that is told ERROR would take it for undone: then
 * the session ends with FATAL, after which every client knows that it does not know.
 */
export class AnswerCut {
  readonly #lane: Lane;
  /** What is left of a cut answer is dropped. */
  #dropping: 'Nothing' | 'Query' | 'Execute' = 'Nothing';

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Counts a part of an answer. False: it may not pass, and the answer has been ended. */
  admits(command: RunningCommand, rows: number, bytes: number): boolean {
    const refusal = command.meter?.take(rows, bytes);
    if (refusal === undefined) return true;
    this.#end(command, refusal);
    return false;
  }

  /** True when a frame belongs to what was cut: it is dropped. */
  drops(type: number): boolean {
    if (this.#dropping === 'Nothing' || type === FRAME.parameterStatus || type === FRAME.notification) return false;
    if (type === FRAME.readyForQuery) {
      this.#dropping = 'Nothing';
      return false;
    }
    if (type === FRAME.error) this.#lane.state.failed();
    if (this.#dropping === 'Execute' && EXECUTE_ENDS.has(type)) this.#dropping = 'Nothing';
    return true;
  }

  #end(command: RunningCommand, refusal: Refusal): void {
    const lane = this.#lane;
    const { outbox } = lane;
    command.failed = true;
    command.errorCode = sqlStateOf(refusal);
    command.errorText = refusal.reason;
    const text = `The answer to command ${command.id} was cut after ${command.rows} rows: ${refusal.reason}`;
    outbox.push({ kind: 'Remark', code: 'AnswerCut', text });
    if (!this.#isHarmless(command)) {
      lane.finish(command);
      lane.end('Refused', refusal.reason, writeFarewell(refusal, 'Refused'), { kind: 'PaceTarget', bytes: TERMINATE });
      return;
    }
    outbox.answer(command.id, writeRefusal(refusal));
    this.#dropping = lane.head?.kind === 'Execute' ? 'Execute' : 'Query';
    if (this.#dropping === 'Execute') lane.failCycle();
    if (!this.#isAlone()) return;
    lane.cancelling = true;
    outbox.push({ kind: 'CancelTarget' });
  }

  /** A cancel could meet whatever else is under way, or may be soon: then the rest of the answer is read and dropped instead. */
  #isAlone(): boolean {
    const { queue, waiting } = this.#lane;
    return waiting === undefined && queue.length <= 1;
  }

  /** True when the agent may be told that nothing was done, whether or not the server carries the command to its end. */
  #isHarmless(command: RunningCommand): boolean {
    const lane = this.#lane;
    if (!isPureRead(command.reading) || lane.writingCycles.has(command.cycle)) return false;
    if (lane.head?.kind !== 'Execute') return lane.head?.kind === 'Query';
    // What was sent in the same cycle would be carried out although the agent takes it for skipped.
    const second = lane.queue[1];
    return second === undefined || second.kind === 'Sync' || second.kind === 'Local';
  }
}
