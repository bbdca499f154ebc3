import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { assertNever, fail, ok, type Result } from '@sidegate/crds';
import { DEADLINE_MS } from './processes.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** Ports of containers are reached as those of programs are. */
const LOOPBACK = new Set(['localhost', '127.0.0.1']);

/** What `SIDEGATE_TARGETS` may say; unset is `WhereDockerAnswers`. */
type Asked = 'Containers' | 'Programs' | 'WhereDockerAnswers';

/** Where target servers run, as the environment has it: the daemon's socket, or why it is programs of this machine. */
export interface TargetsWish {
  readonly asked: Asked;
  readonly socket: Result<string, string>;
}

/** Throws for a `SIDEGATE_TARGETS` that is not known. */
export function targetsWish(
  environment: Readonly<Record<string, string | undefined>>,
  isThere: (path: string) => boolean = existsSync,
): TargetsWish {
  const { DOCKER_HOST: host = '', SIDEGATE_TARGETS: word = '' } = environment;
  const asked = word === '' ? 'WhereDockerAnswers' : word;
  if (asked !== 'Containers' && asked !== 'Programs' && asked !== 'WhereDockerAnswers')
    throw new Error(`SIDEGATE_TARGETS is ${asked}; it may be Containers or Programs`);
  if (host !== '' && !host.startsWith('unix://'))
    return { asked, socket: fail(`DOCKER_HOST is ${host}, and the daemon must be this machine's`) };
  const path = host === '' ? DEFAULT_SOCKET : host.slice('unix://'.length);
  return { asked, socket: isThere(path) ? ok(path) : fail(`there is no ${path}`) };
}

/**
 * Whether a target server runs in a container of this image. True where a Docker daemon of this machine answers and has the image or can get it;
 * a daemon that cannot is told on standard error. Throws where `SIDEGATE_TARGETS` asks for containers and there can be none.
 */
export async function servesContainers(image: string): Promise<boolean> {
  const wish = targetsWish(process.env);
  switch (wish.asked) {
    case 'Programs':
      return false;
    case 'Containers':
    case 'WhereDockerAnswers':
      break;
    default:
      return assertNever(wish.asked);
  }
  const answering = wish.socket.ok ? await answers(wish.socket.value) : wish.socket;
  const able = answering.ok ? await hasImage(image) : answering;
  if (able.ok) return true;
  if (wish.asked === 'Containers') throw new Error(`target servers cannot run in containers: ${able.fault}`);
  if (answering.ok) process.stderr.write(`targets are programs of this machine: ${able.fault}\n`);
  return false;
}

function answers(socketPath: string): Promise<Result<true, string>> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path: '/_ping', timeout: DEADLINE_MS }, (response) => {
      response.resume();
      const { statusCode } = response;
      resolve(statusCode === 200 ? ok(true) : fail(`${socketPath} answers with ${statusCode}`));
    });
    asking.on('timeout', () => asking.destroy(new Error('it is silent')));
    asking.on('error', ({ message }) => resolve(fail(`no daemon answers at ${socketPath}: ${message}`)));
    asking.end();
  });
}

async function hasImage(image: string): Promise<Result<true, string>> {
  // Loaded here: it takes long, and most runs have no daemon.
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers');
  try {
    const client = await getContainerRuntimeClient();
    const { host } = client.info.containerRuntime;
    if (!LOOPBACK.has(host)) return fail(`ports of containers are reached at ${host}, not at loopback`);
    const name = ImageName.fromString(image);
    if (!(await client.image.exists(name))) await client.image.pull(name);
    return ok(true);
  } catch (error) {
    return fail(`Docker has no ${image} and cannot get it: ${error instanceof Error ? error.message : String(error)}`);
  }
}
