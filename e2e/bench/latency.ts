import { performance } from 'node:perf_hooks';
import type { BenchStage } from './bench-stage.ts';
import { atMost, type Figure, figure, median } from './figure.ts';
import { executeMessage, openRawClient, prepareMessage } from './raw-client.ts';

const ADDED_US_MAX = 50;
/** Routes take turns this often, so that a busy machine is busy for all of them. */
const COMMANDS_A_TURN = 100;
const WARM_UP_COMMANDS = 500;
const SELECT = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1';

/** How long one client waits for one prepared SELECT, on every route in turn. */
export async function measureLatency({ routes, rounds, seconds, progress }: BenchStage): Promise<readonly Figure[]> {
  progress('latency');
  const clients = await Promise.all(
    routes.map(async (route) => ({ name: route.name, client: await openRawClient(route), us: new Array<number>() })),
  );
  try {
    for (const { client } of clients) {
      await client.ask(prepareMessage(SELECT));
      for (let count = 0; count < WARM_UP_COMMANDS; count += 1) await client.ask(executeMessage(String(count + 1)));
    }
    const endMs = performance.now() + rounds * seconds * 1000;
    while (performance.now() < endMs) {
      for (const { client, us } of clients) {
        for (let count = 0; count < COMMANDS_A_TURN; count += 1) {
          const bytes = executeMessage(String(1 + ((us.length * 7919) % 100_000)));
          const startMs = performance.now();
          await client.ask(bytes);
          us.push((performance.now() - startMs) * 1000);
        }
      }
    }
  } finally {
    for (const { client } of clients) client.close();
  }
  const middle = new Map<string, number>(clients.map(({ name, us }) => [name, median(us)]));
  const added = (middle.get('gate') ?? Number.NaN) - (middle.get('relay') ?? Number.NaN);
  return [
    ...[...middle].map(([name, us]) => figure(`latency, 1 client: ${name}`, us, 'us (median)')),
    figure('latency, 1 client: gate over relay', added, 'us', atMost(ADDED_US_MAX)),
  ];
}
