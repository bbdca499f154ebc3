import type { BenchStage } from './bench-stage.ts';
import { atLeast, type Figure, figure, median } from './figure.ts';
import { runSelects } from './pgbench.ts';
import { cpuSeconds } from './process-figures.ts';
import type { Route } from './route.ts';

const CLIENTS = 8;
const PER_SECOND_MIN = 200;

/** New connections a second, each with one SELECT, on every route in turn. */
export async function measureConnections({
  routes,
  rounds,
  seconds,
  progress,
}: BenchStage): Promise<readonly Figure[]> {
  const rates = new Map<Route['name'], number[]>(routes.map(({ name }) => [name, []]));
  const cpuUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    progress(`new connections, round ${round + 1} of ${rounds}`);
    for (const route of routes) {
      const before = route.pid === undefined ? 0 : cpuSeconds(route.pid());
      const { perSecond, transactions } = await runSelects(route, {
        mode: 'simple',
        clients: CLIENTS,
        seconds,
        connectEach: true,
      });
      rates.get(route.name)?.push(perSecond);
      if (route.name === 'gate' && route.pid !== undefined) {
        cpuUs.push(((cpuSeconds(route.pid()) - before) * 1e6) / transactions);
      }
    }
  }
  return [
    ...routes.map(({ name }) =>
      figure(
        `new connections: ${name}`,
        median(rates.get(name) ?? []),
        'connections/s',
        name === 'gate' ? atLeast(PER_SECOND_MIN) : undefined,
      ),
    ),
    figure('new connections: CPU of gate', median(cpuUs), 'us/connection'),
  ];
}
