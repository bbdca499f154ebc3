import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Target } from '@sidegate/crds';
import { reachTarget } from './target-reach.ts';

function target(host: string, port: number): Target {
  return {
    apiVersion: 'sidegate.dev/v1alpha1',
    kind: 'Target',
    metadata: { namespace: 'data', name: 'orders' },
    spec: { protocol: 'Postgres', host, port },
  };
}

test('a Target that listens is reached, and one that has stopped is not', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(reachTarget(target('127.0.0.1', port))).resolves.toBeUndefined();
  server.close();
  await once(server, 'close');
  await expect(reachTarget(target('127.0.0.1', port))).resolves.toMatchObject({
    code: 'TargetUnreachable',
    message: `The Target data/orders cannot be reached at 127.0.0.1:${port}: nothing listens there.`,
  });
});
