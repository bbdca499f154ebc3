import { concatenate } from '../concatenate.ts';
import type { CommandId, Step } from './protocol.ts';

/** A piece of so many bytes is a step of its own: to copy it together with others would cost more than a step does. */
const LARGE_BYTES = 16 * 1024;

/**
 * Gathers the steps of one call. Neighbouring pieces of one command's answer become one step: frames that lie behind one another in the
 * received chunk stay a single view of it, and only a mixture of views and rewritten rows is copied together.
 */
export class Outbox {
  #steps: Step[] = [];
  #commandId: CommandId = 0;
  #parts: Uint8Array[] = [];
  /** The same answer as the record shows it; undefined as long as it is no different. */
  #recorded: Uint8Array[] | undefined;
  // The view that may still grow.
  #buffer: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** A frame of the answer as it is: `start` to `end` of the received bytes. */
  pass(commandId: CommandId, buffer: Uint8Array, start: number, end: number): void {
    if (commandId !== this.#commandId) this.flush();
    this.#commandId = commandId;
    if (this.#buffer === buffer && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#endView();
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  /** A rewritten piece of the answer. */
  answer(commandId: CommandId, bytes: Uint8Array, recorded: Uint8Array = bytes): void {
    if (commandId !== this.#commandId) this.flush();
    this.#commandId = commandId;
    this.#endView();
    const isLarge = bytes.length >= LARGE_BYTES;
    if (isLarge) this.flush();
    if (recorded !== bytes && this.#recorded === undefined) this.#recorded = [...this.#parts];
    this.#parts.push(bytes);
    this.#recorded?.push(recorded);
    if (isLarge) this.flush();
  }

  /** Any other step, after what was gathered. */
  push(step: Step): void {
    this.flush();
    this.#steps.push(step);
  }

  flush(): void {
    this.#endView();
    if (this.#parts.length === 0) return;
    const bytes = concatenate(this.#parts);
    const step = { kind: 'Answer', commandId: this.#commandId, bytes } as const;
    this.#steps.push(this.#recorded === undefined ? step : { ...step, recorded: concatenate(this.#recorded) });
    this.#parts = [];
    this.#recorded = undefined;
  }

  /** All steps so far, in order. */
  take(): readonly Step[] {
    this.flush();
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  #endView(): void {
    if (this.#buffer === undefined) return;
    const view = this.#buffer.subarray(this.#start, this.#end);
    this.#parts.push(view);
    this.#recorded?.push(view);
    this.#buffer = undefined;
  }
}
