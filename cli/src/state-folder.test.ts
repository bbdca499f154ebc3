import { expect, test } from '@jest/globals';
import { defaultStoreSocket } from './state-folder.ts';

test.each([
  [{ SIDEGATE_STORE_SOCKET: '/run/one.sock', SIDEGATE_STATE: '/state' }, '/run/one.sock'],
  [{ SIDEGATE_STORE_SOCKET: '', SIDEGATE_STATE: '/state' }, '/state/owner/store.sock'],
  [{ SIDEGATE_STATE: '/state' }, '/state/owner/store.sock'],
  [{ XDG_STATE_HOME: '/xdg/state' }, '/xdg/state/sidegate/owner/store.sock'],
])('with %j the store is read at %s', (environment, socket) => {
  expect(defaultStoreSocket(environment)).toBe(socket);
});
