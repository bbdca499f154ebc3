import { account, holds } from './account.ts';
import type { FaultResult } from './fault.ts';
import type { LaneStage } from './lane.ts';
import type { Load } from './load.ts';

/** What came of a load that has stopped: its account, as a row of the table. */
export async function resultOf(name: string, done: string, stage: LaneStage, load: Load): Promise<FaultResult> {
  const one = await account(stage, load);
  const { complaints, ends, ...figures } = one;
  return {
    name,
    done,
    figures: { ...figures, ends: counts(ends), errors: counts(load.errors) },
    ok: holds(one),
    complaints,
  };
}

function counts(of: Readonly<Record<string, number>> | ReadonlyMap<string, number>): string {
  const entries = of instanceof Map ? [...of] : Object.entries(of);
  return entries.map(([code, count]) => `${code}: ${count}`).join(', ');
}
