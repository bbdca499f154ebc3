import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { beforeAll, expect, test } from '@jest/globals';
import { mintBridge, mintRoot, mintServing } from './mint.ts';
import type { PemPair } from './pem-pair.ts';

const HOST = 'sidegate-operator.ops.svc';
const now = Date.now();
let roots: readonly [PemPair, PemPair, PemPair];
let leaf: PemPair;
let bridges: readonly [string, string];

beforeAll(async () => {
  const make = (): Promise<PemPair> => mintRoot(webcrypto, now);
  roots = [await make(), await make(), await make()];
  const [first, second, third] = roots;
  bridges = [await mintBridge(webcrypto, second, first, now), await mintBridge(webcrypto, third, second, now)];
  leaf = await mintServing(webcrypto, third, [HOST], now);
});

/** What a client that trusts `ca` says of a server that shows `cert`; undefined when it takes it. */
async function verified(cert: string, ca: string): Promise<string | undefined> {
  const server = createServer({ cert, key: leaf.key }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const socket = connect({ host: '127.0.0.1', port, servername: HOST, ca, minVersion: 'TLSv1.3' });
  try {
    return await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(undefined));
      socket.once('error', (error) => resolve(Object(error).code));
    });
  } finally {
    socket.destroy();
    server.close();
  }
}

test('who trusts any of the roots before, alone, takes what the last one signs when the bridges are shown', async () => {
  const chain = leaf.certificate + bridges[1] + bridges[0];
  for (const root of roots) expect(await verified(chain, root.certificate)).toBeUndefined();
  expect(await verified(chain, roots[2].certificate + roots[0].certificate)).toBeUndefined();
});

test('without its bridge a root before takes nothing', async () => {
  expect(await verified(leaf.certificate, roots[2].certificate)).toBeUndefined();
  for (const root of [roots[0], roots[1]]) expect(await verified(leaf.certificate, root.certificate)).toBeDefined();
  expect(await verified(leaf.certificate + bridges[1], roots[0].certificate)).toBeDefined();
});

test('a bridge opens nothing to the root of somebody else', async () => {
  const stranger = await mintRoot(webcrypto, now);
  expect(await verified(leaf.certificate + bridges[1] + bridges[0], stranger.certificate)).toBeDefined();
});
