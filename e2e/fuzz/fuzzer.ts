import * as fc from 'fast-check';

/** One way to look for a breach of a promise: cases that are drawn at random, and a check of one case. */
export interface Fuzzer {
  readonly name: string;
  /** What holds for every case, as a sentence. */
  readonly promise: string;
  /** Runs `runs` cases that `seed` alone decides, or only the one at `path`. The first finding is shrunk. */
  run(seed: number, runs: number, path?: string): Promise<Batch>;
}

/** What one batch showed. */
export interface Batch {
  readonly runs: number;
  readonly finding: Finding | undefined;
}

/** A case that breaks a promise. `seed` and `path` make it again. */
export interface Finding {
  readonly fuzzer: string;
  readonly promise: string;
  readonly seed: number;
  readonly path: string;
  /** The smallest case that was found, as source text. */
  readonly input: string;
  readonly complaint: string;
}

/**
 * Makes a fuzzer. `check` says what is wrong with the case, or undefined when the promise holds; a throw is a finding too.
 * `prepare` is awaited once before the first case.
 */
export function defineFuzzer<T>(definition: {
  readonly name: string;
  readonly promise: string;
  readonly cases: fc.Arbitrary<T>;
  readonly check: (value: T) => string | undefined;
  readonly prepare?: () => Promise<void>;
}): Fuzzer {
  const { name, promise, cases, check, prepare } = definition;
  const property = fc.property(cases, (value) => {
    const complaint = check(value);
    if (complaint !== undefined) throw new Error(complaint);
  });
  let prepared: Promise<void> | undefined;
  return {
    name,
    promise,
    async run(seed, runs, path) {
      await (prepared ??= prepare?.() ?? Promise.resolve());
      const details = fc.check(property, { seed, numRuns: runs, ...(path === undefined ? {} : { path }) });
      if (!details.failed) return { runs: details.numRuns, finding: undefined };
      const finding = {
        fuzzer: name,
        promise,
        seed,
        path: details.counterexamplePath ?? '',
        input: fc.stringify(details.counterexample?.[0]),
        complaint: details.errorInstance instanceof Error ? complaintOf(details.errorInstance) : 'threw no error',
      };
      return { runs: details.numRuns, finding };
    },
  };
}

function complaintOf(error: Error): string {
  const place = error.stack?.split('\n').find((line) => line.includes('.ts:') && !line.includes('/e2e/fuzz/'));
  return place === undefined ? error.message : `${error.message} (${place.trim()})`;
}
