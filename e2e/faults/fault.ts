/** What a run of the faults was asked for. */
export interface FaultOptions {
  /** How often the gate is killed; others take their share of it. */
  readonly kills: number;
  /** Numbers in [0, 1), the same for the same seed. */
  readonly random: () => number;
  readonly progress: (line: string) => void;
}

/** One row of the table. */
export interface FaultResult {
  readonly name: string;
  /** What was done, with figures. */
  readonly done: string;
  /** What came of it. */
  readonly figures: Readonly<Record<string, number | string | boolean>>;
  readonly ok: boolean;
  readonly complaints: readonly string[];
}

/** The row of a fault that cannot be brought about here: `needs` says what for. */
export function leftOut(name: string, needs: string): FaultResult {
  return { name, done: `left out: it needs ${needs}`, figures: { leftOut: true }, ok: true, complaints: [] };
}

/** Something that is broken on purpose, and the promise that must hold all the same. */
export interface Fault {
  readonly name: string;
  readonly promise: string;
  readonly run: (options: FaultOptions) => Promise<FaultResult>;
}

/** A small generator of numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
