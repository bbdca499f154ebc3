import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { API_VERSION, type Door } from '@sidegate/crds';
import type { OpenDoor } from '../gate/configuration.ts';
import { Doors } from './doors.ts';

const TARGET = { namespace: 'data', name: 'db' };
const ACCESS = { namespace: 'agents', name: 'bot' };

function door(port: number): OpenDoor {
  const one: Door = { access: ACCESS, target: TARGET, listen: { host: '127.0.0.1', port } };
  return {
    door: one,
    target: {
      apiVersion: API_VERSION,
      kind: 'Target',
      metadata: TARGET,
      spec: { protocol: 'Postgres', host: 'db', port: 1 },
    },
    access: {
      apiVersion: API_VERSION,
      kind: 'AgentAccess',
      metadata: ACCESS,
      spec: { podSelector: {}, identity: { source: 'Token' }, targetRefs: [TARGET] },
    },
    secrets: undefined,
  };
}

/** What a client that connects to `port` hears: the key of the door it came through. */
function hear(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      resolve(bytes.toString());
    });
  });
}

const openDoors = (): Doors =>
  new Doors(
    (key, socket) => socket.end(key),
    (_protocol, port) => `socket.${port}`,
  );

async function settle(doors: Doors, wanted: ReadonlyMap<string, OpenDoor>): Promise<number> {
  const opened = await doors.open(wanted);
  if (!opened.ok) throw new Error(JSON.stringify(opened.fault));
  opened.value.settle();
  return doors.described[0]?.port ?? 0;
}

test('a listener that is wanted again stays, and leads to the door that asks for it now', async () => {
  const doors = openDoors();
  const port = await settle(doors, new Map([['free', door(0)]]));
  expect(await settle(doors, new Map([['free', door(0)]]))).toBe(port);
  const fixed = openDoors();
  doors.close();
  expect(await settle(fixed, new Map([['first', door(port)]]))).toBe(port);
  expect(await hear(port)).toBe('first');
  await settle(fixed, new Map([['second', door(port)]]));
  expect(await hear(port)).toBe('second');
  fixed.close();
});

test('when one door cannot be opened nothing changes: no new listener stays, the old ones do', async () => {
  const doors = openDoors();
  const port = await settle(doors, new Map([['one', door(0)]]));
  const refused = await doors.open(
    new Map([
      ['one', door(0)],
      ['two', door(0)],
      ['three', door(port)],
    ]),
  );
  expect(refused).toMatchObject({ ok: false, fault: [{ code: 'CannotListen' }] });
  expect(await hear(port)).toBe('one');
  expect(doors.described).toHaveLength(1);
  doors.close();
});

test('a door that is no longer wanted is closed', async () => {
  const doors = openDoors();
  const port = await settle(doors, new Map([['one', door(0)]]));
  await settle(doors, new Map());
  await expect(hear(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('where a blocked door may be left out the others open, and it opens when its address is free', async () => {
  const doors = openDoors();
  const holder = openDoors();
  const taken = await settle(holder, new Map([['x', door(0)]]));
  const other: OpenDoor = { ...door(0), door: { ...door(0).door, listen: { host: '127.0.0.1', port: taken } } };
  const wanted = new Map([
    ['blocked', other],
    ['free', door(0)],
  ]);
  const opened = await doors.open(wanted, 'LeaveOut');
  if (!opened.ok) throw new Error('refused');
  opened.value.settle();
  expect(opened.value.blocked).toMatchObject([{ opened: other, fault: { code: 'CannotListen' } }]);
  expect(await hear(doors.described[0]?.port ?? 0)).toBe('free');
  expect(await doors.open(wanted)).toMatchObject({ ok: false });
  holder.close();
  const again = await doors.open(wanted, 'LeaveOut');
  if (!again.ok) throw new Error('refused');
  again.value.settle();
  expect(again.value.blocked).toEqual([]);
  expect(await hear(taken)).toBe('blocked');
  doors.close();
});
