import { asLatin1 } from './codec.ts';
import { numberAt, optionAt } from './keys.ts';

/** HELLO [protover [AUTH username password] [SETNAME clientname]] */
export interface HelloRequest {
  readonly version: 2 | 3 | undefined;
  readonly username: string | undefined;
  readonly token: string | undefined;
  readonly clientName: string | undefined;
}

const CLIENT_NAME_BYTES_MAX = 256;

/** Undefined: the server would not take it either. */
export function readHello(args: readonly Uint8Array[]): HelloRequest | undefined {
  if (args.length === 1) return { version: undefined, username: undefined, token: undefined, clientName: undefined };
  const version = numberAt(args, 1);
  if (version !== 2 && version !== 3) return undefined;
  let username: string | undefined;
  let token: string | undefined;
  let clientName: string | undefined;
  for (let at = 2; at < args.length; at++) {
    const option = optionAt(args, at);
    const [first, second] = [args[at + 1], args[at + 2]];
    if (option === 'AUTH' && first !== undefined && second !== undefined) {
      username = asLatin1(first);
      token = asLatin1(second);
      at += 2;
    } else if (option === 'SETNAME' && first !== undefined && first.length <= CLIENT_NAME_BYTES_MAX) {
      clientName = asLatin1(first);
      if (!/^[\x21-\x7e]*$/.test(clientName)) return undefined;
      at += 1;
    } else return undefined;
  }
  return { version, username, token, clientName };
}
