import type { StartedTestContainer } from 'testcontainers';
import { freePort } from './free-port.ts';
import { DEADLINE_MS } from './processes.ts';
import { untilFound } from './until-found.ts';

const PORTS_TRIED_MAX = 10;
const LOG_CHARACTERS_MAX = 100_000;

export interface ContainerOptions {
  readonly image: string;
  /** In place of the image's own command. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Text files by their path in the container, for all to read. */
  readonly files: Readonly<Record<string, string>>;
  /** The ports that it listens on. */
  readonly ports: readonly number[];
  /** A command of its shell that succeeds when it serves. */
  readonly ready: string;
}

/** A server in a container that testcontainers started; its ports stay the same when it is started again. */
export interface TargetContainer extends AsyncDisposable {
  /** The port of this machine that leads to a port of the container. */
  port(inside: number): number;
  /** A file of the container; empty when it is not there. */
  read(path: string): Promise<string>;
  /** Sends a signal to its first process; resolves when the container has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts the ended container; resolves when it serves. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a container and waits until it serves. Throws, with what it wrote, when it does not. */
export async function startContainer(options: ContainerOptions): Promise<TargetContainer> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  const { started, ports } = await launch(options);
  const container = client.container.getById(started.getId());
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = container.wait();
    await container.kill({ signal });
    await ended;
  };
  const stop = async (): Promise<void> => {
    await started.stop();
  };
  return {
    port: (inside) => {
      const port = ports.get(inside);
      if (port === undefined) throw new Error(`the container was not asked for port ${inside}`);
      return port;
    },
    read: async (path) => {
      const { exitCode, stdout } = await started.exec(['cat', path]);
      return exitCode === 0 ? stdout : '';
    },
    kill,
    startAgain: async () => {
      await container.start();
      await untilFound(`${options.image} does not serve again`, async () => {
        const { exitCode } = await started.exec(['/bin/sh', '-c', options.ready]);
        return exitCode === 0 ? true : undefined;
      });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The ports of this machine are chosen here: Docker would choose others each time the container starts. */
async function launch(
  options: ContainerOptions,
): Promise<{ readonly started: StartedTestContainer; readonly ports: ReadonlyMap<number, number> }> {
  const { GenericContainer, Wait } = await import('testcontainers');
  for (let tried = 1; ; tried++) {
    const ports = new Map<number, number>();
    for (const inside of options.ports) ports.set(inside, await freePort());
    let log = '';
    const container = new GenericContainer(options.image)
      .withEnvironment({ ...options.environment })
      .withCopyContentToContainer(Object.entries(options.files).map(([target, content]) => ({ target, content })))
      .withExposedPorts(...[...ports].map(([inside, host]) => ({ container: inside, host })))
      .withStartupTimeout(DEADLINE_MS)
      .withWaitStrategy(Wait.forSuccessfulCommand(options.ready))
      .withLogConsumer((stream) => {
        stream.on('data', (text) => {
          log = `${log}${String(text)}`.slice(-LOG_CHARACTERS_MAX);
        });
      });
    if (options.command !== undefined) container.withCommand([...options.command]);
    try {
      return { started: await container.start(), ports };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const isTaken = /already allocated|address already in use/.test(why);
      if (!isTaken || tried === PORTS_TRIED_MAX)
        throw new Error(`${options.image} does not serve: ${why}\n${log}`, { cause: error });
    }
  }
}
