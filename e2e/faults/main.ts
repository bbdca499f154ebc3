import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readUsage } from '../support/usage.ts';
import { type FaultResult, randomFrom } from './fault.ts';
import { FAULTS } from './registry.ts';

const USAGE = `usage: npm run faults -- --kills N [--json FILE] [--seed S] [--only NAME[,NAME]]
faults: ${FAULTS.map(({ name }) => name).join(' ')}
`;

interface Wish {
  readonly kills: number;
  readonly seed: number;
  readonly names: readonly string[];
  readonly json: string | undefined;
}

function readWish(parameters: readonly string[]): Wish | string {
  let values: Partial<Record<'kills' | 'seed' | 'only' | 'json', string>>;
  try {
    const text = { type: 'string' } as const;
    ({ values } = parseArgs({ args: [...parameters], options: { kills: text, seed: text, only: text, json: text } }));
  } catch (error) {
    return error instanceof Error ? error.message : 'the parameters cannot be read';
  }
  const kills = Number(values.kills ?? '200');
  if (!Number.isInteger(kills) || kills < 1) return '--kills needs a whole number from 1 on';
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  if (!Number.isInteger(seed)) return '--seed needs a whole number';
  const names = values.only?.split(',') ?? FAULTS.map(({ name }) => name);
  const unknown = names.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) return `there is no fault ${unknown}`;
  return { kills, seed, names, json: values.json };
}

function describe(result: FaultResult): string {
  const figures = Object.entries(result.figures).map(([name, value]) => `${name} ${value}`);
  const complaints = result.complaints.map((complaint) => `       ${complaint}\n`);
  return `${result.ok ? 'ok  ' : 'FAIL'}   ${result.name}: ${result.done}\n       ${figures.join('; ')}\n${complaints.join('')}`;
}

async function main(): Promise<number> {
  const wish = readUsage(process.argv.slice(2), USAGE, readWish);
  if (typeof wish === 'number') return wish;
  process.stdout.write(`seed ${wish.seed}\n`);
  const results: FaultResult[] = [];
  for (const fault of FAULTS.filter(({ name }) => wish.names.includes(name))) {
    const started = Date.now();
    const progress = (line: string): void => void process.stdout.write(`...    ${line}\n`);
    const ran = await fault.run({ kills: wish.kills, random: randomFrom(wish.seed), progress }).catch(
      (error: unknown): FaultResult => ({
        name: fault.name,
        done: 'did not come to its end',
        figures: {},
        ok: false,
        complaints: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      }),
    );
    const result = { ...ran, figures: { ...ran.figures, seconds: Math.round((Date.now() - started) / 1000) } };
    results.push(result);
    process.stdout.write(describe(result));
    if (wish.json !== undefined) writeFileSync(wish.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  return results.every(({ ok }) => ok) ? 0 : 1;
}

process.exitCode = await main();
