import { beforeAll, expect, test } from '@jest/globals';
import { fail, type Issuer, ok } from '@sidegate/crds';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { ReadDocument } from './document.ts';
import { openTokenVerifier } from './token-verifier.ts';

const NOW_MS = 1_800_000_000_000;
const ISSUER: Issuer = { name: 'corporate', url: 'https://issuer.test', audiences: ['sidegate'] };
type Key = Awaited<ReturnType<typeof generateKeyPair>>;
let key: Key;
let rotated: Key;

beforeAll(async () => {
  key = await generateKeyPair('ES256');
  rotated = await generateKeyPair('ES256');
});

interface TokenParts {
  readonly issuer?: string;
  readonly audience?: string;
  readonly expiresInSeconds?: number;
  readonly subject?: string;
  readonly claims?: Record<string, unknown>;
  readonly signer?: Key;
  readonly keyId?: string;
}

function sign({
  issuer = ISSUER.url,
  audience = 'sidegate',
  expiresInSeconds = 60,
  subject = 'bot',
  claims = { groups: ['support'] },
  signer = key,
  keyId = 'one',
}: TokenParts): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setExpirationTime(NOW_MS / 1000 + expiresInSeconds)
    .sign(signer.privateKey);
}

async function keySet(): Promise<ReadDocument> {
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'one', alg: 'ES256' }] };
  return async (url) =>
    ok(url.endsWith('openid-configuration') ? { issuer: ISSUER.url, jwks_uri: 'https://issuer.test/keys' } : jwks);
}

async function verify(parts: TokenParts, issuerNames?: readonly string[]) {
  const verifier = openTokenVerifier(
    () => [ISSUER],
    await keySet(),
    () => NOW_MS,
  );
  return verifier.verify(await sign(parts), 'Token', issuerNames);
}

test('a good token gives the identity with its groups and its end', async () => {
  expect(await verify({})).toEqual(
    ok({ source: 'Token', issuer: 'corporate', subject: 'bot', groups: ['support'], expiresAtMs: NOW_MS + 60_000 }),
  );
});

test('a token that says nothing of groups leaves them unknown, not empty', async () => {
  expect(await verify({ claims: {} })).toMatchObject({ ok: true, value: { groups: undefined } });
  expect(await verify({ claims: { groups: [] } })).toMatchObject({ ok: true, value: { groups: [] } });
});

test.each<[string, TokenParts, readonly string[] | undefined, string]>([
  ['that ends now', { expiresInSeconds: 0 }, undefined, 'Expired'],
  ['for another audience', { audience: 'other' }, undefined, 'WrongAudience'],
  ['of an unknown issuer', { issuer: 'https://other.test' }, undefined, 'UnknownIssuer'],
  ['of an issuer that this access does not name', {}, ['partner'], 'UnknownIssuer'],
])('a token %s is refused', async (_name, parts, issuerNames, code) => {
  expect(await verify(parts, issuerNames)).toMatchObject({ ok: false, fault: { code } });
});

test('a token that another key signed under a known key id is refused', async () => {
  expect(await verify({ signer: rotated })).toMatchObject({ ok: false, fault: { code: 'BadSignature' } });
});

test.each<[string, string]>([
  ['', 'NoToken'],
  ['not a token', 'BadToken'],
  [
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(`{"iss":"${ISSUER.url}","sub":"x","aud":"sidegate","exp":9999999999}`).toString('base64url')}.`,
    'BadToken',
  ],
])('%j is refused', async (token, code) => {
  const verifier = openTokenVerifier(
    () => [ISSUER],
    await keySet(),
    () => NOW_MS,
  );
  expect(await verifier.verify(token, 'Token', undefined)).toMatchObject({ ok: false, fault: { code } });
});

test('a key that the issuer added is found, and old keys serve while the issuer is away', async () => {
  let now = NOW_MS;
  const first = { ...(await exportJWK(key.publicKey)), kid: 'one', alg: 'ES256' };
  const second = { ...(await exportJWK(rotated.publicKey)), kid: 'two', alg: 'ES256' };
  let keys: unknown[] | undefined = [first];
  const verifier = openTokenVerifier(
    () => [{ ...ISSUER, jwksUrl: 'https://issuer.test/keys' }],
    async (url) => (keys === undefined ? fail({ code: 'Unreachable', message: `${url} is away.` }) : ok({ keys })),
    () => now,
  );
  const long = { expiresInSeconds: 86_400 };
  expect(await verifier.verify(await sign(long), 'Token', undefined)).toMatchObject({ ok: true });
  keys = [first, second];
  now += 5_000;
  expect(
    await verifier.verify(await sign({ ...long, signer: rotated, keyId: 'two' }), 'Token', undefined),
  ).toMatchObject({ ok: true });
  keys = undefined;
  now += 3_600_000;
  expect(await verifier.verify(await sign(long), 'Token', undefined)).toMatchObject({ ok: true });
});

test('an issuer that was never reached refuses, and says that it could not be reached', async () => {
  const verifier = openTokenVerifier(
    () => [ISSUER],
    async (url) => fail({ code: 'Unreachable', message: `${url} is away.` }),
    () => NOW_MS,
  );
  expect(await verifier.verify(await sign({}), 'Token', undefined)).toMatchObject({
    ok: false,
    fault: { code: 'IssuerUnreachable' },
  });
});

test('a configuration that names another issuer than the one asked is not believed', async () => {
  const verifier = openTokenVerifier(
    () => [ISSUER],
    async () => ok({ issuer: 'https://evil.test', jwks_uri: 'https://evil.test/keys', keys: [] }),
    () => NOW_MS,
  );
  expect(await verifier.verify(await sign({}), 'Token', undefined)).toMatchObject({
    ok: false,
    fault: { code: 'IssuerUnreachable' },
  });
});
