import { setTimeout as pause } from 'node:timers/promises';
import { atMost, type Figure, figure } from '../bench/figure.ts';
import { rssMib } from '../bench/process-figures.ts';
import type { Lane } from '../faults/lane.ts';
import { Crowd } from './crowd.ts';
import { growthOf } from './growth.ts';

const SAMPLE_MS = 1_000;
/** A crowd whose sessions each send a chunk of their record five times a second: what a chunk leaves behind adds up by the number of those. */
const CROWD = { agents: 32, pauseMs: 20 };
/** What memory may grow by from the second third of a run to the last, in MiB: by half of that it varies on a busy machine, for no reason of its own. */
const GROWTH_MIB_MAX = 32;
/** Shorter runs tell figures and judge none: heaps have not found their size. */
const JUDGED_SECONDS_MIN = 600;

export interface SoakRun {
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

/** Works one lane for a long time; the figures say what gate and store held, and whether that grew. */
export async function soak(lane: Lane, { seconds, progress }: SoakRun): Promise<readonly Figure[]> {
  await using stage = await lane.open();
  const { gate, store } = stage.processIds();
  const samples: Record<'gate' | 'store', number[]> = { gate: [], store: [] };
  const crowd = new Crowd(stage, CROWD);
  for (let second = 1; second <= seconds; second += 1) {
    await pause(SAMPLE_MS);
    samples.gate.push(rssMib(gate));
    samples.store.push(rssMib(store));
    if (second % 60 === 0)
      progress(
        `${lane.name}: ${second} s, ${crowd.done} commands, gate ${shown(samples.gate)} MiB, store ${shown(samples.store)} MiB`,
      );
  }
  await crowd.stop();
  const budget = seconds >= JUDGED_SECONDS_MIN ? atMost(GROWTH_MIB_MAX) : undefined;
  const figures = Object.entries(samples).flatMap(([name, taken]) => {
    const { middle, last } = growthOf(taken);
    return [
      figure(`${lane.name}: memory of the ${name}`, last, 'MiB'),
      figure(`${lane.name}: growth of the ${name}`, last - middle, 'MiB', budget),
    ];
  });
  return [
    figure(`${lane.name}: commands`, crowd.done, 'commands'),
    figure(`${lane.name}: sessions`, crowd.sessions, 'sessions'),
    ...figures,
  ];
}

function shown(samples: readonly number[]): string {
  return (samples.at(-1) ?? Number.NaN).toFixed(0);
}
