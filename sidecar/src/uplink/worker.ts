import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { BufferGarbage, garbageCollector } from '@sidegate/crds';
import { ProgressJournal, readProgress } from '../spool/progress.ts';
import type { FromUplink, ToUplink, UplinkSettings } from './messages.ts';
import { uploadTo } from './open-upload.ts';
import { Rest } from './rest.ts';
import { SharedPosition } from './shared-position.ts';
import { SpareMemory } from './spare-memory.ts';
import { spreadFrom } from './spread.ts';
import { Uplink } from './uplink.ts';

/** The thread that takes the spool to the store. It may be stopped, or killed with its process, at any moment. */
async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this file runs as a thread of the gate');
  const { folder, store, limits, randomSeed, position } = workerData as UplinkSettings;
  const shared = new SharedPosition(position);
  const garbage = new BufferGarbage();
  const memory = new SpareMemory(limits.memoryBytesMax * 2);
  const collect = garbageCollector('All');
  // No command waits for this thread, so it may stand still.
  const rest = new Rest(() => {
    memory.clear();
    collect();
  });
  const uplink = new Uplink({
    folder,
    journal: new ProgressJournal(folder, readProgress(folder)),
    limits,
    open: uploadTo(store),
    end: () => shared.read(),
    sleep: (seen) => {
      const sleeps = shared.sleep(seen);
      if (sleeps) rest.begins();
      return sleeps;
    },
    memory,
    passed: (bytes) => garbage.passed(bytes),
    tell: (message: FromUplink) => port.postMessage(message),
    nowMs: () => performance.now(),
    random: spreadFrom(randomSeed),
  });
  port.on('message', (message: ToUplink) => {
    rest.ends();
    if (message === 'Drain') uplink.drain();
    else uplink.wake();
  });
  await uplink.run();
}

await main();
