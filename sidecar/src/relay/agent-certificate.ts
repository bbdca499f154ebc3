import { webcrypto } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** How long the gate's own certificates hold, in milliseconds: made anew at each start. */
const CERTIFICATE_LIFE_MS = 365 * 24 * 3_600_000;

export interface AgentAuthority {
  /** PEM: what agents trust. */
  readonly certificate: string;
  /** A context for agents that ask for `names`; made once for each set. */
  contextFor(names: readonly string[]): Promise<SecureContext>;
}

/**
 * The gate's own authority for the TLS that agents ask for: an ECDSA P-256 root, and one certificate for each set of names. The
 * library that writes certificates is loaded only here, when the first agent asks.
 */
export async function openAgentAuthority(nowMs: number): Promise<AgentAuthority> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const life = { notBefore: new Date(nowMs - 3_600_000), notAfter: new Date(nowMs + CERTIFICATE_LIFE_MS) };
  const serial = (): string => Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex');
  const rootKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=Sidegate gate',
    ...life,
    signingAlgorithm: algorithm,
    keys: rootKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const certificate = root.toString('pem');
  const contexts = new Map<string, Promise<SecureContext>>();

  async function makeContext(names: readonly string[]): Promise<SecureContext> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: `CN=${names[0] ?? 'sidegate'}`,
      issuer: root.subject,
      ...life,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: rootKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((name) => ({ type: /^[0-9.]+$|:/.test(name) ? ('ip' as const) : ('dns' as const), value: name })),
        ),
      ],
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return createSecureContext({
      cert: `${leaf.toString('pem')}\n${certificate}`,
      key: `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
      minVersion: 'TLSv1.2',
    });
  }

  return {
    certificate,
    contextFor(names) {
      const id = names.join(' ');
      let context = contexts.get(id);
      if (context === undefined) {
        context = makeContext(names);
        contexts.set(id, context);
      }
      return context;
    },
  };
}
