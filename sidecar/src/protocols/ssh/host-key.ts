import { generateKeyPairSync } from 'node:crypto';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import keyParser, { type ParsedKey } from 'ssh2/lib/protocol/keyParser.js';
import { fromPkcs8, writeOpenSshKey } from './private-key.ts';

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
  const made = fromPem(writeOpenSshKey(generateKeyPairSync('ed25519').privateKey));
  if (made === undefined) throw new Error('a new host key cannot be read');
  return made;
}

function fromPem(pem: string): HostKey | undefined {
  const key = onlyKey(pem);
  if (key?.isPrivateKey() !== true) return undefined;
  return { key, pem, publicLine: `${key.type} ${key.getPublicSSH().toString('base64')}` };
}

/** The only key in a text of any format that ssh2 reads (OpenSSH, PEM, PuTTY) or in PKCS #8; undefined: there is none, or a passphrase is on it. */
export function onlyKey(text: string): ParsedKey | undefined {
  try {
    const parsed = keyParser.parseKey(fromPkcs8(text));
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
