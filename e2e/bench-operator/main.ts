import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atMost, type Figure, figure, tableOf } from '../bench/figure.ts';
import { cpuSeconds, peakMib, rssMib } from '../bench/process-figures.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { OperatorStage } from '../operator/operator-stage.ts';
import { showsHelp } from '../support/usage.ts';
import { admit } from './admission-load.ts';
import { bundledOperator } from './bundled-operator.ts';
import { changePolicy, fillCluster } from './crowded-cluster.ts';
import { GateCrowd } from './gate-crowd.ts';
import { preciseMs } from './gates.ts';

const USAGE =
  'usage: npm run bench:operator -- [--json FILE] [--gates N] [--rounds N] [--seconds S] [--flag=FLAG]...\n';
const PODS_PER_SECOND = 50;

interface BenchOptions {
  readonly json: string | undefined;
  /** Default 2000. */
  readonly gates: number;
  /** Changes of the Policy; default 20. */
  readonly rounds: number;
  /** Of admission; default 10. */
  readonly seconds: number;
  /** Of Node, for the operator, beside those that its image names: to profile it. */
  readonly flags: readonly string[];
}

/** Undefined: the command line cannot be read. */
function readOptions(parameters: readonly string[]): BenchOptions | undefined {
  const text = { type: 'string' } as const;
  try {
    const options = {
      json: text,
      gates: text,
      rounds: text,
      seconds: text,
      flag: { ...text, multiple: true },
    } as const;
    const { values } = parseArgs({ args: [...parameters], options });
    const { json, gates = '2000', rounds = '20', seconds = '10', flag: flags = [] } = values;
    const numbers = [gates, rounds, seconds].map(Number);
    if (!numbers.every((number) => Number.isInteger(number) && number > 0)) return undefined;
    return { json, gates: Number(gates), rounds: Number(rounds), seconds: Number(seconds), flags };
  } catch {
    return undefined;
  }
}

/** The value that `part` of all are at or under. */
function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

async function measure(programs: string, { gates, rounds, seconds, flags }: BenchOptions): Promise<readonly Figure[]> {
  const startedMs = Date.now();
  const progress = (step: string): void => {
    process.stderr.write(`[${((Date.now() - startedMs) / 1000).toFixed(0).padStart(4)} s] ${step}\n`);
  };
  const figures: Figure[] = [];
  const stage = await OperatorStage.start(programs);
  try {
    progress(`making ${gates} pods`);
    const tokens = await fillCluster(stage, gates);
    const operator = await stage.startOperator('operator-0', undefined, undefined, [
      ...flags,
      ...(await bundledOperator(join(stage.server.folder.path, 'operator'))),
    ]);
    const { pid } = operator.process;
    await stage.becomes('Policy', 'data', 'guard', /Accepted=True/);
    figures.push(figure('memory: operator, no gate', rssMib(pid), 'MiB'));

    progress('connecting the gates');
    const connectingMs = preciseMs();
    using crowd = await GateCrowd.start(operator.controlUrl, stage.authority, tokens);
    figures.push(figure(`gates: ${gates} connected and configured`, (preciseMs() - connectingMs) / 1000, 's'));

    progress(`changing the Policy ${rounds} times`);
    const [each, last]: number[][] = [[], []];
    const busyBefore = cpuSeconds(pid);
    const crowdBefore = crowd.cpuSeconds;
    for (let round = 1; round <= rounds; round += 1) {
      const marker = `round ${round} of many`;
      const fromMs = preciseMs();
      const acked = await crowd.acks(marker, () => changePolicy(stage, marker));
      const tookMs = acked.map((atMs) => atMs - fromMs);
      each?.push(...tookMs);
      last?.push(Math.max(...tookMs));
    }
    const busy = cpuSeconds(pid) - busyBefore;
    figures.push(
      figure('policy change: acked by all, p99 of changes', percentile(last ?? [], 0.99), 'ms', atMost(1_000)),
      figure('policy change: acked by all, median', percentile(last ?? [], 0.5), 'ms'),
      figure('policy change: acked by a gate, p99', percentile(each ?? [], 0.99), 'ms'),
      figure('policy change: acked by a gate, median', percentile(each ?? [], 0.5), 'ms'),
      figure('policy change: CPU of operator', (busy * 1000) / rounds, 'ms'),
      figure('policy change: CPU of the gates', ((crowd.cpuSeconds - crowdBefore) * 1000) / rounds, 'ms'),
      figure('memory: operator, all gates', rssMib(pid), 'MiB', atMost(512)),
    );

    progress(`admitting ${PODS_PER_SECOND} pods a second for ${seconds} s`);
    await admit(operator.admissionUrl, stage.authority, PODS_PER_SECOND, 1);
    const { tookMs, refused } = await admit(operator.admissionUrl, stage.authority, PODS_PER_SECOND, seconds);
    figures.push(
      figure(`admission: p99 at ${PODS_PER_SECOND} pods/s`, percentile(tookMs, 0.99), 'ms', atMost(50)),
      figure(`admission: median at ${PODS_PER_SECOND} pods/s`, percentile(tookMs, 0.5), 'ms'),
      figure('admission: pods refused', refused, 'pods', atMost(0)),
      figure('memory: operator, at its peak', peakMib(pid), 'MiB', atMost(512)),
    );
    for (const [why, times] of crowd.lost) progress(`${times} streams ended: ${why}`);
    figures.push(
      figure(
        'gates: streams that ended',
        [...crowd.lost.values()].reduce((a, b) => a + b, 0),
        'streams',
      ),
    );
    progress('ending everything');
    // In peace: a profile that was asked for is written then.
    await operator.process.stop();
  } finally {
    await stage.end();
  }
  return figures;
}

async function main(parameters: readonly string[]): Promise<number> {
  if (showsHelp(parameters, USAGE)) return 0;
  const options = readOptions(parameters);
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const programs = builtPrograms();
  if (programs === undefined) {
    process.stderr.write('The programs of Kubernetes are not built: run `npm run cluster -- up` once.\n');
    return 2;
  }
  const before = loadavg()[0] ?? 0;
  const figures = await measure(programs, options);
  const table = tableOf(figures);
  process.stdout.write(table);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Node.js ${process.versions.node}`;
  process.stderr.write(
    `${machine}; load average ${before.toFixed(1)} at the start, ${(loadavg()[0] ?? 0).toFixed(1)} at the end\n`,
  );
  const missed = figures.filter(({ ok }) => ok === false);
  for (const { name, value, unit, budget } of missed)
    process.stdout.write(`missed: ${name}: ${value} ${unit}, budget ${budget}\n`);
  return missed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
