import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchStage } from './bench-stage.ts';
import { atLeast, atMost, type Figure, figure } from './figure.ts';
import { forgetPeak, peakMib, rssMib } from './process-figures.ts';
import { openRawClient, queryMessage, type RawClient } from './raw-client.ts';

const IDLE_MIB_MAX = 80;
const CONNECTION_KIB_MAX = 30;
const PEAK_MIB_MAX = 150;
const CONNECTIONS = 1000;
/** Connections that are being opened at one time. */
const OPENING_MAX = 20;
/** Until all is recorded, with the store, and the gate's second thread has collected its garbage. */
const SETTLE_MS = 5000;
const ONE_GIB = 'SELECT r.* FROM generate_series(1, 16) AS again, wide_rows AS r';

/** What the gate keeps in memory: idle, with 1 GiB passing, and for each of 1,000 idle connections. */
export async function measureMemory({ stage, route, progress }: BenchStage): Promise<readonly Figure[]> {
  const { gate: pid, store } = stage.processIds();
  progress('memory');
  await sleep(SETTLE_MS);
  const idle = figure('memory: gate idle', rssMib(pid), 'MiB', atMost(IDLE_MIB_MAX));
  const storeIdle = figure('memory: store idle', rssMib(store), 'MiB');
  const clients: RawClient[] = [];
  try {
    // What the first connections need once is not what each needs.
    for (let count = 0; count < OPENING_MAX; count += 1) clients.push(await openRawClient(route('gate')));
    await sleep(SETTLE_MS);
    const before = rssMib(pid);
    progress(`memory, ${CONNECTIONS} connections`);
    const first = clients.length;
    const open = async (): Promise<void> => {
      while (clients.length < CONNECTIONS) {
        const place = clients.push(NOBODY) - 1;
        clients[place] = await openRawClient(route('gate'));
      }
    };
    await Promise.all(Array.from({ length: OPENING_MAX }, open));
    await sleep(SETTLE_MS);
    const eachKib = ((rssMib(pid) - before) * 1024) / (CONNECTIONS - first);
    let answered = 0;
    for (const client of clients) if ((await client.ask(queryMessage('SELECT 1'))) > 0) answered += 1;
    for (const client of clients.splice(0)) client.close();
    await sleep(SETTLE_MS);
    progress('memory, streaming 1 GiB');
    clients.push(await openRawClient(route('gate')));
    forgetPeak(pid);
    for (const client of clients) await client.ask(queryMessage(ONE_GIB));
    return [
      idle,
      figure('memory: gate, each idle connection', eachKib, 'KiB', atMost(CONNECTION_KIB_MAX)),
      figure('memory: idle connections that answer', answered, 'connections', atLeast(CONNECTIONS)),
      figure('memory: gate at its peak, streaming 1 GiB', peakMib(pid), 'MiB', atMost(PEAK_MIB_MAX)),
      storeIdle,
      figure('memory: store after it', rssMib(store), 'MiB'),
    ];
  } finally {
    for (const client of clients) client.close();
  }
}

/** Holds a place while its connection is being opened. */
const NOBODY: RawClient = { ask: () => Promise.reject(new Error('not open yet')), close: () => undefined };
