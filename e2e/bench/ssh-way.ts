import { join } from 'node:path';
import type { Client } from 'ssh2';
import { connectSsh, openClient } from '../ssh/ssh-client.ts';
import type { SshStage } from '../ssh/ssh-stage.ts';
import { startProcess } from '../support/processes.ts';

const RELAY = join(import.meta.dirname, 'ssh-relay.ts');
/** The same for every connection: what is compared is not ciphers. */
const CIPHER = 'aes128-gcm@openssh.com';
/** So long the agent's token must last. */
const TOKEN_SECONDS = 86_400;

/** A way to one sshd. */
export interface SshWay {
  readonly name: 'direct' | 'relay' | 'gate';
  /** `user@host`. */
  readonly host: string;
  readonly port: number;
  /** What OpenSSH's programs are told besides host and port. */
  readonly settings: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of the process in the middle. */
  readonly pid: number | undefined;
  /** A client of ssh2, connected; the caller ends it. */
  connect(): Promise<Client>;
}

/** Straight, through the relay, and through the gate. `started` ends the relay. */
export async function openSshWays(stage: SshStage, started: AsyncDisposableStack): Promise<readonly SshWay[]> {
  const { server } = stage;
  const key = join(server.folder, 'login');
  const words = [RELAY, String(server.port), server.user, key, join(server.folder, 'host'), CIPHER];
  const relay = started.use(startProcess(process.execPath, words));
  const relayPort = Number((await relay.line(/^port (\d+)$/))[1]);
  const ciphers = ['-o', `Ciphers=${CIPHER}`];
  const open = [
    '-F',
    'none',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'LogLevel=ERROR',
  ];
  const plain = (name: SshWay['name'], port: number, pid: number | undefined): SshWay => ({
    name,
    host: `${server.user}@127.0.0.1`,
    port,
    settings: [...open, '-o', 'IdentitiesOnly=yes', '-i', key, ...ciphers],
    env: {},
    pid,
    connect: () => connectPlain(port, server),
  });
  const { line, env } = await stage.command();
  const [, ...parameters] = line.split(' ');
  const at = parameters.indexOf('-p');
  const token = (): Promise<string> => stage.token({ expiresIn: TOKEN_SECONDS });
  return [
    plain('direct', server.port, undefined),
    plain('relay', relayPort, relay.pid),
    {
      name: 'gate',
      host: 'agent@127.0.0.1',
      port: stage.port,
      settings: [...parameters.toSpliced(at, 2), ...ciphers],
      env: { ...env, SSH_TOKEN: await token() },
      pid: stage.processIds().gate,
      connect: async () => (await connectSsh({ ...stage, token })).client,
    },
  ];
}

function connectPlain(port: number, { user, privateKey }: SshStage['server']): Promise<Client> {
  return openClient({ host: '127.0.0.1', port, username: user, privateKey, hostVerifier: () => true });
}
