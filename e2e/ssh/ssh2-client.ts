import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { SshStage } from './ssh-stage.ts';

/** The parts of ssh2's client that tests use; it has no types of its own. */
export interface Ssh2Client {
  on(name: 'ready' | 'close', listener: () => void): this;
  on(name: 'error', listener: (error: Error) => void): this;
  connect(options: Readonly<Record<string, unknown>>): this;
  exec(command: string, options: object, done: Done<Ssh2Channel>): void;
  shell(window: object, done: Done<Ssh2Channel>): void;
  sftp(done: Done<unknown>): void;
  forwardOut(fromHost: string, fromPort: number, host: string, port: number, done: Done<Ssh2Channel>): void;
  end(): void;
}

export interface Ssh2Channel extends NodeJS.ReadWriteStream {
  readonly stderr: NodeJS.ReadableStream;
  setWindow(rows: number, columns: number, height: number, width: number): void;
  on(name: 'data', listener: (data: Buffer) => void): this;
  on(name: 'close', listener: (code?: number | null) => void): this;
  on(name: 'end', listener: () => void): this;
}

type Done<T> = (error: Error | undefined, value: T) => void;

const ssh2: { readonly Client: new () => Ssh2Client } = createRequire(import.meta.url)('ssh2');

/** Connects ssh2 to the gate with a token as its password; the gate's host key must be the one that agents are given. */
export async function connectSsh2(stage: SshStage, given?: string): Promise<Ssh2Client> {
  const known = readFileSync(join(stage.state, 'trust', 'ssh_known_hosts'), 'utf8');
  const password = given ?? (await stage.token());
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.on('ready', resolve).on('error', reject);
    client.connect({
      host: stage.host,
      port: stage.port,
      username: 'agent',
      password,
      readyTimeout: 60_000,
      hostVerifier: (key: Buffer) => known.includes(key.toString('base64')),
    });
  });
  return client;
}

/** Calls a method of ssh2's that tells its result to a callback. */
export function answered<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === undefined || error === null ? resolve(value) : reject(error)));
  });
}

/** Everything that a channel puts out, until it closes. */
export async function outputOf(
  channel: Ssh2Channel,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number | null }> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  channel.on('data', (data) => stdout.push(data));
  channel.stderr.on('data', (data: Buffer) => stderr.push(data));
  const code = await new Promise<number | null>((resolve) => channel.on('close', (status) => resolve(status ?? null)));
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), code };
}
