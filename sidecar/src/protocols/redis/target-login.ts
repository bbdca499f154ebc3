import type { Credential } from '../protocol.ts';
import { writeCommand } from './codec.ts';

/** What an agent asked for with HELLO. */
export interface Hello {
  readonly version: 2 | 3;
  readonly clientName: string | undefined;
}

/**
 * The gate's own login: HELLO where the agent came with it, else AUTH. A credential without a user name is a password of the default user. Undefined:
 * there is nothing to say.
 */
export function writeLogin({ username, password }: Credential, hello: Hello | undefined): Uint8Array | undefined {
  const isNamed = username !== '';
  if (hello === undefined) {
    if (password === '' && !isNamed) return undefined;
    return writeCommand(isNamed ? ['AUTH', username, password] : ['AUTH', password]);
  }
  const auth = password === '' && !isNamed ? [] : ['AUTH', isNamed ? username : 'default', password];
  const name = hello.clientName === undefined ? [] : ['SETNAME', hello.clientName];
  return writeCommand(['HELLO', String(hello.version), ...auth, ...name]);
}
