import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { type AgentAuthority, type AuthorityPair, openAgentAuthority } from '../relay/agent-certificate.ts';
import { writeWhole } from '../whole-file.ts';

/** Where systems keep the authorities that they trust, as one file of PEM. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/ssl/cert.pem',
];

const KEPT_FILE = 'agent-ca.json';

/** The pod's authority: the one kept in `stateFolder`, so that agents that run go on trusting it, or a new one that is kept from now on. */
export async function keepAuthority(stateFolder: string, nowMs: () => number): Promise<AgentAuthority> {
  const path = join(stateFolder, KEPT_FILE);
  const authority = await openAgentAuthority(nowMs, await readKept(path));
  const { certificate, key } = authority;
  await writeWhole(path, JSON.stringify({ certificate, key } satisfies AuthorityPair), 0o600);
  return authority;
}

/** Writes what agents read: `ca.pem`, the pod's authority, and `bundle.pem`, the same with all that the system trusts. */
export async function writeTrust(
  trustFolder: string,
  certificate: string,
  systemBundles: readonly string[] = SYSTEM_BUNDLES,
): Promise<void> {
  await writeWhole(join(trustFolder, 'ca.pem'), certificate, 0o644);
  await writeWhole(join(trustFolder, 'bundle.pem'), `${certificate}\n${await systemRoots(systemBundles)}`, 0o644);
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
