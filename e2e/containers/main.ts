import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { ImageBuilder } from '../cluster/images.ts';
import { run } from '../cluster/node-network.ts';
import { ClusterUnavailable } from '../cluster/programs.ts';
import { REDIS_IMAGE } from '../redis/target-redis.ts';
import { findProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildStandIns } from './stand-ins.ts';

const HELP = `npm run e2e:containers -- [--json FILE] [TEST]...

  Starts a Docker daemon of its own, with images that are made here, and runs tests whose target servers are containers on it.
  TEST is a path of a test file, or a part of one. Ends with 3 and the reason where Docker cannot start.

  --json FILE   writes jest's result there
`;

/** One suite for each thing that is asked of a target: that it is a container and survives a crash, its statement log, TLS, Redis. */
const SUITES = ['e2e/containers/', 'e2e/record-truth.test.ts', 'e2e/transport.test.ts', 'e2e/redis/lane.test.ts'];
const NEEDED = ['containerd', 'docker', 'dockerd', 'ip', 'iptables', 'runc', 'unshare'] as const;
/** Where the daemon's own bridge is, in a network namespace of this run's. */
const BRIDGE = '10.240.0.1';
const UNAVAILABLE = 3;
/** Set for the process in the namespace. */
const INSIDE = 'SIDEGATE_CONTAINERS_INSIDE';

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** In a network namespace of its own no bridge or rule of Docker stays, and no other daemon's is in the way. */
function enterNamespace(): number | null {
  if (process.getuid?.() !== 0) throw new ClusterUnavailable('it needs root');
  const missing = NEEDED.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) throw new ClusterUnavailable(`it needs ${missing.join(', ')}`);
  const probe = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  if (probe.status !== 0)
    throw new ClusterUnavailable(`it needs a network namespace: ${probe.error?.message ?? probe.stderr}`);
  const again = ['--net', process.execPath, ...process.argv.slice(1)];
  return spawnSync('unshare', again, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } }).status;
}

async function runTests(tests: readonly string[], json: string | undefined): Promise<number | null> {
  run('ip', 'link', 'set', 'lo', 'up');
  using folder = temporaryFolder('containers');
  await using builder = new ImageBuilder(folder.file('docker'), BRIDGE);
  await builder.start();
  tell('building the images');
  for (const image of buildStandIns(builder)) tell(`  ${image}`);
  try {
    builder.docker('run', '--rm', '--entrypoint', '/bin/true', REDIS_IMAGE);
  } catch (error) {
    throw new ClusterUnavailable(`no container starts: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { status } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--reporters=<rootDir>/tools/progress-reporter.js',
      '--runInBand',
      '--forceExit',
      ...(json === undefined ? [] : ['--json', `--outputFile=${json}`]),
      ...tests,
    ],
    {
      stdio: ['ignore', json === undefined ? 'inherit' : 'ignore', 'inherit'],
      env: {
        ...process.env,
        DOCKER_HOST: builder.host,
        SIDEGATE_TARGETS: 'Containers',
        // Its image cannot be pulled; the daemon ends with this run, and so do its containers.
        TESTCONTAINERS_RYUK_DISABLED: 'true',
        // Where this is a container itself, the daemon is still on its own loopback.
        TESTCONTAINERS_HOST_OVERRIDE: 'localhost',
      },
    },
  );
  return status;
}

async function main(): Promise<number | null> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.env[INSIDE] === undefined) return enterNamespace();
  return await runTests(positionals.length > 0 ? positionals : SUITES, values.json);
}

try {
  process.exitCode = (await main()) ?? 1;
} catch (error) {
  if (!(error instanceof ClusterUnavailable)) throw error;
  tell(`no containers: ${error.message}`);
  process.exitCode = UNAVAILABLE;
}
