import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../kube/fixture/fake-time.ts';
import { FOLLOW_PATH, type FollowCall } from './follow-call.ts';
import { serveControl } from './serve.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A way to a port that can stop carrying anything, in both directions and without a word. */
async function carrier(port: number): Promise<{ readonly port: number; readonly goSilent: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    near.on('data', (data) => far.write(data)).on('error', () => undefined);
    far.on('data', (data) => near.write(data)).on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const goSilent = (): void => {
    for (const socket of sockets) socket.removeAllListeners('data').pause();
  };
  return { port: (server.address() as AddressInfo).port, goSilent };
}

/** Opens a call that stays open. */
function call(port: number, name: string): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  session
    .request({ ':method': 'POST', ':path': FOLLOW_PATH, 'content-type': 'application/grpc', authorization: name })
    .on('error', () => undefined);
  ends.push(() => session.destroy());
  return session;
}

test('the call of a gate whose machine vanished ends, the one of a gate that says nothing and is there does not', async () => {
  const calls = new Map<string | undefined, FollowCall>();
  const listener = await serveControl(
    (followed, { authorization }) => {
      calls.set(authorization, followed);
    },
    { host: '127.0.0.1', port: 0, pulseMs: 1_000 },
  );
  if (!listener.ok) throw new Error(listener.fault.message);
  ends.push(() => listener.value.close());
  const way = await carrier(listener.value.port);
  call(listener.value.port, 'quiet');
  call(way.port, 'vanished');
  await until(() => calls.size === 2, 'both calls');
  way.goSilent();
  await until(() => calls.get('vanished')?.signal.aborted === true, 'the end of the one that vanished');
  expect(calls.get('quiet')?.signal.aborted).toBe(false);
}, 60_000);

test('a connection on which nobody is served is cut, one that has a call is not', async () => {
  const listener = await serveControl(() => undefined, { host: '127.0.0.1', port: 0, unservedMs: 200 });
  if (!listener.ok) throw new Error(listener.fault.message);
  ends.push(() => listener.value.close());
  const gate = call(listener.value.port, 'gate');
  const nobody = connectHttp2(`http://127.0.0.1:${listener.value.port}`);
  nobody.on('error', () => undefined);
  ends.push(() => nobody.destroy());
  await until(() => nobody.closed || nobody.destroyed, 'the end of the one without a call');
  expect([gate.closed, gate.destroyed]).toEqual([false, false]);
});
