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

test.each<[string, () => { path: string } | { host: string; port: number }]>([
  ['its address', () => ({ host: '127.0.0.1', port: 0 })],
  ['its Unix socket, in a folder that was not there', () => ({ path: join(folder, 'sockets', 'one') })],
])('clients find the listener on %s', async (_name, where) => {
  const place = where();
  const listener = await openListener(place, (socket) => socket.end('hello'));
  if (!listener.ok) throw new Error(listener.fault.message);
  expect(await hear('path' in place ? place : { ...place, port: listener.value.port })).toBe('hello');
  listener.value.close();
});

test('a port that is taken is a fault that names it', async () => {
  const first = await openListener({ host: '127.0.0.1', port: 0 }, () => {});
  if (!first.ok) throw new Error(first.fault.message);
  const { port } = first.value;
  const message = expect.stringContaining(`127.0.0.1:${port}`);
  expect(await openListener({ host: '127.0.0.1', port }, () => {})).toMatchObject({
    ok: false,
    fault: { code: 'CannotListen', message },
  });
  first.value.close();
});

test('a socket file that nobody answers on is replaced; one that somebody answers on is not', async () => {
  const path = join(folder, 'socket');
  await writeFile(path, '');
  const second = await openListener({ path }, (socket) => socket.end('second'));
  if (!second.ok) throw new Error(second.fault.message);
  expect(await hear({ path })).toBe('second');
  expect(await openListener({ path }, () => {})).toMatchObject({ ok: false, fault: { code: 'CannotListen' } });
  second.value.close();
});
