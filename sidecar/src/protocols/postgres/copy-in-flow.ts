import { concatenate } from '../../concatenate.ts';
import { FRAME, type FrameScanner } from './codec.ts';
import { writeFrame } from './codec-writer.ts';
import { openCopyMasker } from './copy-mask.ts';
import type { CopyMasker } from './copy-masker.ts';
import type { Lane } from './lane.ts';
import { MaskPlanner } from './mask.ts';
import type { RunningCommand } from './running-command.ts';

/**
 * Rows that the agent sends for a COPY. They belong to the command that was judged; the record gets them with masks applied. Frames that
 * lie behind one another go as one step.
 */
export class CopyInFlow {
  readonly #lane: Lane;
  #command: RunningCommand | undefined;
  #masker: CopyMasker | undefined;
  #buffer: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  /** The gathered rows as the record shows them, where masks change them. */
  #recorded: Uint8Array[] = [];

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Takes one frame while the server waits for rows. */
  take(type: number, scanner: FrameScanner): boolean {
    const lane = this.#lane;
    const command = lane.copyCommand;
    if (command === undefined) return true;
    if (command !== this.#command) this.#begin(command);
    switch (type) {
      case FRAME.copyData:
        this.#rows(scanner);
        return true;
      case FRAME.copyDone:
      case FRAME.copyFail:
        this.#over(command, scanner.frame(), type);
        return true;
      case FRAME.flush:
      case FRAME.sync:
        // The server ignores both while it reads rows, and answers neither.
        return true;
      default:
        lane.breach('Fault', 'The client sent another command in the middle of a COPY.');
        return true;
    }
  }

  /** Lets go of rows that were gathered. */
  flush(): void {
    const buffer = this.#buffer;
    const command = this.#command;
    if (buffer === undefined || command === undefined) return;
    this.#buffer = undefined;
    if (this.#lane.over) return;
    const bytes = buffer.subarray(this.#start, this.#end);
    const recorded = this.#recorded;
    this.#recorded = [];
    this.#input(command, bytes, this.#masker === undefined ? bytes : concatenate(recorded));
  }

  #begin(command: RunningCommand): void {
    const lane = this.#lane;
    this.#command = command;
    const planner = new MaskPlanner(command.recordMasks, lane.catalog);
    this.#masker = openCopyMasker(command.statement?.copy, command.reading, planner, lane);
  }

  /** Rows of one received chunk go on, and into the record, together: clients send each in a frame of its own. */
  #rows({ buffer, start, end }: FrameScanner): void {
    if (this.#buffer !== buffer || this.#end !== start) {
      this.flush();
      this.#buffer = buffer;
      this.#start = start;
    }
    this.#end = end;
    if (this.#masker === undefined) return;
    const masked = this.#masker.mask(buffer.subarray(start + 5, end));
    // Rows that are not what the statement said: the server will refuse them, the record shows that they came and no more.
    this.#recorded.push(writeFrame(FRAME.copyData, masked === undefined ? new Uint8Array(0) : masked.bytes));
  }

  #over(command: RunningCommand, frame: Uint8Array, type: number): void {
    const lane = this.#lane;
    const rest = this.#masker?.end()?.bytes;
    if (rest !== undefined && rest.length > 0)
      this.#input(command, new Uint8Array(0), writeFrame(FRAME.copyData, rest));
    const hidden = type === FRAME.copyFail && !command.recordMasks.empty;
    this.#input(command, frame, hidden ? writeFrame(FRAME.copyFail, '[masked]') : frame);
    this.#command = undefined;
    this.#masker = undefined;
    // Another COPY of the same text may follow; nothing else may before the command is done.
    lane.copy = 'Awaited';
    // In the extended protocol the server keeps its answer back; a frame that waits for it would wait for ever.
    if (lane.head?.kind === 'Execute') lane.flushNeeded = true;
  }

  #input(command: RunningCommand, bytes: Uint8Array, recorded: Uint8Array): void {
    this.#lane.outbox.push({ kind: 'Input', commandId: command.id, permit: command.permit, bytes, recorded });
  }
}
