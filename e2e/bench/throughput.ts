import type { BenchStage } from './bench-stage.ts';
import { atLeast, type Figure, figure, median } from './figure.ts';
import { type QueryMode, runSelects } from './pgbench.ts';
import { cpuSeconds, forgetPeak, peakMib } from './process-figures.ts';
import type { Route } from './route.ts';

const CLIENTS = 8;
const GATE_OF_RELAY_MIN = 0.8;

interface Sample {
  readonly perSecond: number;
  /** Of the process in the middle, in microseconds for each transaction. */
  readonly cpuUs: number;
  readonly storeCpuUs: number;
}

/** Transactions a second at 8 clients on every route in turn, and the processor time that each takes in the middle. */
export async function measureThroughput(bench: BenchStage): Promise<readonly Figure[]> {
  const { gate, store } = bench.stage.processIds();
  forgetPeak(gate);
  const figures = [];
  for (const mode of ['simple', 'prepared'] as const) figures.push(...(await measureMode(bench, mode, store)));
  return [...figures, figure('throughput: peak memory of the gate', peakMib(gate), 'MiB')];
}

async function measureMode(bench: BenchStage, mode: QueryMode, store: number): Promise<readonly Figure[]> {
  const { routes, rounds, progress } = bench;
  const samples = new Map<Route['name'], Sample[]>(routes.map(({ name }) => [name, []]));
  // What runs hot is compiled first: that is no cost of a transaction.
  progress(`throughput, ${mode}, warming up`);
  for (const route of routes) await sample(bench, route, mode, store);
  for (let round = 0; round < rounds; round += 1) {
    progress(`throughput, ${mode}, round ${round + 1} of ${rounds}`);
    for (const route of routes) samples.get(route.name)?.push(await sample(bench, route, mode, store));
  }
  const all = (name: Route['name'], of: (sample: Sample) => number): readonly number[] =>
    (samples.get(name) ?? []).map(of);
  const rate = ({ perSecond }: Sample): number => perSecond;
  const relay = all('relay', rate);
  const ratios = all('gate', rate).map((perSecond, round) => perSecond / (relay[round] ?? Number.NaN));
  const named = `throughput, ${mode}`;
  const cpu = ({ cpuUs }: Sample): number => cpuUs;
  return [
    ...routes.map(({ name }) => figure(`${named}: ${name}`, median(all(name, rate)), 'transactions/s')),
    figure(`${named}: gate to relay`, median(ratios), 'ratio', atLeast(GATE_OF_RELAY_MIN)),
    ...routes
      .filter(({ pid }) => pid !== undefined)
      .map(({ name }) => figure(`${named}: CPU of ${name}`, median(all(name, cpu)), 'us/transaction')),
    figure(`${named}: CPU of store`, median(all('gate', ({ storeCpuUs }) => storeCpuUs)), 'us/transaction'),
  ];
}

async function sample(bench: BenchStage, route: Route, mode: QueryMode, store: number): Promise<Sample> {
  const cpu = (): number => (route.pid === undefined ? 0 : cpuSeconds(route.pid()));
  const [before, storeBefore] = [cpu(), cpuSeconds(store)];
  const { transactions, perSecond } = await runSelects(route, { mode, clients: CLIENTS, seconds: bench.seconds });
  const perTransaction = (seconds: number): number => (seconds * 1e6) / transactions;
  return {
    perSecond,
    cpuUs: perTransaction(cpu() - before),
    storeCpuUs: perTransaction(cpuSeconds(store) - storeBefore),
  };
}
