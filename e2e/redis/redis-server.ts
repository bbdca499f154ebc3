import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { DEADLINE_MS, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Undefined where it is not installed. */
export const REDIS_SERVER = findProgram('redis-server');

/** The account that the gate logs in with: it may do everything, so that what is refused is refused by the gate. */
export const LOGIN = 'gate';

export interface RedisOptions {
  /** The certificate that it shows, or true for one of its own. */
  readonly tls?: boolean | Certificates;
  /** More parameters of redis-server. */
  readonly settings?: readonly string[];
  /** The ACL rules of the gate's account; default: everything. */
  readonly rules?: string;
  /** The password of that account; default: one of its own. */
  readonly password?: string;
  /** Makes it a Sentinel: the lines of the file in which it keeps what it watches. */
  readonly sentinel?: string;
}

/** A real Redis of a test's own. The default user is off: who has no password gets nothing. */
export interface TargetRedis extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly certificates: Certificates | undefined;
  /** Sends commands as the gate's account on a connection of its own; the answers as they came, joined. */
  command(...commands: readonly (readonly string[])[]): Promise<string>;
  /** Ends it at once, as a crash does, and starts it again on the same port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The same as a process of this machine, on loopback. */
export interface RedisServer extends TargetRedis {
  /** Where it listens without TLS: beside the port with it, or the same where it has none. */
  readonly plainPort: number;
  /** Where it keeps its data. */
  readonly folder: string;
}

/** What it shows to clients; undefined: it speaks no TLS. */
export function certificatesOf({ tls = false }: RedisOptions, folder: string): Certificates | undefined {
  if (typeof tls !== 'boolean') return tls;
  return tls ? makeCertificates(folder) : undefined;
}

/** The parameters of redis-server that make the gate's account and turn the default user off. */
export function accountOf({ rules = '~* &* +@all' }: RedisOptions, password: string): readonly string[] {
  return ['--user', LOGIN, 'on', `>${password}`, ...rules.split(' '), '--user', 'default', 'off'];
}

/** Sends commands as the gate's account to a port without TLS. */
export function commander(port: number, password: string): TargetRedis['command'] {
  return (...commands) =>
    converse(port, [['AUTH', LOGIN, password], ...commands]).then((text) => text.replace(/^\+OK\r\n/, ''));
}

/** Starts a server and waits until it answers. Throws when it does not come up. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = REDIS_SERVER;
  if (program === undefined) throw new Error('redis-server is not installed');
  const folder = temporaryFolder('redis');
  const port = await freePort();
  const { password = randomBytes(12).toString('hex'), sentinel } = options;
  const certificates = certificatesOf(options, folder.path);
  const plainPort = certificates === undefined ? port : await freePort();
  const tls =
    certificates === undefined
      ? []
      : [
          '--tls-port',
          String(port),
          '--tls-cert-file',
          certificates.certificateFile,
          '--tls-key-file',
          certificates.keyFile,
        ];
  const clients = certificates === undefined ? [] : ['--tls-auth-clients', 'no'];
  const listening = ['--port', String(plainPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder.path];
  if (sentinel !== undefined) writeFileSync(folder.file('sentinel.conf'), sentinel);
  const kind = sentinel === undefined ? [] : [folder.file('sentinel.conf'), '--sentinel'];
  const parameters = [
    ...kind,
    ...listening,
    ...tls,
    ...clients,
    ...(options.settings ?? []),
    ...accountOf(options, password),
  ];
  const command = commander(plainPort, password);
  let server = startProcess(program, parameters);
  const stop = async (): Promise<void> => {
    await server.stop('SIGKILL');
    folder.remove();
  };
  const untilItAnswers = async (): Promise<void> => {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const answer = await command(['PING']).catch(() => '');
      if (answer.includes('PONG')) return;
      if (Date.now() > deadline) {
        await stop();
        throw new Error(`redis-server does not answer:\n${server.output()}`);
      }
      await sleep(20);
    }
  };
  const restart = async (): Promise<void> => {
    await server.stop('SIGKILL');
    server = startProcess(program, parameters);
    await untilItAnswers();
  };
  await untilItAnswers();
  return {
    host: '127.0.0.1',
    port,
    plainPort,
    password,
    certificates,
    command,
    folder: folder.path,
    restart,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A command as clients send it. */
export function encode(...parts: readonly (string | Uint8Array)[]): Buffer {
  const bulks = parts.flatMap((part) => {
    const bytes = typeof part === 'string' ? Buffer.from(part) : Buffer.from(part);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks]);
}

const NO_QUIT = /-ERR unknown command 'QUIT'[^\r\n]*\r\n$/;

/** Sends all commands, then QUIT, and gives what was answered before it. */
export function converse(port: number, commands: readonly (readonly string[])[], host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port });
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += String(chunk);
      // A Sentinel does not know that word, and has then answered all that came before it.
      if (NO_QUIT.test(text)) socket.end();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text.replace(NO_QUIT.test(text) ? NO_QUIT : /\+OK\r\n$/, '')));
    socket.write(Buffer.concat([...commands, ['QUIT']].map((parts) => encode(...parts))));
  });
}
