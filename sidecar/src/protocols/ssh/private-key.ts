import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { writeFrame } from './codec.ts';
import { LENGTH_BYTES } from './messages.ts';

const PKCS8 = /-----BEGIN PRIVATE KEY-----/;

/** The text of an Ed25519 key in OpenSSH's format (PROTOCOL.key of OpenSSH), without a passphrase. */
export function writeOpenSshKey(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), publicKey]);
  const type = 'ssh-ed25519';
  const check = { uint32: randomBytes(4).readUInt32BE() };
  const bare = writeFrame(check, check, type, publicKey, secret, '').subarray(LENGTH_BYTES);
  const padding = Uint8Array.from({ length: (8 - (bare.length % 8)) % 8 }, (_, at) => at + 1);
  const blob = writeFrame(type, publicKey).subarray(LENGTH_BYTES);
  const whole = writeFrame(
    { raw: Buffer.from('openssh-key-v1\0') },
    'none',
    'none',
    '',
    { uint32: 1 },
    blob,
    Buffer.concat([bare, padding]),
  ).subarray(LENGTH_BYTES);
  const lines =
    Buffer.from(whole)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** A private key in PKCS #8 (RFC 5208), which ssh2 does not read, in a format that it reads; any other text as it is. Throws when it is malformed. */
export function fromPkcs8(text: string): string {
  if (!PKCS8.test(text)) return text;
  const key = createPrivateKey(text);
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return writeOpenSshKey(key);
    case 'rsa':
      return String(key.export({ format: 'pem', type: 'pkcs1' }));
    case 'ec':
      return String(key.export({ format: 'pem', type: 'sec1' }));
    default:
      return text;
  }
}
