import { openMint, type Permit } from '../permit.ts';
import type { CommandId } from '../protocols/protocol.ts';

interface Running {
  readonly startedUs: number;
  forwarded: boolean;
  answerBytes: number;
}

/** The commands of one session that were judged and are not finished, and their permits. */
export class RunningCommands {
  readonly #running = new Map<CommandId, Running>();
  readonly #mint = openMint();

  begin(commandId: CommandId, startedUs: number): void {
    this.#running.set(commandId, { startedUs, forwarded: false, answerBytes: 0 });
  }

  permit(commandId: CommandId): Permit {
    return this.#mint.mint(commandId);
  }

  /** Checks the permit of bytes about to leave; true for the first of their command. Throws without a permit: that is a bug. */
  forward(commandId: CommandId, permit: Permit): boolean {
    if (!this.#mint.admits(permit, commandId))
      throw new Error(`command ${commandId} was about to be forwarded without a permit`);
    const running = this.#running.get(commandId);
    if (running === undefined || running.forwarded) return false;
    running.forwarded = true;
    return true;
  }

  answered(commandId: CommandId, bytes: number): void {
    const running = this.#running.get(commandId);
    if (running !== undefined) running.answerBytes += bytes;
  }

  /** Ends a command and its permit; one that never began took no time, nor did one during which the clock was set back. */
  finish(commandId: CommandId, nowUs: number): { readonly durationUs: number; readonly answerBytes: number } {
    const running = this.#running.get(commandId);
    this.#running.delete(commandId);
    this.#mint.retire(commandId);
    return {
      // The record has no number below zero: an event that held one could not be read again.
      durationUs: running === undefined ? 0 : Math.max(0, nowUs - running.startedUs),
      answerBytes: running?.answerBytes ?? 0,
    };
  }

  /** True while something was sent to the target and is not finished. */
  get isAnyForwarded(): boolean {
    for (const { forwarded } of this.#running.values()) if (forwarded) return true;
    return false;
  }

  get ids(): readonly CommandId[] {
    return [...this.#running.keys()];
  }
}
