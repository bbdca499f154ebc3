import type { webcrypto } from 'node:crypto';
import type { PemPair } from './pem-pair.ts';

/** What keys and serial numbers are made with. */
export type Crypto = webcrypto.Crypto;

const DAY_MS = 24 * 3_600_000;
const ROOT_LIFE_MS = 3_650 * DAY_MS;
const SERVING_LIFE_MS = 90 * DAY_MS;
/** Clocks of other machines may be behind by this much: what is made begins so long before now. */
export const EARLIER_MS = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A self-signed ECDSA P-256 root that holds for ten years. */
export async function mintRoot(crypto: Crypto, nowMs: number): Promise<PemPair> {
  const x509 = await openLibrary(crypto);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(crypto),
    name: 'CN=Sidegate root',
    ...life(nowMs, ROOT_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
    ],
  });
  return { certificate: `${root.toString('pem')}\n`, key: await exportKey(crypto, keys.privateKey) };
}

/**
 * The certificate of `next` again, signed by the root before it: who trusts that one alone takes what `next` signs when it is shown this too. Both have
 * one name, so that it counts as no authority in between (RFC 5280 section 6.1, self-issued), which `former` does not allow. It ends with `former`.
 */
export async function mintBridge(crypto: Crypto, next: PemPair, former: PemPair, nowMs: number): Promise<string> {
  const x509 = await openLibrary(crypto);
  const [subject, issuer] = [new x509.X509Certificate(next.certificate), new x509.X509Certificate(former.certificate)];
  const signingKey = await crypto.subtle.importKey('pkcs8', derOf(former.key), ALGORITHM, false, ['sign']);
  const bridge = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(crypto),
    subject: subject.subject,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - EARLIER_MS),
    notAfter: issuer.notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: subject.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(subject.publicKey, false, crypto),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto),
    ],
  });
  return `${bridge.toString('pem')}\n`;
}

/** A serving certificate from `root` for DNS `names`, which holds for 90 days. */
export async function mintServing(
  crypto: Crypto,
  root: PemPair,
  names: readonly string[],
  nowMs: number,
): Promise<PemPair> {
  const x509 = await openLibrary(crypto);
  const issuer = new x509.X509Certificate(root.certificate);
  const [keys, issuerKey] = await Promise.all([
    crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']),
    crypto.subtle.importKey('pkcs8', derOf(root.key), ALGORITHM, false, ['sign']),
  ]);
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(crypto),
    subject: `CN=${names[0] ?? 'sidegate'}`,
    issuer: issuer.subject,
    ...life(nowMs, SERVING_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: issuerKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto),
    ],
  });
  return { certificate: `${leaf.toString('pem')}\n`, key: await exportKey(crypto, keys.privateKey) };
}

/** The library that writes certificates is loaded only when one is written. */
async function openLibrary(crypto: Crypto): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(crypto);
  return x509;
}

function life(nowMs: number, lifeMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(nowMs - EARLIER_MS), notAfter: new Date(nowMs + lifeMs) };
}

/** Positive and without a leading zero byte, as RFC 5280 section 4.1.2.2 asks. */
function serialNumber(crypto: Crypto): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `4${Buffer.from(bytes).toString('hex').slice(1)}`;
}

async function exportKey(crypto: Crypto, key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}
