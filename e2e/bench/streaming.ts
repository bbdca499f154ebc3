import { performance } from 'node:perf_hooks';
import type { BenchStage } from './bench-stage.ts';
import { atLeast, type Budget, type Figure, figure, median } from './figure.ts';
import { cpuSeconds } from './process-figures.ts';
import { openRawClient, queryMessage } from './raw-client.ts';
import type { Route } from './route.ts';

const GATE_OF_RELAY_MIN = 0.5;

interface Stream {
  readonly name: string;
  /** About 256 MiB. */
  readonly sql: string;
  readonly budget?: Budget;
}

const STREAMS: readonly Stream[] = [
  {
    name: 'streaming, rows of 1 KB',
    sql: 'SELECT r.* FROM generate_series(1, 4) AS again, wide_rows AS r',
    budget: atLeast(GATE_OF_RELAY_MIN),
  },
  { name: 'streaming, rows of 100 B', sql: 'SELECT r.* FROM generate_series(1, 5) AS again, narrow_rows AS r' },
];

interface Sample {
  readonly mibPerSecond: number;
  /** Of the process in the middle, in seconds for each GiB. */
  readonly cpuPerGib: number;
}

/** How fast one client gets a large result with a masked column, on every route in turn. */
export async function measureStreaming(bench: BenchStage): Promise<readonly Figure[]> {
  const figures = [];
  for (const stream of STREAMS) figures.push(...(await measureStream(bench, stream)));
  return figures;
}

async function measureStream(bench: BenchStage, { name, sql, budget }: Stream): Promise<readonly Figure[]> {
  const { routes, rounds, progress } = bench;
  const samples = new Map<Route['name'], Sample[]>(routes.map((route) => [route.name, []]));
  for (let round = 0; round < rounds; round += 1) {
    progress(`${name}, round ${round + 1} of ${rounds}`);
    for (const route of routes) samples.get(route.name)?.push(await sample(route, sql));
  }
  const all = (route: Route['name'], of: (sample: Sample) => number): readonly number[] =>
    (samples.get(route) ?? []).map(of);
  const rate = ({ mibPerSecond }: Sample): number => mibPerSecond;
  const relay = all('relay', rate);
  const ratios = all('gate', rate).map((mibPerSecond, round) => mibPerSecond / (relay[round] ?? Number.NaN));
  return [
    ...routes.map((route) => figure(`${name}: ${route.name}`, median(all(route.name, rate)), 'MiB/s')),
    figure(`${name}: gate to relay`, median(ratios), 'ratio', budget),
    ...routes
      .filter(({ pid }) => pid !== undefined)
      .map((route) =>
        figure(`${name}: CPU of ${route.name}`, median(all(route.name, ({ cpuPerGib }) => cpuPerGib)), 's/GiB'),
      ),
  ];
}

async function sample(route: Route, sql: string): Promise<Sample> {
  const cpu = (): number => (route.pid === undefined ? 0 : cpuSeconds(route.pid()));
  const client = await openRawClient(route);
  try {
    await client.ask(queryMessage('SELECT 1'));
    const [startMs, before] = [performance.now(), cpu()];
    const mib = (await client.ask(queryMessage(sql))) / 2 ** 20;
    if (!(mib > 100)) throw new Error(`the stream through ${route.name} was only ${mib} MiB long`);
    const seconds = (performance.now() - startMs) / 1000;
    return { mibPerSecond: mib / seconds, cpuPerGib: ((cpu() - before) * 1024) / mib };
  } finally {
    client.close();
  }
}
