import type { Finding, Fuzzer } from './fuzzer.ts';

/** What a campaign did. */
export interface CampaignReport {
  readonly seed: number;
  readonly runs: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

const BATCH_RUNS = 100;

/**
 * Runs the fuzzers in turns, a batch each, until `isOver`; each at least once. A fuzzer that found something rests: one finding of each is
 * enough to mend. The batches follow from `seed` alone.
 */
export async function runCampaign(options: {
  readonly fuzzers: readonly Fuzzer[];
  readonly seed: number;
  readonly isOver: () => boolean;
  readonly onFinding: (finding: Finding) => void;
}): Promise<CampaignReport> {
  const { fuzzers, seed, isOver, onFinding } = options;
  const runs: Record<string, number> = Object.fromEntries(fuzzers.map((fuzzer) => [fuzzer.name, 0]));
  const findings: Finding[] = [];
  let busy = [...fuzzers];
  for (let round = 0; busy.length > 0 && (round === 0 || !isOver()); round += 1) {
    for (const fuzzer of busy) {
      const batch = await fuzzer.run((seed + round) | 0, BATCH_RUNS);
      runs[fuzzer.name] = (runs[fuzzer.name] ?? 0) + batch.runs;
      if (batch.finding !== undefined) {
        findings.push(batch.finding);
        onFinding(batch.finding);
      }
    }
    busy = busy.filter((fuzzer) => findings.every((finding) => finding.fuzzer !== fuzzer.name));
  }
  return { seed, runs, findings };
}
