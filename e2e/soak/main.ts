import { writeFileSync } from 'node:fs';
import { type Figure, tableOf } from '../bench/figure.ts';
import { POSTGRES_LANE } from '../faults/lanes/postgres.ts';
import { REDIS_LANE } from '../faults/lanes/redis.ts';
import { SSH_LANE } from '../faults/lanes/ssh.ts';
import { readUsage } from '../support/usage.ts';
import { soak } from './soak.ts';
import { readOptions, USAGE } from './soak-options.ts';

const LANES = { postgres: POSTGRES_LANE, redis: REDIS_LANE, ssh: SSH_LANE };

async function main(parameters: readonly string[]): Promise<number> {
  const options = readUsage(parameters, USAGE, readOptions);
  if (typeof options === 'number') return options;
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const figures: Figure[] = [];
  for (const name of options.lanes) {
    const lane = LANES[name];
    if (lane.needs === undefined) figures.push(...(await soak(lane, { seconds: options.seconds, progress })));
    else progress(`${name}: left out, ${lane.needs} is not installed`);
  }
  process.stdout.write(tableOf(figures));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  return figures.some(({ ok }) => ok === false) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
