import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Client, type ClientChannel, type ClientOptions } from 'ssh2';
import { DEADLINE_MS } from '../support/processes.ts';
import type { SshStage } from './ssh-stage.ts';

/** How a program ended that an agent ran. */
export interface ExecEnd {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Undefined: no status came, since the connection or the program was ended. */
  readonly code: number | undefined;
}

/** A client of ssh2, and whether its connection is over; that may be so as soon as it is there. */
export interface SshConnection {
  readonly client: Client;
  readonly isLost: boolean;
}

/** A client of ssh2 that is let in; the caller ends it. Rejects as the client does. */
export async function openClient(options: ClientOptions, client: Client = new ssh2.Client()): Promise<Client> {
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
    client.once('close', () => reject(new Error('the connection was closed')));
    client.connect({ readyTimeout: DEADLINE_MS, ...options });
  });
  // As OpenSSH does: else each small message waits until the one before it is acknowledged, which takes 40 ms.
  return client.setNoDelay(true);
}

/** Takes a host key that stands in a text, in the form of known_hosts. */
export const knownIn =
  (text: string): ClientOptions['hostVerifier'] =>
  (key) =>
    text.includes(key.toString('base64'));

/**
 * A connected client of ssh2 that goes through the gate and verifies its host key; the caller ends it. Rejects as the client does. `sock`: on a
 * connection that is there.
 */
export async function connectSsh(
  stage: Pick<SshStage, 'host' | 'port' | 'state' | 'token'>,
  sock?: Socket,
): Promise<SshConnection> {
  const password = await stage.token();
  const known = readFileSync(join(stage.state, 'trust', 'ssh_known_hosts'), 'utf8');
  const client = new ssh2.Client();
  // Each command that runs listens, and there may be many. That a connection is lost is for its commands to say; it may be said more than once.
  client.setMaxListeners(0);
  client.on('error', () => undefined);
  let isLost = false;
  client.once('close', () => {
    isLost = true;
  });
  const place = sock === undefined ? { host: stage.host, port: stage.port } : { sock };
  await openClient({ ...place, username: 'agent', password, hostVerifier: knownIn(known) }, client);
  return {
    client,
    get isLost() {
      return isLost;
    },
  };
}

/** Starts a command; its end is for the caller to hear. Rejects when it is refused. */
export function openExec(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

type Opened = Parameters<Client['exec']>[1];

/** Runs a command to its end, or to that of the connection. Never rejects. `began` gets the channel as soon as the command runs. */
export function runExec(
  client: Client,
  command: string,
  input?: Uint8Array,
  began?: (channel: ClientChannel) => void,
): Promise<ExecEnd> {
  return runChannel(client, (opened) => client.exec(command, opened), input, began);
}

/** Leads `input` to a host and port behind the server, as far as the end of the forward or of the connection. Never rejects. */
export function runForward(client: Client, host: string, port: number, input: Uint8Array): Promise<ExecEnd> {
  return runChannel(client, (opened) => client.forwardOut('127.0.0.1', 0, host, port, opened), input);
}

function runChannel(
  client: Client,
  open: (opened: Opened) => void,
  input: Uint8Array = new Uint8Array(0),
  began: (channel: ClientChannel) => void = () => undefined,
): Promise<ExecEnd> {
  return new Promise((resolve) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let code: number | undefined;
    const over = (): void => {
      client.removeListener('close', over);
      resolve({ stdout: Buffer.concat(out), stderr: Buffer.concat(err), code });
    };
    client.once('close', over);
    try {
      // The end may come together with the beginning: whoever listens must do so before this returns.
      open((error, channel) => {
        if (error !== undefined) return over();
        channel.on('data', (bytes: Buffer) => void out.push(bytes));
        channel.stderr.on('data', (bytes: Buffer) => void err.push(bytes));
        channel.on('exit', (status: unknown) => {
          if (typeof status === 'number') code = status;
        });
        channel.on('error', () => undefined);
        channel.once('close', over);
        channel.end(input);
        began(channel);
      });
    } catch {
      // The connection is gone, which is said only once this program is idle.
      setImmediate(over);
    }
  });
}
