import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { type BenchOptions, type GroupName, readOptions, USAGE } from './bench-options.ts';
import { type BenchStage, openBenchStage } from './bench-stage.ts';
import { measureConnections } from './connections.ts';
import { withResults } from './document.ts';
import { type Figure, tableOf } from './figure.ts';
import { measureLatency } from './latency.ts';
import { measureMemory } from './memory.ts';
import { measureReady } from './ready.ts';
import { measureRedis } from './redis.ts';
import { measureStreaming } from './streaming.ts';
import { measureThroughput } from './throughput.ts';

const MEASURES: Readonly<Record<GroupName, (bench: BenchStage) => Promise<readonly Figure[]>>> = {
  memory: measureMemory,
  throughput: measureThroughput,
  latency: measureLatency,
  streaming: measureStreaming,
  connections: measureConnections,
  ready: measureReady,
  redis: measureRedis,
};

async function measure({ seconds, rounds, groups }: BenchOptions): Promise<readonly Figure[]> {
  const startedMs = Date.now();
  const progress = (step: string): void => {
    process.stderr.write(`[${((Date.now() - startedMs) / 1000).toFixed(0).padStart(4)} s] ${step}\n`);
  };
  await using bench = await openBenchStage({ seconds, rounds, progress });
  const figures = [];
  for (const group of groups) figures.push(...(await MEASURES[group](bench)));
  progress('ending everything');
  return figures;
}

async function main(parameters: readonly string[]): Promise<number> {
  const options = readOptions(parameters);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${USAGE}`);
    return 2;
  }
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
