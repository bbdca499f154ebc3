import { createPrivateKey, X509Certificate } from 'node:crypto';

/** A certificate (its chain may follow it) and its private key, PEM. */
export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

/** The certificate of a pair whose key belongs to it; undefined when either cannot be read or they do not. */
export function certificateOf({ certificate, key }: PemPair): X509Certificate | undefined {
  try {
    const read = new X509Certificate(certificate);
    return read.checkPrivateKey(createPrivateKey(key)) ? read : undefined;
  } catch {
    return undefined;
  }
}
