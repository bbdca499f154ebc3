import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { readUsage } from '../support/usage.ts';
import { type BenchOptions, type GroupName, readOptions, USAGE } from './bench-options.ts';
import { type BenchStage, openBenchStage, type RoundOptions } from './bench-stage.ts';
import { measureConnections } from './connections.ts';
import { withResults } from './document.ts';
import { type Figure, tableOf } from './figure.ts';
import { measureLatency } from './latency.ts';
import { measureMemory } from './memory.ts';
import { measureReady } from './ready.ts';
import { measureRedis } from './redis.ts';
import { measureSsh } from './ssh.ts';
import { measureStreaming } from './streaming.ts';
import { measureThroughput } from './throughput.ts';

/** Groups that start servers of their own. */
type OtherName = 'redis' | 'ssh';

const OTHERS: Readonly<Record<OtherName, (options: RoundOptions) => Promise<readonly Figure[]>>> = {
  redis: measureRedis,
  ssh: measureSsh,
};
const MEASURES: Readonly<Record<Exclude<GroupName, OtherName>, (bench: BenchStage) => Promise<readonly Figure[]>>> = {
  memory: measureMemory,
  throughput: measureThroughput,
  latency: measureLatency,
  streaming: measureStreaming,
  connections: measureConnections,
  ready: measureReady,
};

async function measure({ seconds, rounds, groups }: BenchOptions): Promise<readonly Figure[]> {
  const startedMs = Date.now();
  const progress = (step: string): void => {
    process.stderr.write(`[${((Date.now() - startedMs) / 1000).toFixed(0).padStart(4)} s] ${step}\n`);
  };
  const options = { seconds, rounds, progress };
  const figures: Figure[] = [];
  const [first, second]: [Exclude<GroupName, OtherName>[], OtherName[]] = [[], []];
  for (const group of groups) {
    if (group === 'redis' || group === 'ssh') second.push(group);
    else first.push(group);
  }
  // PostgreSQL takes memory and cores from the others as long as it is there, and a while to start.
  if (first.length > 0) {
    await using bench = await openBenchStage(options);
    for (const group of first) figures.push(...(await MEASURES[group](bench)));
  }
  for (const group of second) figures.push(...(await OTHERS[group](options)));
  progress('ending everything');
  return figures;
}

async function main(parameters: readonly string[]): Promise<number> {
  const options = readUsage(parameters, USAGE, readOptions);
  if (typeof options === 'number') return options;
  const before = loadavg()[0] ?? 0;
  const figures = await measure(options);
  const load = [before, loadavg()[0] ?? 0] as const;
  const table = tableOf(figures);
  process.stdout.write(table);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  if (options.write !== undefined) {
    const command = ['npm run bench --', ...parameters].join(' ');
    const facts = { command, date: new Date().toISOString().slice(0, 10), machine: describeMachine(), load };
    const document = existsSync(options.write) ? readFileSync(options.write, 'utf8') : '';
    writeFileSync(options.write, withResults(document, facts, table));
  }
  const missed = figures.filter(({ ok }) => ok === false);
  for (const { name, value, unit, budget } of missed)
    process.stdout.write(`missed: ${name}: ${value} ${unit}, budget ${budget}\n`);
  return missed.length === 0 ? 0 : 1;
}

function describeMachine(): string {
  const processors = cpus();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  const model = processors[0]?.model.trim() ?? 'an unknown processor';
  return `${processors.length} cores (${model}), ${memoryGib} GiB of memory, Node.js ${process.versions.node}`;
}

process.exitCode = await main(process.argv.slice(2));
