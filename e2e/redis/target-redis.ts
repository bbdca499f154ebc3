import { randomBytes } from 'node:crypto';
import type { Certificates } from '../support/certificates.ts';
import { servesContainers } from '../support/container-runtime.ts';
import { startContainer } from '../support/target-container.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  accountOf,
  certificatesOf,
  commander,
  type RedisOptions,
  startRedis,
  type TargetRedis,
} from './redis-server.ts';

/** Docker's own image of Redis, or what stands for it where none can be pulled. */
export const REDIS_IMAGE = 'redis:7';

const [PORT, TLS_PORT] = [6379, 6380];
const FILES = '/etc/sidegate';

/** The Redis of a stage: in a container where a Docker daemon answers, else redis-server of this machine. */
export async function startTargetRedis(options: RedisOptions = {}): Promise<TargetRedis> {
  return (await servesContainers(REDIS_IMAGE)) ? startRedisContainer(options) : startRedis(options);
}

async function startRedisContainer(options: RedisOptions): Promise<TargetRedis> {
  const password = randomBytes(12).toString('hex');
  using folder = temporaryFolder('redis');
  const certificates = certificatesOf(options, folder.path);
  const listening = ['--port', String(PORT), '--bind', '0.0.0.0', '--save', ''];
  const container = await startContainer({
    image: REDIS_IMAGE,
    command: [
      'redis-server',
      ...listening,
      ...(certificates === undefined ? [] : tlsParameters()),
      ...(options.settings ?? []),
      ...accountOf(options, password),
    ],
    files: filesOf(certificates),
    ports: certificates === undefined ? [PORT] : [PORT, TLS_PORT],
    // Nobody may do anything without a password, and that it says so is an answer.
    ready: `redis-cli -p ${PORT} ping | grep -q NOAUTH`,
  });
  const stop = (): Promise<void> => container.stop();
  return {
    host: '127.0.0.1',
    port: container.port(certificates === undefined ? PORT : TLS_PORT),
    password,
    certificates,
    command: commander(container.port(PORT), password),
    restart: async () => {
      await container.kill('SIGKILL');
      await container.startAgain();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function tlsParameters(): readonly string[] {
  const files = ['--tls-cert-file', `${FILES}/server.crt`, '--tls-key-file', `${FILES}/server.key`];
  return ['--tls-port', String(TLS_PORT), ...files, '--tls-auth-clients', 'no'];
}

function filesOf(certificates: Certificates | undefined): Readonly<Record<string, string>> {
  if (certificates === undefined) return {};
  return { [`${FILES}/server.crt`]: certificates.certificate, [`${FILES}/server.key`]: certificates.key };
}
