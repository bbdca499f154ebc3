import { connect, createServer, type LookupFunction } from 'node:net';
import { expect, test } from '@jest/globals';
import { networkError } from './network-error.ts';

/** A port of loopback at which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const lookupOf =
  (...addresses: readonly string[]): LookupFunction =>
  (_host, _options, found) =>
    found(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );

function failureOf(port: number, lookup: LookupFunction): Promise<Error> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: 'cache.example', port, lookup });
    socket.once('error', resolve);
    socket.once('connect', () => reject(new Error('something listens')));
  });
}

test('a host of one address says why it cannot be reached', async () => {
  const port = await deadPort();
  expect(networkError(await failureOf(port, lookupOf('127.0.0.1')))).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
});

test('a host of several addresses says it for each of them, where Node says nothing', async () => {
  const port = await deadPort();
  const error = await failureOf(port, lookupOf('127.0.0.1', '127.0.0.2'));
  expect(error.message).toBe('');
  expect(networkError(error)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED 127.0.0.2:${port}`);
});

test('what Node advises whoever starts it is left out', () => {
  const advised =
    'unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca';
  expect(networkError(new Error(advised))).toBe('unable to verify the first certificate');
});
