import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Fault, fail, type GateAnswer, ok, type Result } from '@sidegate/crds';
import { errorText } from '../run/system-error.ts';
import { type OwnerRequest, REQUEST_BYTES_MAX, readOwnerRequest } from './owner-request.ts';

export interface OwnerSocket {
  close(): void;
}

/**
 * Serves the owner's requests: one line of JSON in, one line of JSON out, then the connection ends. The folder and the socket are for this
 * user alone. Fault OwnerSocketTaken: another process answers there; CannotListen: the system says no.
 */
export async function openOwnerSocket(
  path: string,
  answer: (request: OwnerRequest) => Promise<GateAnswer>,
): Promise<Result<OwnerSocket, Fault<'OwnerSocketTaken' | 'CannotListen'>>> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    chmodSync(dirname(path), 0o700);
    if (await answers(path)) {
      const mend = 'Stop it first, or give this one a folder of its own with --state.';
      return fail({ code: 'OwnerSocketTaken', message: 'Another process serves this socket.', where: path, mend });
    }
    // One that a killed process left.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
    const server = await listen(path, (socket) => serve(socket, answer));
    chmodSync(path, 0o600);
    return ok({ close: () => void server.close() });
  } catch (error) {
    return fail({
      code: 'CannotListen',
      message: `The owner's socket cannot be opened: ${errorText(error)}.`,
      where: path,
    });
  }
}

function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function serve(socket: Socket, answer: (request: OwnerRequest) => Promise<GateAnswer>): void {
  let received = Buffer.alloc(0);
  const reply = (given: GateAnswer): void => void socket.end(`${JSON.stringify(given)}\n`);
  socket.on('error', () => {});
  const take = (bytes: Buffer): void => {
    received = Buffer.concat([received, bytes]);
    const end = received.indexOf('\n');
    if (end < 0 && received.length < REQUEST_BYTES_MAX) return;
    socket.off('data', take);
    socket.resume();
    const request = readOwnerRequest(received.subarray(0, Math.max(0, end)).toString());
    if (request.ok) void answer(request.value).then(reply);
    else reply({ kind: 'Fault', ...request.fault });
  };
  socket.on('data', take);
}
