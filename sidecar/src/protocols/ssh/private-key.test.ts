import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { onlyKey } from './host-key.ts';
import { writeOpenSshKey } from './private-key.ts';

const KINDS = {
  ed25519: () => generateKeyPairSync('ed25519'),
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'ec P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ec P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
} as const;
const DATA = Buffer.from('to be signed');

function pkcs8(key: KeyObject): string {
  return String(key.export({ format: 'pem', type: 'pkcs8' }));
}

describe('a private key in PKCS #8', () => {
  test.each(Object.entries(KINDS))('signs as %s what its public half verifies', (_, generate) => {
    const { privateKey, publicKey } = generate();
    const key = onlyKey(pkcs8(privateKey));
    expect(key?.isPrivateKey()).toBe(true);
    const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? undefined : 'sha256';
    const signature = key?.sign(DATA, algorithm);
    expect(signature instanceof Buffer && verify(algorithm, DATA, publicKey, signature)).toBe(true);
    const other = generate().publicKey;
    expect(signature instanceof Buffer && verify(algorithm, DATA, other, signature)).toBe(false);
  });

  test('is not read with a passphrase, cut short, or of a kind that SSH has not', () => {
    const { privateKey } = KINDS.ed25519();
    const secret = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
    expect(onlyKey(String(secret))).toBeUndefined();
    const cut = pkcs8(privateKey).replace(/\n.{20}/, '\n');
    expect(onlyKey(cut)).toBeUndefined();
    expect(onlyKey(pkcs8(generateKeyPairSync('x25519').privateKey))).toBeUndefined();
  });

  test('is the same key in OpenSSH’s format', () => {
    const { privateKey } = KINDS.ed25519();
    const one = onlyKey(writeOpenSshKey(privateKey))?.getPublicSSH();
    expect(one).toBeDefined();
    expect(onlyKey(pkcs8(privateKey))?.getPublicSSH()).toEqual(one);
  });
});
