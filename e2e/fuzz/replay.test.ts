import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { runCampaign } from './campaign.ts';
import { defineFuzzer } from './fuzzer.ts';
import { FUZZERS } from './registry.ts';
import seeds from './seeds.json' with { type: 'json' };

interface KeptSeed {
  readonly seed: number;
  /** How many cases are drawn; absent with `path`, which names one case. */
  readonly runs?: number;
  readonly path?: string;
}

const kept = new Map<string, readonly KeptSeed[]>(Object.entries(seeds));

test('each fuzzer has seeds and each seed has its fuzzer', () => {
  expect([...kept.keys()].toSorted()).toEqual(FUZZERS.map((fuzzer) => fuzzer.name).toSorted());
});

describe('the seeds that are kept', () => {
  const cases = FUZZERS.flatMap((fuzzer) => (kept.get(fuzzer.name) ?? []).map((seed) => ({ fuzzer, ...seed })));
  test.each(cases)(
    '$fuzzer.name, seed $seed',
    async ({ fuzzer, seed, runs, path }) => {
      expect((await fuzzer.run(seed, runs ?? 1, path)).finding).toBeUndefined();
    },
    120_000,
  );
});

describe('a campaign', () => {
  const planted = defineFuzzer({
    name: 'planted',
    promise: 'Numbers are small.',
    cases: fc.nat(100_000),
    check: (value) => (value > 1000 ? 'it is large' : undefined),
  });
  const sound = defineFuzzer({ name: 'sound', promise: 'Nothing.', cases: fc.nat(), check: () => undefined });

  test('finds what is planted, shrinks it, and can show it again', async () => {
    const seen: string[] = [];
    const report = await runCampaign({
      fuzzers: [planted, sound],
      seed: 7,
      isOver: () => true,
      onFinding: (finding) => void seen.push(finding.input),
    });
    const [finding] = report.findings;
    expect(report.findings).toHaveLength(1);
    expect(seen).toEqual(['1001']);
    expect(finding?.complaint).toContain('it is large');
    const again = await planted.run(finding?.seed ?? 0, 1, finding?.path);
    expect(again.finding?.input).toBe('1001');
    expect(report.runs).toMatchObject({ sound: 100 });
  });

  test('takes a throw as a finding', async () => {
    const throwing = defineFuzzer({
      name: 'throwing',
      promise: 'It does not throw.',
      cases: fc.constant(0),
      check: () => {
        throw new TypeError('it broke');
      },
    });
    expect((await throwing.run(1, 1)).finding?.complaint).toContain('it broke');
  });
});
