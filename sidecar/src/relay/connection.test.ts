import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { GatedSession } from '../gate/gated-session.ts';
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

  setKeepAlive(): this {
    return this;
  }
}

function connect(socket: WatchedSocket, transport?: ConnectionOptions['transport']): Connection {
  return new Connection(socket as unknown as Socket, {
    target: {} as TargetAddress,
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
