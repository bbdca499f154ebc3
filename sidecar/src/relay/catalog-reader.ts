import { type Fault, fail, networkError, type Result } from '@sidegate/crds';
import type { CatalogConversation } from '../protocols/protocol.ts';
import { dial, secure, type TargetAddress } from './target-address.ts';

/** How long the whole reading of a catalog may take, in milliseconds. */
const CATALOG_TIMEOUT_MS = 60_000;

/** Takes one conversation to the target and back on a connection of its own. Never rejects. */
export function readCatalog(
  address: TargetAddress,
  conversation: CatalogConversation,
): Promise<Result<unknown, Fault>> {
  return new Promise((resolve) => {
    let socket = dial(address);
    const timeout = setTimeout(() => settle(fault('the target did not answer in time')), CATALOG_TIMEOUT_MS);
    const fault = (why: string): Result<unknown, Fault> =>
      fail({
        code: 'CatalogUnavailable',
        message: `The catalog of ${address.host}:${address.port} cannot be read: ${why}.`,
      });

    function settle(result: Result<unknown, Fault>): void {
      clearTimeout(timeout);
      socket.on('error', () => {});
      socket.destroySoon();
      resolve(result);
    }

    function carryOut(steps: ReturnType<CatalogConversation['receive']>): void {
      for (const step of steps) {
        switch (step.kind) {
          case 'Send':
            socket.write(step.bytes);
            break;
          case 'StartTls':
            startTls();
            break;
          case 'Done':
            settle(step.catalog);
            break;
        }
      }
    }

    function listen(): void {
      socket.on('data', (bytes: Buffer) => carryOut(conversation.receive(bytes)));
      socket.once('error', (error) => settle(fault(networkError(error))));
      socket.once('close', () => settle(fault('the target closed the connection')));
    }

    function startTls(): void {
      socket.removeAllListeners();
      socket = secure(socket, address);
      socket.once('secureConnect', () => carryOut(conversation.secured()));
      listen();
    }

    socket.once('connect', () => carryOut(conversation.connected()));
    listen();
  });
}
