import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Client } from 'ssh2';
import { SSH, SSHD } from '../ssh/ssh-server.ts';
import { openSshStage } from '../ssh/ssh-stage.ts';
import { DEADLINE_MS as COMMAND_DEADLINE_MS, runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { RoundOptions } from './bench-stage.ts';
import { atLeast, type Figure, figure, median } from './figure.ts';
import { cpuSeconds, forgetPeak, peakMib } from './process-figures.ts';
import { openSshWays, type SshWay } from './ssh-way.ts';

const GATE_OF_RELAY_MIN = 0.8;
const GIB = 2 ** 30;
/** From so many seconds for each load on, a whole GiB is moved. */
const WHOLE_SECONDS = 5;
const DEADLINE_MS = 600_000;
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-shutdown, match: {ssh: {commands: [shutdown, reboot]}}, action: Deny, reason: The host stays up.}
`;

/** What one load on one way came to. */
export interface SshSample {
  readonly name: SshWay['name'];
  /** MiB or commands a second. */
  readonly rate: number;
  /** Of the process in the middle, in seconds for each GiB or microseconds for each command; NaN where there is none. */
  readonly cpu: number;
  /** The most of its memory that was resident, in MiB; NaN where there is none. */
  readonly peakMib: number;
}

/** Bytes to move in a run with loads of `seconds`: 1 GiB from 5 seconds on, less for less. */
export function bulkBytes(seconds: number): number {
  return Math.floor((GIB * Math.min(seconds, WHOLE_SECONDS)) / WHOLE_SECONDS);
}

/** Large output of a program, a large file, and small programs one after the other on one connection, straight, through the relay and through the gate. */
export async function measureSsh(bench: RoundOptions): Promise<readonly Figure[]> {
  const scp = findProgram('scp');
  if (SSH === undefined || SSHD === undefined || scp === undefined) {
    bench.progress('ssh: left out, since ssh, sshd or scp is not installed');
    return [];
  }
  const ssh = SSH;
  bench.progress('ssh: starting servers');
  await using started = new AsyncDisposableStack();
  const stage = started.use(await openSshStage({ policy: POLICY }));
  const ways = await openSshWays(stage, started);
  const folder = started.use(temporaryFolder('bench-ssh'));
  const [there, here] = [folder.file('there'), folder.file('here')];
  const size = bulkBytes(bench.seconds);
  writeFileSync(there, '');
  truncateSync(there, size);
  const output = async ({ settings, host, port, env }: SshWay): Promise<void> => {
    const words = [ssh, ...settings, '-p', String(port), host, `head -c ${size} /dev/zero`];
    const count = await runProcess('sh', ['-c', '"$@" | wc -c', 'sh', ...words], { env, deadlineMs: DEADLINE_MS });
    if (Number(count.stdout) !== size) throw new Error(`ssh gave ${count.stdout} bytes of ${size}:\n${count.stderr}`);
  };
  const copy = async ({ settings, host, port, env }: SshWay): Promise<void> => {
    writeFileSync(here, '');
    const words = ['-q', '-s', ...settings, '-P', String(port), `${host}:${there}`, here];
    const { code, stderr } = await runProcess(scp, words, { env, deadlineMs: DEADLINE_MS });
    if (code !== 0 || statSync(here).size !== size) throw new Error(`scp ended with ${code}:\n${stderr}`);
  };
  const bulk = await measureRounds(bench, 'ssh bulk', ways, (way) => moved(way, size, output));
  const copied = await measureRounds(bench, 'scp', ways, (way) => moved(way, size, copy));
  const execs = await measureRounds(bench, 'ssh execs', ways, (way) => ran(way, bench.seconds));
  const peak = Math.max(...bulk.filter(({ name }) => name === 'gate').map((sample) => sample.peakMib));
  return [
    figure('ssh: moved in each run', size / 2 ** 20, 'MiB'),
    ...sshFigures('ssh bulk', bulk, { rate: 'MiB/s', cpu: 's/GiB', isBudgeted: true }),
    figure('ssh bulk: peak memory of the gate', peak, 'MiB'),
    ...sshFigures('ssh scp', copied, { rate: 'MiB/s', cpu: 's/GiB', isBudgeted: true }),
    ...sshFigures('ssh execs', execs, { rate: 'commands/s', cpu: 'us/command', isBudgeted: false }),
  ];
}

async function measureRounds(
  { rounds, progress }: RoundOptions,
  name: string,
  ways: readonly SshWay[],
  measure: (way: SshWay) => Promise<SshSample>,
): Promise<readonly SshSample[]> {
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    progress(`${name}, round ${round + 1} of ${rounds}`);
    for (const way of ways) {
      const sample = await measure(way);
      // A later load that fails must not take with it what was measured before.
      progress(`${name}, ${way.name}: rate ${sample.rate.toFixed(1)}, CPU ${sample.cpu.toFixed(2)}`);
      samples.push(sample);
    }
  }
  return samples;
}

/** Moves `size` bytes; the time is that of the program, with its login. */
async function moved(way: SshWay, size: number, run: (way: SshWay) => Promise<void>): Promise<SshSample> {
  const used = watch(way);
  const startMs = performance.now();
  await run(way);
  const seconds = (performance.now() - startMs) / 1000;
  const { cpuS, peak } = used();
  return { name: way.name, rate: size / 2 ** 20 / seconds, cpu: cpuS / (size / GIB), peakMib: peak };
}

/** Runs as many small programs as end in `seconds`, each when the one before it has ended. */
async function ran(way: SshWay, seconds: number): Promise<SshSample> {
  const client = await way.connect();
  try {
    const used = watch(way);
    const startMs = performance.now();
    let count = 0;
    let tookMs = 0;
    for (; tookMs < seconds * 1000; tookMs = performance.now() - startMs) {
      const status = await runTrue(client);
      if (status !== 0) throw new Error(`a command through ${way.name} ended with ${String(status)}`);
      count += 1;
    }
    const { cpuS, peak } = used();
    return { name: way.name, rate: (count * 1000) / tookMs, cpu: (cpuS * 1e6) / count, peakMib: peak };
  } finally {
    client.end();
  }
}

/** Gives the status of `true`; undefined: none came before the channel or the connection was closed. Rejects when it is refused. */
function runTrue(client: Client): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('a command did not end')), COMMAND_DEADLINE_MS);
    const lost = (): void => reject(new Error('the connection was closed'));
    client.once('close', lost);
    client.exec('true', (error, channel) => {
      if (error !== undefined) return reject(error);
      let code: unknown;
      channel.resume();
      channel.stderr.resume();
      // ssh2 closes a channel once both sides have ended, status or not: the status may still be on its way.
      channel.once('exit', (status: unknown) => {
        code = status;
        channel.end();
      });
      channel.once('close', () => {
        clearTimeout(late);
        client.removeListener('close', lost);
        resolve(code);
      });
    });
  });
}

/** Watches the process in the middle from now on. */
function watch({ pid }: SshWay): () => { readonly cpuS: number; readonly peak: number } {
  if (pid === undefined) return () => ({ cpuS: Number.NaN, peak: Number.NaN });
  forgetPeak(pid);
  const before = cpuSeconds(pid);
  return () => ({ cpuS: cpuSeconds(pid) - before, peak: peakMib(pid) });
}

/** Medians of each way, and the median of what the gate is of the relay in the same round. */
export function sshFigures(
  name: string,
  samples: readonly SshSample[],
  { rate, cpu, isBudgeted }: { readonly rate: string; readonly cpu: string; readonly isBudgeted: boolean },
): readonly Figure[] {
  const all = (way: SshWay['name']): readonly SshSample[] => samples.filter((sample) => sample.name === way);
  const relay = all('relay');
  const ratios = all('gate').map((sample, round) => sample.rate / (relay[round]?.rate ?? Number.NaN));
  const rates = (['direct', 'relay', 'gate'] as const).map((way) =>
    figure(`${name}: ${way}`, median(all(way).map((sample) => sample.rate)), rate),
  );
  return [
    ...rates,
    figure(`${name}: gate to relay`, median(ratios), 'ratio', isBudgeted ? atLeast(GATE_OF_RELAY_MIN) : undefined),
    ...(['relay', 'gate'] as const).map((way) =>
      figure(`${name}: CPU of ${way}`, median(all(way).map((sample) => sample.cpu)), cpu),
    ),
  ];
}
