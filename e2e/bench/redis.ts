import { writeFileSync } from 'node:fs';
import { startRedis } from '../redis/redis-server.ts';
import { openRedisStage, type RedisStage } from '../redis/redis-stage.ts';
import { freePort } from '../support/free-port.ts';
import { runProcess, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { RoundOptions } from './bench-stage.ts';
import { atLeast, type Figure, figure, median } from './figure.ts';
import { haproxyFile } from './haproxy-file.ts';
import { untilListening } from './listening.ts';
import { cpuSeconds } from './process-figures.ts';
import { startPlainRelay } from './relay-process.ts';

const CLIENTS = 50;
const GATE_OF_HAPROXY_MIN = 0.75;
const DEADLINE_MS = 600_000;
/** So long the agent's token must last. */
const TOKEN_SECONDS = 86_400;
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-flush, match: {redis: {commands: [FLUSHALL]}}, action: Deny, reason: Keys stay.}
  masks:
    - {name: whole, keys: ['session:*'], with: {type: Redact}}
    - {name: cards, detect: [CreditCard], with: {type: Redact}}
`;

interface Way {
  readonly name: 'direct' | 'haproxy' | 'relay' | 'gate';
  readonly port: number;
  /** Of the process in the middle. */
  readonly pid: number | undefined;
  readonly user: string;
  readonly password: string;
}

/** GET and SET of redis-benchmark at 50 clients, one by one and 16 in a pipeline, straight, through haproxy, the plain relay and the gate. */
export async function measureRedis(bench: RoundOptions): Promise<readonly Figure[]> {
  const program = findProgram('redis-benchmark');
  const haproxy = findProgram('haproxy');
  if (program === undefined || haproxy === undefined || findProgram('redis-server') === undefined) {
    bench.progress('redis: left out, since redis-server, redis-benchmark or haproxy is not installed');
    return [];
  }
  bench.progress('redis: starting servers');
  await using started = new AsyncDisposableStack();
  const stage = started.use(await openRedisStage({ start: startRedis, policy: POLICY }));
  const folder = started.use(temporaryFolder('bench-redis'));
  const port = await freePort();
  writeFileSync(folder.file('haproxy.cfg'), haproxyFile('redis', port, stage.redis.port));
  const running = started.use(startProcess(haproxy, ['-db', '-f', folder.file('haproxy.cfg')]));
  await untilListening(port, () => running.output());
  const login = { user: 'gate', password: stage.redis.password };
  const password = await stage.token({ expiresIn: TOKEN_SECONDS });
  const ways: readonly Way[] = [
    { name: 'direct', port: stage.redis.port, ...login, pid: undefined },
    { name: 'haproxy', port, ...login, pid: running.pid },
    { name: 'relay', ...(await startPlainRelay(stage.redis.port, started)), ...login },
    { name: 'gate', port: stage.port, user: 'agent', password, pid: stage.processIds().gate },
  ];
  const figures: Figure[] = [];
  for (const pipeline of [1, 16]) figures.push(...(await measurePipeline(bench, stage, program, ways, pipeline)));
  return figures;
}

async function measurePipeline(
  { seconds, rounds, progress }: RoundOptions,
  stage: RedisStage,
  program: string,
  ways: readonly Way[],
  pipeline: number,
): Promise<readonly Figure[]> {
  const requests = (pipeline === 1 ? 10_000 : 40_000) * seconds;
  const run = async ({ port, user, password }: Way): Promise<ReadonlyMap<string, number>> => {
    const where = ['-h', '127.0.0.1', '-p', String(port), '--user', user, '-a', password];
    const how = [
      '-c',
      String(CLIENTS),
      '-n',
      String(requests),
      '-P',
      String(pipeline),
      '-t',
      'get,set',
      '-r',
      '10000',
      '--csv',
    ];
    const { stdout, stderr, code } = await runProcess(program, [...where, ...how], { deadlineMs: DEADLINE_MS });
    if (code !== 0) throw new Error(`redis-benchmark ended with ${code}:\n${stdout}${stderr}`);
    return parseBenchmark(stdout);
  };
  const { store } = stage.processIds();
  progress(`redis, pipeline of ${pipeline}, warming up`);
  for (const way of ways) await run(way);
  const samples = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  const keep = (kept: Map<string, number[]>, name: string, value: number): void =>
    void kept.set(name, [...(kept.get(name) ?? []), value]);
  for (let round = 0; round < rounds; round += 1) {
    progress(`redis, pipeline of ${pipeline}, round ${round + 1} of ${rounds}`);
    for (const way of ways) {
      const watched: readonly (readonly [string, number | undefined])[] = [
        [way.name, way.pid],
        ['store', way.name === 'gate' ? store : undefined],
      ];
      const before = watched.map(([, pid]) => (pid === undefined ? 0 : cpuSeconds(pid)));
      for (const [name, rate] of await run(way)) keep(samples, `${name} ${way.name}`, rate);
      for (const [at, [name, pid]] of watched.entries())
        if (pid !== undefined) keep(cpu, name, ((cpuSeconds(pid) - (before[at] ?? 0)) * 1e6) / (requests * 2));
    }
  }
  const named = pipeline === 1 ? 'redis' : `redis, pipeline of ${pipeline}`;
  return [
    ...['SET', 'GET'].flatMap((command) => {
      const all = (name: Way['name']): readonly number[] => samples.get(`${command} ${name}`) ?? [];
      const ratios = all('gate').map((rate, round) => rate / (all('haproxy')[round] ?? Number.NaN));
      return [
        ...ways.map(({ name }) => figure(`${named}: ${command}, ${name}`, median(all(name)), 'commands/s')),
        figure(`${named}: ${command}, gate to haproxy`, median(ratios), 'ratio', atLeast(GATE_OF_HAPROXY_MIN)),
      ];
    }),
    ...[...cpu].map(([name, used]) => figure(`${named}: CPU of ${name}`, median(used), 'us/command')),
  ];
}

/** Commands a second by name, from what redis-benchmark prints with --csv. */
export function parseBenchmark(output: string): ReadonlyMap<string, number> {
  return new Map(
    [...output.matchAll(/^"(GET|SET)","([\d.]+)"/gm)].map(([, name = '', rate = '']): [string, number] => [
      name,
      Number(rate),
    ]),
  );
}
