import { parseArgs } from 'node:util';

/** The parts of the benchmark, in the order in which they run: what is measured of a fresh gate comes first. */
export const GROUPS = ['memory', 'throughput', 'latency', 'streaming', 'connections', 'ready', 'redis', 'ssh'] as const;
export type GroupName = (typeof GROUPS)[number];

export interface BenchOptions {
  /** The figures, as an array. */
  readonly json: string | undefined;
  /** A document whose table is replaced by this run's. */
  readonly write: string | undefined;
  /** Of each load on each route; default 5. */
  readonly seconds: number;
  /** Every route is measured so many times, in turn; default 3. */
  readonly rounds: number;
  readonly groups: readonly GroupName[];
}

export const USAGE =
  'usage: npm run bench -- [--json FILE] [--write FILE] [--seconds S] [--rounds R] [--only NAME[,NAME]]\n' +
  `names: ${GROUPS.join(' ')}\n`;

/** Reads the command line; a text says what is wrong with it. */
export function readOptions(parameters: readonly string[]): BenchOptions | string {
  let values: Partial<Record<'json' | 'write' | 'seconds' | 'rounds' | 'only', string>>;
  try {
    const text = { type: 'string' } as const;
    const options = { json: text, write: text, seconds: text, rounds: text, only: text };
    ({ values } = parseArgs({ args: [...parameters], options }));
  } catch (error) {
    return error instanceof Error ? error.message : 'the parameters cannot be read';
  }
  const seconds = Number(values.seconds ?? 5);
  if (!Number.isInteger(seconds) || seconds < 1) return '--seconds needs a whole number of at least 1';
  const rounds = Number(values.rounds ?? 3);
  if (!Number.isInteger(rounds) || rounds < 1) return '--rounds needs a whole number of at least 1';
  const names = values.only?.split(',') ?? GROUPS;
  const unknown = names.find((name) => !GROUPS.some((group) => group === name));
  if (unknown !== undefined) return `there is nothing to measure named ${unknown}`;
  const groups = GROUPS.filter((group) => names.includes(group));
  return { json: values.json, write: values.write, seconds, rounds, groups };
}
