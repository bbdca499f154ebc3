import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where gate and store keep what is theirs when no folder is named: SIDEGATE_STATE, or `sidegate` in the user's state folder. */
export function defaultStateFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const { SIDEGATE_STATE: named, XDG_STATE_HOME: stateHome } = environment;
  if (named !== undefined && named !== '') return named;
  return join(stateHome !== undefined && stateHome !== '' ? stateHome : join(homedir(), '.local', 'state'), 'sidegate');
}

/** The socket over which the owner reads the store when none is named: SIDEGATE_STORE_SOCKET, or the one in a state folder. */
export function defaultStoreSocket(environment: Readonly<Record<string, string | undefined>>): string {
  const { SIDEGATE_STORE_SOCKET: named } = environment;
  return named !== undefined && named !== '' ? named : ownerSocketIn(defaultStateFolder(environment));
}

/** The socket in a state folder over which the owner reads the store. */
export function ownerSocketIn(stateFolder: string): string {
  return join(stateFolder, 'owner', 'store.sock');
}

/** The socket in a state folder over which the owner decides held commands and ends sessions. */
export function runSocketIn(stateFolder: string): string {
  return join(stateFolder, 'owner', 'run.sock');
}
