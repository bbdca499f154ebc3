import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import keyParser, { type ParsedKey } from 'ssh2/lib/protocol/keyParser.js';
import { writeFrame } from './codec.ts';
import { LENGTH_BYTES } from './messages.ts';

/** A public key by which a target may prove who it is. */
export interface AcceptedHostKey {
  readonly type: string;
  /** As SSH writes it. */
  readonly blob: Uint8Array;
}

/** The gate's own host key, which agents know it by. */
export interface HostKey {
  readonly key: ParsedKey;
  /** In OpenSSH's format: what is kept. */
  readonly pem: string;
  /** As in known_hosts, without the host's name. */
  readonly publicLine: string;
}

/** A new Ed25519 key, or the one in `kept` when that can be read. */
export function openHostKey(kept?: string): HostKey {
  const known = kept === undefined ? undefined : fromPem(kept);
  if (known !== undefined) return known;
  const made = fromPem(newKey());
  if (made === undefined) throw new Error('a new host key cannot be read');
  return made;
}

/** An Ed25519 key in OpenSSH's format (PROTOCOL.key of OpenSSH). */
function newKey(): string {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
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

function fromPem(pem: string): HostKey | undefined {
  const key = onlyKey(pem);
  if (key?.isPrivateKey() !== true) return undefined;
  return { key, pem, publicLine: `${key.type} ${key.getPublicSSH().toString('base64')}` };
}

/** The only key in a text of any format that ssh2 reads (OpenSSH, PEM, PuTTY); undefined: there is none, or a passphrase is on it. */
export function onlyKey(text: string): ParsedKey | undefined {
  try {
    const parsed = keyParser.parseKey(text);
    if (parsed instanceof Error) return undefined;
    return 'type' in parsed ? parsed : parsed[0];
  } catch {
    return undefined;
  }
}

/** A public key as known_hosts has it, after the host's name. */
export function readHostKey(line: string): Result<AcceptedHostKey, Fault> {
  const [type = '', base64 = ''] = line.trim().split(/\s+/);
  const key = onlyKey(`${type} ${base64}`);
  if (key === undefined || key.isPrivateKey()) {
    return fail({ code: 'BadHostKey', message: `"${line.slice(0, 40)}" is no public host key.` });
  }
  return ok({ type: key.type, blob: key.getPublicSSH() });
}
