import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { GatedSession } from '../gate/gated-session.ts';
import type { Transport } from '../protocols/protocol.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { TargetAddress } from './target-address.ts';

/** A socket that keeps each write to the network by itself. */
class WatchedSocket extends Duplex {
  readonly writes: string[] = [];
  takesNothing = false;

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(bytes.toString());
    if (!this.takesNothing) done();
  }

  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }

  setKeepAlive(): this {
    return this;
  }
}

function connect(
  socket: WatchedSocket,
  transport?: ConnectionOptions['transport'],
  target = {} as TargetAddress,
): Connection {
  return new Connection(socket as unknown as Socket, {
    target,
    agentTls: undefined,
    passed: () => undefined,
    bug: (error) => {
      throw error;
    },
    ...(transport === undefined ? {} : { transport }),
  });
}

test('an agent that is held is read when that ends, and not when its target or the spool has room again', () => {
  const socket = new WatchedSocket();
  const connection = connect(socket);
  connection.attach({} as GatedSession);
  const paused: boolean[] = [];
  for (const act of ['holdAgent', 'holdReading', 'resumeReading', 'resumeAgent', 'holdReading', 'holdAgent'] as const) {
    connection[act]();
    paused.push(socket.isPaused());
  }
  connection.resumeAgent();
  expect([...paused, socket.isPaused()]).toEqual([true, true, true, false, true, true, true]);
});

test('an agent is unread while it is held, and not when it takes nothing itself: then the kernel finds out', () => {
  const socket = new WatchedSocket();
  const connection = connect(socket);
  connection.attach({} as GatedSession);
  const unread = [connection.isAgentUnread];
  connection.holdAgent();
  unread.push(connection.isAgentUnread);
  socket.takesNothing = true;
  connection.sendAgent(Buffer.alloc(1024 * 1024));
  unread.push(connection.isAgentUnread);
  expect(unread).toEqual([false, true, false]);
});

test('a packet that a transport writes in parts leaves in one write, also when nothing else is sent', () => {
  const socket = new WatchedSocket();
  const connection = connect(socket, (_side, end) => ({
    start: () => undefined,
    receive: () => undefined,
    close: () => undefined,
    waitingBytes: 0,
    send: (bytes) => {
      for (const part of [Buffer.from('length '), bytes, Buffer.from(' tag')]) end.write(part);
    },
  }));
  connection.attach({} as GatedSession);
  connection.sendAgent(Buffer.from('one'));
  connection.cork();
  connection.sendAgent(Buffer.from('two'));
  connection.sendAgent(Buffer.from('three'));
  connection.uncork();
  expect(socket.writes).toEqual(['length one tag', 'length two taglength three tag']);
});

/** A transport that keeps what it is sent while `isChanging`. */
class KeptTransport implements Transport {
  waitingBytes = 0;
  isChanging = false;
  readonly #heard: () => void;

  constructor(heard: () => void) {
    this.#heard = heard;
  }

  start(): void {}

  close(): void {}

  receive(): void {
    this.waitingBytes = 0;
    this.#heard();
  }

  send(bytes: Uint8Array): void {
    if (this.isChanging) this.waitingBytes += bytes.length;
  }
}

/** A connection with both sockets, whose transports the test has. */
async function openBoth(disposed: AsyncDisposableStack) {
  const server = createServer().listen(0, '127.0.0.1');
  disposed.defer(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = new WatchedSocket();
  const heard: string[] = [];
  const transports = {
    Agent: new KeptTransport(() => heard.push('agent')),
    Target: new KeptTransport(() => heard.push('target')),
  };
  const address: TargetAddress = { host: '127.0.0.1', port, tlsMode: 'Disable', authorities: [], alpn: [] };
  const connection = connect(socket, (side) => transports[side], address);
  disposed.defer(() => connection.close());
  const connected = new Promise<void>((resolve) => {
    const session = { targetConnected: resolve, agentLeft: () => undefined, targetLeft: () => undefined };
    connection.attach(session as unknown as GatedSession);
  });
  const accepted = once(server, 'connection');
  connection.dialTarget();
  await connected;
  const [target] = (await accepted) as [Socket];
  disposed.defer(() => void target.destroy());
  const sendBoth = (): void => {
    connection.sendAgent(Buffer.from('for the agent'));
    connection.sendTarget(Buffer.from('for the target'));
  };
  return { connection, socket, target, transports, heard, sendBoth };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

test('while an agent changes its keys its target is not read, and what waits for them counts as unsent', async () => {
  await using disposed = new AsyncDisposableStack();
  const { connection, socket, target, transports, heard, sendBoth } = await openBoth(disposed);
  transports.Agent.isChanging = true;
  sendBoth();
  expect(connection.unsentBytes).toBe('for the agent'.length);
  await new Promise<void>((resolve) => void target.write('from the target', () => resolve()));
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(heard).toEqual([]);
  transports.Agent.isChanging = false;
  socket.push('the last of the exchange');
  await until(() => heard.length === 2);
  expect([heard, connection.unsentBytes]).toEqual([['agent', 'target'], 0]);
});

test('while a target changes its keys its agent is not read', async () => {
  await using disposed = new AsyncDisposableStack();
  const { socket, target, transports, heard, sendBoth } = await openBoth(disposed);
  transports.Target.isChanging = true;
  sendBoth();
  expect(socket.isPaused()).toBe(true);
  target.write('the last of the exchange');
  await until(() => !socket.isPaused());
  expect(heard).toEqual(['target']);
});

test('while both do both are read: neither would get its keys', async () => {
  await using disposed = new AsyncDisposableStack();
  const { socket, target, transports, heard, sendBoth } = await openBoth(disposed);
  transports.Agent.isChanging = true;
  transports.Target.isChanging = true;
  sendBoth();
  expect(socket.isPaused()).toBe(false);
  target.write('some of the exchange');
  await until(() => heard.length === 1);
  // The target has its keys now, and the agent still has not.
  expect([heard, socket.isPaused()]).toEqual([['target'], false]);
});
