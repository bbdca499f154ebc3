import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** How long the authority holds, in milliseconds: agents read it once, at their start, so it must outlive them. */
const AUTHORITY_LIFE_MS = 10 * 365 * 24 * 3_600_000;
/** How long its certificates hold, in milliseconds; one is made anew when half of that has passed. */
const CERTIFICATE_LIFE_MS = 365 * 24 * 3_600_000;

/** An authority as it is kept, PEM. */
export interface AuthorityPair {
  readonly certificate: string;
  readonly key: string;
}

export interface AgentAuthority extends AuthorityPair {
  /** A context for agents that ask for `names`; made once for each set. */
  contextFor(names: readonly string[]): Promise<SecureContext>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * The gate's own authority for the TLS that agents ask for: an ECDSA P-256 root, and one certificate for each set of names. `kept`: one that
 * was made before, which goes on when it holds for another year. The library that writes certificates is loaded only here, when one is written.
 */
export async function openAgentAuthority(nowMs: () => number, kept?: AuthorityPair): Promise<AgentAuthority> {
  const serial = (): string => Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex');
  const life = (ms: number): { notBefore: Date; notAfter: Date } => ({
    notBefore: new Date(nowMs() - 3_600_000),
    notAfter: new Date(nowMs() + ms),
  });

  async function makeRoot(): Promise<AuthorityPair> {
    const x509 = await loadWriter();
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: 'CN=Sidegate gate',
      ...life(AUTHORITY_LIFE_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return { certificate: `${root.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
  }

  const pair = kept !== undefined && stillHolds(kept, nowMs()) ? kept : await makeRoot();
  const contexts = new Map<string, { readonly context: Promise<SecureContext>; readonly madeMs: number }>();

  async function makeContext(names: readonly string[]): Promise<SecureContext> {
    const x509 = await loadWriter();
    const root = new x509.X509Certificate(pair.certificate);
    const rootKey = await webcrypto.subtle.importKey('pkcs8', derOf(pair.key), ALGORITHM, false, ['sign']);
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: `CN=${names[0] ?? 'sidegate'}`,
      issuer: root.subject,
      ...life(CERTIFICATE_LIFE_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: rootKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((name) => ({ type: /^[0-9.]+$|:/.test(name) ? ('ip' as const) : ('dns' as const), value: name })),
        ),
      ],
    });
    return createSecureContext({
      cert: `${leaf.toString('pem')}\n${pair.certificate}`,
      key: await pemOf(keys.privateKey),
      minVersion: 'TLSv1.2',
    });
  }

  return {
    ...pair,
    contextFor(names) {
      const id = names.join(' ');
      const known = contexts.get(id);
      if (known !== undefined && nowMs() - known.madeMs < CERTIFICATE_LIFE_MS / 2) return known.context;
      const context = makeContext(names);
      contexts.set(id, { context, madeMs: nowMs() });
      return context;
    },
  };
}

async function loadWriter(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

/** False for a pair that is damaged, that does not belong together, or that its agents would outlive. */
function stillHolds({ certificate, key }: AuthorityPair, nowMs: number): boolean {
  try {
    const root = new X509Certificate(certificate);
    return root.checkPrivateKey(createPrivateKey(key)) && root.validToDate.getTime() - nowMs > CERTIFICATE_LIFE_MS;
  } catch {
    return false;
  }
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }));
}
