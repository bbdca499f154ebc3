import { connect, createServer } from 'node:tls';
import { expect, test } from '@jest/globals';
import { openAgentAuthority } from './agent-certificate.ts';

/** Undefined when the client trusts the server, else the error's code. */
async function handshake(serverNames: readonly string[], clientName: string): Promise<string | undefined> {
  const authority = await openAgentAuthority(Date.now);
  const context = await authority.contextFor(serverNames);
  const server = createServer({ SNICallback: (_name, done) => done(null, context) }, (socket) => socket.end());
  server.on('tlsClientError', () => {});
  server.setSecureContext({});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    return await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, servername: clientName, ca: authority.certificate });
      socket.once('secureConnect', () => resolve(undefined));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  } finally {
    server.close();
  }
}

test('an agent that trusts the authority accepts the gate under the target’s name', async () => {
  expect(await handshake(['orders-db.data.svc', 'localhost'], 'orders-db.data.svc')).toBeUndefined();
});

test('under another name it does not', async () => {
  expect(await handshake(['orders-db.data.svc', 'localhost'], 'other-db.data.svc')).toBe(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  );
});

test('a context is made once for each set of names', async () => {
  const authority = await openAgentAuthority(Date.now);
  expect(await authority.contextFor(['a', 'b'])).toBe(await authority.contextFor(['a', 'b']));
});
