import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** Files with what TLS is served with. */
export interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A certificate with its chain, and its private key, PEM. */
export interface ServingPair {
  readonly certificate: string;
  readonly key: string;
}

/** Reads both. Fault BadCertificate: they cannot be read, or do not belong together. */
export function readPair({ certificateFile, keyFile }: PairFiles): Result<ServingPair, Fault<'BadCertificate'>> {
  try {
    const [certificate, key] = [readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')];
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return ok({ certificate, key });
    return fail({ code: 'BadCertificate', message: 'The key is not the one of the certificate.', where: keyFile });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      code: 'BadCertificate',
      message: `Certificate and key cannot be read: ${reason}.`,
      where: certificateFile,
    });
  }
}

/** Looks at the files; gives what stands there when it is whole and differs from what was given before. */
export class PairWatch {
  readonly #files: PairFiles;
  #current: ServingPair;

  constructor(files: PairFiles, current: ServingPair) {
    this.#files = files;
    this.#current = current;
  }

  /** Files that cannot be read now (one is written after the other) are looked at again next time. */
  look(): ServingPair | undefined {
    const read = readPair(this.#files);
    if (!read.ok) return undefined;
    const { certificate, key } = read.value;
    if (certificate === this.#current.certificate && key === this.#current.key) return undefined;
    this.#current = read.value;
    return read.value;
  }
}
