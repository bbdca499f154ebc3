import { asText, type BodyReader, FRAME } from './codec.ts';
import { CLEARTEXT_PASSWORD_REQUEST, writeFrame } from './codec-writer.ts';

/** A token with many groups is long; a login frame longer than this is none. */
const LOGIN_BYTES_MAX = 256 * 1024;

export type LoginAnswer =
  | { readonly kind: 'Token'; readonly token: string }
  | { readonly kind: 'Send'; readonly bytes: Uint8Array }
  | { readonly kind: 'NoToken' };

/**
 * How an agent gives its token: as the password, which every client can, or by OAUTHBEARER (RFC 7628), where it asked for that with the
 * start-up option `-c sidegate.auth=oauthbearer`.
 */
export class AgentLogin {
  readonly frameBytesMax = LOGIN_BYTES_MAX;
  readonly #oauth: boolean;
  #discovering = false;

  constructor(oauth: boolean) {
    this.#oauth = oauth;
  }

  request(): Uint8Array {
    if (!this.#oauth) return CLEARTEXT_PASSWORD_REQUEST;
    return writeFrame(FRAME.authentication, { int32: 10 }, 'OAUTHBEARER', { int8: 0 });
  }

  /** Undefined: the frame does not belong here. */
  receive(type: number, body: BodyReader): LoginAnswer | undefined {
    if (type !== FRAME.password) return undefined;
    if (!this.#oauth) {
      const token = body.string();
      if (!body.complete) return undefined;
      return token === '' ? { kind: 'NoToken' } : { kind: 'Token', token };
    }
    if (this.#discovering) return { kind: 'NoToken' };
    const mechanism = body.string();
    const length = body.int32();
    const message = length < 0 ? '' : asText(body.bytes(length));
    if (!body.complete || mechanism !== 'OAUTHBEARER') return undefined;
    const token = bearerToken(message);
    if (token === undefined) return undefined;
    if (token !== '') return { kind: 'Token', token };
    // A client without a token asks where to get one; it must answer the error before it is turned away (RFC 7628, section 3.2.3).
    this.#discovering = true;
    const error = Buffer.from(JSON.stringify({ status: 'invalid_token', scope: 'openid' }));
    return { kind: 'Send', bytes: writeFrame(FRAME.authentication, { int32: 11 }, error) };
  }
}

/** The token of a client's first OAUTHBEARER message; empty when it has none; undefined when it is no such message. */
function bearerToken(message: string): string | undefined {
  // Channel binding cannot be had where TLS ends at the gate.
  const parts = /^n,(?:a=[^,]*)?,\u0001((?:[A-Za-z]+=[^\u0001]*\u0001)+)\u0001$/u.exec(message)?.[1];
  if (parts === undefined) return undefined;
  const auth = parts.split('\u0001').find((part) => part.startsWith('auth='));
  if (auth === undefined) return undefined;
  if (auth === 'auth=') return '';
  return /^auth=Bearer +([\w.~+/=-]+)$/iu.exec(auth)?.[1];
}
