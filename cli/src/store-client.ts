import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { Reader } from '@sidegate/session/store';

/** What reads the store. */
export type StoreClient = Client<typeof Reader>;

export type StoreClientFault = Fault<'NoStore' | 'NotOwner'>;

/** An open way to a store, and how to end it. */
export interface StoreConnection {
  readonly client: StoreClient;
  close(): void;
}

/** Connects to a store's owner socket. Faults: NoStore, nothing serves it; NotOwner, it belongs to another user. */
export async function connectStore(socketPath: string): Promise<Result<StoreConnection, StoreClientFault>> {
  const reached = await reach(socketPath);
  if (!reached.ok) return reached;
  const manager = new Http2SessionManager('http://store', undefined, { createConnection: () => connect(socketPath) });
  const client = createClient(Reader, createGrpcTransport({ baseUrl: 'http://store', sessionManager: manager }));
  return ok({ client, close: () => manager.abort() });
}

function reach(path: string): Promise<Result<void, StoreClientFault>> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(ok(undefined));
    });
    socket.once('error', (error) => resolve(fail(reachFault(path, error))));
  });
}

function reachFault(path: string, error: Error): StoreClientFault {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    const mend = 'Read as the user who runs the store.';
    return { code: 'NotOwner', message: 'The store is read by its own user only.', where: path, mend };
  }
  const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return {
    code: 'NoStore',
    message: there ? 'No store serves this socket now.' : 'There is no store here.',
    where: path,
    mend: 'Start one with sidegate run, or name its folder with --state.',
  };
}

/** What a failed call says, as a fault; undefined when the caller itself stopped it. Anything else than a call's failure is thrown on. */
export function callFault(error: unknown): Fault | undefined {
  if (!(error instanceof ConnectError)) throw error;
  if (error.code === Code.Canceled) return undefined;
  const gone = error.code === Code.Unavailable || error.code === Code.Aborted;
  const message = gone ? 'The store went away.' : error.rawMessage;
  return { code: Code[error.code] ?? 'Unknown', message };
}
