import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readUsage } from '../support/usage.ts';
import { runCampaign } from './campaign.ts';
import type { Finding, Fuzzer } from './fuzzer.ts';
import { FUZZERS } from './registry.ts';

const USAGE =
  'usage: npm run fuzz -- --seconds N [--seed S] [--only NAME[,NAME]] [--json FILE]\n' +
  '       npm run fuzz -- --only NAME --seed S --path P     (one case again)\n' +
  `fuzzers: ${FUZZERS.map((fuzzer) => fuzzer.name).join(' ')}\n`;

interface Wish {
  readonly seconds: number;
  readonly seed: number;
  readonly fuzzers: readonly Fuzzer[];
  readonly json: string | undefined;
  readonly path: string | undefined;
}

function readWish(parameters: readonly string[]): Wish | string {
  let values: Partial<Record<'seconds' | 'seed' | 'only' | 'json' | 'path', string>>;
  try {
    const text = { type: 'string' } as const;
    ({ values } = parseArgs({
      args: [...parameters],
      options: { seconds: text, seed: text, only: text, json: text, path: text },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : 'the parameters cannot be read';
  }
  const seconds = Number(values.seconds ?? (values.path === undefined ? 'none' : '0'));
  if (!(seconds >= 0)) return '--seconds needs a number of seconds';
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  if (!Number.isInteger(seed)) return '--seed needs a whole number';
  const names = values.only?.split(',');
  const unknown = names?.find((name) => !FUZZERS.some((fuzzer) => fuzzer.name === name));
  if (unknown !== undefined) return `there is no fuzzer ${unknown}`;
  const fuzzers = FUZZERS.filter((fuzzer) => names?.includes(fuzzer.name) ?? true);
  if (values.path !== undefined && fuzzers.length !== 1) return '--path needs --only with one name';
  return { seconds, seed, fuzzers, json: values.json, path: values.path };
}

function describeFinding(finding: Finding): string {
  const again = `npm run fuzz -- --only ${finding.fuzzer} --seed ${finding.seed} --path ${finding.path}`;
  return `FOUND  ${finding.fuzzer}: ${finding.promise}\n  ${finding.complaint}\n  case   ${finding.input}\n  again  ${again}\n`;
}

async function main(): Promise<number> {
  const wish = readUsage(process.argv.slice(2), USAGE, readWish);
  if (typeof wish === 'number') return wish;
  const onFinding = (finding: Finding): void => void process.stdout.write(describeFinding(finding));
  const [first] = wish.fuzzers;
  if (wish.path !== undefined && first !== undefined) {
    const { finding } = await first.run(wish.seed, 1, wish.path);
    if (finding === undefined) process.stdout.write(`ok     ${first.name}: the promise holds for this case\n`);
    else onFinding(finding);
    return finding === undefined ? 0 : 1;
  }
  process.stdout.write(`seed ${wish.seed}\n`);
  const end = performance.now() + wish.seconds * 1000;
  const report = await runCampaign({ ...wish, isOver: () => performance.now() >= end, onFinding });
  for (const [name, runs] of Object.entries(report.runs)) {
    const found = report.findings.some((finding) => finding.fuzzer === name);
    process.stdout.write(`${found ? 'FAIL' : 'ok  '}   ${name}: ${runs} cases\n`);
  }
  if (wish.json !== undefined) writeFileSync(wish.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.findings.length === 0 ? 0 : 1;
}

process.exitCode = await main();
