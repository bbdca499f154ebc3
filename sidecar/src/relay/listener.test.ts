import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openListener } from './listener.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'listener-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const unixName = (port: number) => `socket.${port}`;

/** What a client hears from whoever listens there. */
function hear(where: { path: string } | { host: string; port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      resolve(bytes.toString());
    });
  });
}

test('clients find the listener on its address and on its Unix socket', async () => {
  const listener = await openListener({ host: '127.0.0.1', port: 0, unixDirectory: folder }, unixName, (socket) =>
    socket.end('hello'),
  );
  if (!listener.ok) throw new Error(listener.fault.message);
  const { host, port, unixSocket } = listener.value;
  expect(await hear({ host, port })).toBe('hello');
  expect(await hear({ path: unixSocket ?? '' })).toBe('hello');
  listener.value.close();
});

test('a port that is taken is a fault that names it, and nothing stays open', async () => {
  const first = await openListener({ host: '127.0.0.1', port: 0, unixDirectory: undefined }, unixName, () => {});
  if (!first.ok) throw new Error(first.fault.message);
  const second = await openListener(
    { host: '127.0.0.1', port: first.value.port, unixDirectory: folder },
    unixName,
    () => {},
  );
  expect(second).toMatchObject({
    ok: false,
    fault: { code: 'CannotListen', message: expect.stringContaining(`127.0.0.1:${first.value.port}`) },
  });
  first.value.close();
});

test('a socket file that nobody answers on is replaced; one that somebody answers on is not', async () => {
  const first = await openListener({ host: '127.0.0.1', port: 0, unixDirectory: undefined }, unixName, () => {});
  if (!first.ok) throw new Error(first.fault.message);
  const { port } = first.value;
  first.value.close();
  await writeFile(join(folder, unixName(port)), '');
  const second = await openListener({ host: '127.0.0.1', port, unixDirectory: folder }, unixName, (socket) =>
    socket.end('second'),
  );
  if (!second.ok) throw new Error(second.fault.message);
  expect(await hear({ path: join(folder, unixName(port)) })).toBe('second');
  const third = await openListener({ host: '127.0.0.2', port, unixDirectory: folder }, unixName, () => {});
  expect(third).toMatchObject({ ok: false, fault: { code: 'CannotListen' } });
  second.value.close();
});
