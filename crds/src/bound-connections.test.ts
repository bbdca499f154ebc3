import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { boundConnections } from './bound-connections.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

test('an address has so many connections and no more; when one ends there is room again, and others have their own', async () => {
  const server = createServer();
  boundConnections(server, 2);
  server.on('connection', (socket) => socket.on('error', () => undefined).write('in'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const came = async (localAddress: string): Promise<readonly [string, Socket]> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    ends.push(() => socket.destroy());
    const said = await new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(data.toString()));
      socket.once('close', () => resolve('cut'));
      socket.on('error', () => undefined);
    });
    return [said, socket];
  };
  const [[first, one], [second]] = [await came('127.0.0.1'), await came('127.0.0.1')];
  const [[third], [other]] = [await came('127.0.0.1'), await came('127.0.0.2')];
  expect([first, second, third, other]).toEqual(['in', 'in', 'cut', 'in']);
  one.destroy();
  let said = 'cut';
  while (said === 'cut') [said] = await came('127.0.0.1');
  expect(said).toBe('in');
});
