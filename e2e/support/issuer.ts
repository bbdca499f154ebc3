import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export type TokenAlgorithm = 'RS256' | 'ES256';

/** What a token says; what is left out is a good token of `agent` for the issuer's own audience. */
export interface TokenOptions {
  /** Default `agent`. */
  readonly subject?: string;
  /** Left out of the token when not given. */
  readonly groups?: readonly string[];
  readonly audience?: string | readonly string[];
  /** Seconds from now; default 3600. Negative: it has expired. `never`: the token says nothing of it. */
  readonly expiresIn?: number | 'never';
  /** Seconds from now; default: the token says nothing of it. */
  readonly notBefore?: number;
  /** Another issuer than the one that signs. */
  readonly issuer?: string;
  /** Added to the claims last, so they win. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An OpenID Connect issuer of a test's own on loopback: discovery, keys and tokens. */
export interface TestIssuer extends AsyncDisposable {
  /** As in `iss`. */
  readonly url: string;
  readonly jwksUrl: string;
  readonly audience: string;
  token(options?: TokenOptions): Promise<string>;
  /** Signed by a key of its own that claims to be the published one. */
  forgedToken(options?: TokenOptions): Promise<string>;
  /** No signature at all (`alg: none`). */
  unsignedToken(options?: TokenOptions): string;
  /** Signs with a new key from now on; the old one is still published, unless `forgetOld`. */
  rotate(forgetOld?: boolean): Promise<void>;
  /** How often the keys were fetched. */
  keyRequests(): number;
  /** While it is down every request gets 503. */
  setDown(down: boolean): void;
  stop(): Promise<void>;
}

interface SigningKey {
  readonly id: string;
  readonly secret: CryptoKey;
  readonly published: JWK;
}

/** Starts an issuer that signs with `algorithm` (default RS256) for `audience` (default `sidegate`). */
export async function startIssuer(
  options: { readonly algorithm?: TokenAlgorithm; readonly audience?: string } = {},
): Promise<TestIssuer> {
  const algorithm = options.algorithm ?? 'RS256';
  const audience = options.audience ?? 'sidegate';
  let current = await newKey(algorithm);
  let published = [current];
  let down = false;
  let keyRequests = 0;
  let url = '';

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (down) return send(response, 503, { error: 'temporarily_unavailable' });
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return send(response, 200, {
          issuer: url,
          jwks_uri: `${url}/keys`,
          authorization_endpoint: `${url}/authorize`,
          token_endpoint: `${url}/token`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: [algorithm],
        });
      case '/keys':
        keyRequests += 1;
        return send(response, 200, { keys: published.map((key) => key.published) });
      default:
        return send(response, 404, { error: 'not_found' });
    }
  };
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address and a port');
  url = `http://127.0.0.1:${address.port}`;

  const sign = (token: TokenOptions, key: SigningKey, secret: CryptoKey): Promise<string> =>
    new SignJWT(claimsOf(token, url, audience))
      .setProtectedHeader({ alg: algorithm, kid: key.id, typ: 'JWT' })
      .sign(secret);
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };

  return {
    url,
    jwksUrl: `${url}/keys`,
    audience,
    token: (token = {}) => sign(token, current, current.secret),
    forgedToken: async (token = {}) => sign(token, current, (await newKey(algorithm)).secret),
    unsignedToken: (token = {}) => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claimsOf(token, url, audience))}.`,
    rotate: async (forgetOld = false) => {
      current = await newKey(algorithm);
      published = forgetOld ? [current] : [current, ...published];
    },
    keyRequests: () => keyRequests,
    setDown: (isDown) => {
      down = isDown;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function newKey(algorithm: TokenAlgorithm): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const id = randomBytes(8).toString('hex');
  return {
    id,
    secret: privateKey,
    published: { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' },
  };
}

function claimsOf(options: TokenOptions, url: string, audience: string): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  const expiresIn = options.expiresIn ?? 3600;
  return {
    iss: options.issuer ?? url,
    sub: options.subject ?? 'agent',
    aud: options.audience ?? audience,
    iat: now,
    jti: randomBytes(8).toString('hex'),
    ...(expiresIn === 'never' ? {} : { exp: now + expiresIn }),
    ...(options.notBefore === undefined ? {} : { nbf: now + options.notBefore }),
    ...(options.groups === undefined ? {} : { groups: options.groups }),
    ...options.claims,
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
