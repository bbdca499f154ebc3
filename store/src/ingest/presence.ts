import type { Clock } from '../clock.ts';
import type { TailTable } from '../index/tail-table.ts';

/** Which gates have a stream open. A gate that is there may be silent for as long as its agents are. */
export class Presence {
  readonly #tails: TailTable;
  readonly #nowUs: Clock;
  readonly #streams = new Map<string, number>();

  constructor(tails: TailTable, nowUs: Clock) {
    this.#tails = tails;
    this.#nowUs = nowUs;
  }

  has(gate: string): boolean {
    return this.#streams.has(gate);
  }

  /** One stream, for as long as it is open. `of` is the gate that it was opened by, where that is known. */
  stream(of?: string): GateStream {
    const gates = new Set<string>();
    const isThere = (gate: string): void => {
      if (gates.has(gate)) return;
      gates.add(gate);
      this.#streams.set(gate, (this.#streams.get(gate) ?? 0) + 1);
      this.#tails.heardGate(gate, this.#nowUs());
    };
    if (of !== undefined) isThere(of);
    return {
      speaksOf: (sessionId) => {
        const gate = this.#tails.gateOf(sessionId);
        if (gate !== undefined) isThere(gate);
      },
      end: () => {
        for (const gate of gates) {
          const left = (this.#streams.get(gate) ?? 1) - 1;
          if (left === 0) this.#streams.delete(gate);
          else this.#streams.set(gate, left);
          this.#tails.heardGate(gate, this.#nowUs());
        }
        gates.clear();
      },
    };
  }
}

export interface GateStream {
  /** The stream sent, or asked for, this session: its gate is there. */
  speaksOf(sessionId: string): void;
  end(): void;
}
