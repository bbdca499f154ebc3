import { once } from 'node:events';
import { connect as connectHttp2, createServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { watchPulse } from './pulse.ts';

/** An HTTP/2 client that says hello (connection preface, empty SETTINGS) and then nothing, as one whose machine vanished. */
const HELLO = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

test('a peer that answers keeps its connection, one that does not loses it', async () => {
  const server = createServer();
  server.on('session', (session) => watchPulse(session, 100));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const live = connectHttp2(`http://127.0.0.1:${port}`);
  await once(live, 'connect');
  const dumb = connect(port, '127.0.0.1');
  dumb.write(HELLO);
  dumb.resume();
  await once(dumb, 'close');
  // It was asked as often as the other.
  expect(live.closed || live.destroyed).toBe(false);
  live.close();
  await once(live, 'close');
  server.close();
  await once(server, 'close');
}, 60_000);
