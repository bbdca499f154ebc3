import { parseArgs } from 'node:util';

export const LANES = ['postgres', 'redis', 'ssh'] as const;
export type LaneName = (typeof LANES)[number];

const SECONDS = 1_800;
const SECONDS_MIN = 3;

export interface SoakOptions {
  /** Of each lane. */
  readonly seconds: number;
  readonly lanes: readonly LaneName[];
  /** Where the figures go, as an array. */
  readonly json: string | undefined;
}

export const USAGE = `usage: npm run soak -- [--seconds S] [--only NAME[,NAME]] [--json FILE]
names: ${LANES.join(' ')}; each runs for S seconds (default ${SECONDS})
`;

/** Reads the command line; a text says what is wrong with it. */
export function readOptions(parameters: readonly string[]): SoakOptions | string {
  let values: Partial<Record<'json' | 'seconds' | 'only', string>>;
  try {
    const text = { type: 'string' } as const;
    ({ values } = parseArgs({ args: [...parameters], options: { json: text, seconds: text, only: text } }));
  } catch (error) {
    return error instanceof Error ? error.message : 'the parameters cannot be read';
  }
  const seconds = Number(values.seconds ?? SECONDS);
  if (!Number.isInteger(seconds) || seconds < SECONDS_MIN)
    return `--seconds needs a whole number of at least ${SECONDS_MIN}`;
  const names = values.only?.split(',') ?? LANES;
  const unknown = names.find((name) => !LANES.some((lane) => lane === name));
  if (unknown !== undefined) return `there is no lane ${unknown}`;
  return { json: values.json, seconds, lanes: LANES.filter((lane) => names.includes(lane)) };
}
