/** What a process holds in the second and in the last third of a run, in the unit of its samples. */
export interface Growth {
  readonly middle: number;
  readonly last: number;
}

const QUARTER = 0.25;

/**
 * Reads samples taken at even times. The first third is left out, in which caches fill and everything is compiled. Of each other third the lower quartile counts: most of what stands
 * above it is garbage that nobody has collected yet.
 */
export function growthOf(samples: readonly number[]): Growth {
  const third = Math.floor(samples.length / 3);
  const from = samples.length - 2 * third;
  return { middle: low(samples.slice(from, from + third)), last: low(samples.slice(from + third)) };
}

function low(samples: readonly number[]): number {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.floor(QUARTER * sorted.length)] ?? Number.NaN;
}
