import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { keepWhole } from '../whole-file.ts';
import { type AgentAuthority, type AuthorityPair, openAgentAuthority } from './agent-certificate.ts';
import { type KeptHostKey, keepHostKey } from './kept-host-key.ts';

/** Where systems keep the authorities that they trust, as one file of PEM. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/ssl/cert.pem',
];

const KEPT_FILE = 'agent-ca.json';

/** What agents know the gate by. */
export interface Trust {
  /** In TLS. */
  readonly authority: AgentAuthority;
  /** In SSH. */
  readonly hostKey: KeptHostKey;
}

/**
 * What is kept in `stateFolder`, for the gate alone, and its public side in `trustFolder`, where agents read it when they start: so it is there before
 * a door is, and the same after a restart. Rejects when a folder cannot be written.
 */
export async function openTrust(stateFolder: string, trustFolder: string, nowMs: () => number): Promise<Trust> {
  const authority = await keepAuthority(stateFolder, nowMs);
  await writeTrust(trustFolder, authority.certificate);
  return { authority, hostKey: await keepHostKey(stateFolder, trustFolder) };
}

/** The gate's authority: the one kept in `stateFolder`, so that agents that run go on trusting it, or a new one that is kept from now on. */
export async function keepAuthority(stateFolder: string, nowMs: () => number): Promise<AgentAuthority> {
  const path = join(stateFolder, KEPT_FILE);
  const authority = await openAgentAuthority(nowMs, await readKept(path));
  const { certificate, key } = authority;
  await keepWhole(path, JSON.stringify({ certificate, key } satisfies AuthorityPair), 0o600);
  return authority;
}

/** Writes what agents read: `ca.pem`, the gate's authority, and `bundle.pem`, the same with all that the system trusts. */
export async function writeTrust(
  trustFolder: string,
  certificate: string,
  systemBundles: readonly string[] = SYSTEM_BUNDLES,
): Promise<void> {
  await keepWhole(join(trustFolder, 'ca.pem'), certificate, 0o644);
  await keepWhole(join(trustFolder, 'bundle.pem'), `${certificate}\n${await systemRoots(systemBundles)}`, 0o644);
}

async function systemRoots(bundles: readonly string[]): Promise<string> {
  for (const bundle of bundles) {
    const text = await readFile(bundle, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  }
  return `${rootCertificates.join('\n')}\n`;
}

async function readKept(path: string): Promise<AuthorityPair | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('certificate' in value) || !('key' in value)) return undefined;
    const { certificate, key } = value;
    return typeof certificate === 'string' && typeof key === 'string' ? { certificate, key } : undefined;
  } catch {
    return undefined;
  }
}
