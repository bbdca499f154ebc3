import { afterEach, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startIssuer, type TestIssuer } from './issuer.ts';

const issuers: TestIssuer[] = [];

afterEach(async () => {
  for (const issuer of issuers.splice(0)) await issuer.stop();
});

async function start(algorithm: 'RS256' | 'ES256' = 'ES256'): Promise<TestIssuer> {
  const issuer = await startIssuer({ algorithm });
  issuers.push(issuer);
  return issuer;
}

/** Verifies as an independent relying party: keys found by discovery. */
async function verify(issuer: TestIssuer, token: string): Promise<Record<string, unknown>> {
  const found: unknown = await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json();
  expect(found).toMatchObject({ issuer: issuer.url, jwks_uri: issuer.jwksUrl });
  const keys = createRemoteJWKSet(new URL(issuer.jwksUrl), { cooldownDuration: 0 });
  return (await jwtVerify(token, keys, { issuer: issuer.url, audience: issuer.audience })).payload;
}

describe.each(['RS256', 'ES256'] as const)('an issuer with %s', (algorithm) => {
  test('gives tokens that verify by discovery', async () => {
    const issuer = await start(algorithm);
    const token = await issuer.token({ subject: 'bot', groups: ['support'], claims: { task: 'T-1' } });
    expect(await verify(issuer, token)).toMatchObject({ sub: 'bot', groups: ['support'], task: 'T-1' });
    expect(issuer.keyRequests()).toBe(1);
  });

  test('gives tokens that do not', async () => {
    const issuer = await start(algorithm);
    await expect(verify(issuer, await issuer.forgedToken())).rejects.toThrow('signature');
    await expect(verify(issuer, issuer.unsignedToken())).rejects.toThrow();
    await expect(verify(issuer, await issuer.token({ expiresIn: -60 }))).rejects.toThrow('exp');
    await expect(verify(issuer, await issuer.token({ notBefore: 3600 }))).rejects.toThrow('nbf');
    await expect(verify(issuer, await issuer.token({ audience: 'other' }))).rejects.toThrow('aud');
    await expect(verify(issuer, await issuer.token({ issuer: 'http://other' }))).rejects.toThrow('iss');
  });
});

test('a rotated key leaves old tokens good, unless it is forgotten', async () => {
  const issuer = await start();
  const old = await issuer.token();
  await issuer.rotate();
  await verify(issuer, old);
  await verify(issuer, await issuer.token());
  await issuer.rotate(true);
  await expect(verify(issuer, old)).rejects.toThrow('no applicable key');
});

test('an issuer that is down answers 503', async () => {
  const issuer = await start();
  issuer.setDown(true);
  expect((await fetch(issuer.jwksUrl)).status).toBe(503);
  issuer.setDown(false);
  expect((await fetch(issuer.jwksUrl)).status).toBe(200);
});
