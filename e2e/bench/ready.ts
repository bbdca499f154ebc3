import { performance } from 'node:perf_hooks';
import type { BenchStage } from './bench-stage.ts';
import { atMost, type Figure, figure, median } from './figure.ts';
import { untilListening } from './listening.ts';

const READY_MS_MAX = 500;

/** From the start of a gate's process to its open door: the gate is killed and its supervisor starts another. */
export async function measureReady({ stage, rounds, progress }: BenchStage): Promise<readonly Figure[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    progress(`start, round ${round + 1} of ${rounds}`);
    const { gate } = stage.processIds();
    process.kill(gate, 'SIGKILL');
    await stage.event(({ kind, program, pid }) => kind === 'Started' && program === 'gate' && isNewer(pid, gate));
    const startMs = performance.now();
    await untilListening(stage.port, () => stage.run.output());
    times.push(performance.now() - startMs);
  }
  return [figure('ready: gate, from its start', median(times), 'ms', atMost(READY_MS_MAX))];

  function isNewer(pid: unknown, before: number): boolean {
    return pid !== before && pid === stage.processIds().gate;
  }
}
