import { X509Certificate } from 'node:crypto';
import { certificatesIn, type Fault, fail, type ObjectKeyReference, ok, type Result } from '@sidegate/crds';

export type AuthorityFault = Fault<'CertificateNotFound' | 'BadCertificate' | 'NotKnownYet'>;

/** The text at a reference: undefined when there is none, null while what may hold it is not read. */
export type FindText = (reference: ObjectKeyReference) => string | undefined | null;

/** The certificates (PEM) of the authorities that a Target's server may be vouched for by; none: the system's. */
export function readAuthorities(
  references: readonly ObjectKeyReference[],
  find: FindText,
): Result<readonly string[], AuthorityFault> {
  const authorities: string[] = [];
  for (const reference of references) {
    const place = `the key ${reference.key} of ${reference.kind} ${reference.name}`;
    const text = find(reference);
    if (text === null) return fail({ code: 'NotKnownYet', message: `${reference.kind}s are not read yet.` });
    if (text === undefined) {
      const only =
        reference.kind === 'Secret' ? ' A Secret is read only when its type is sidegate.dev/credential.' : '';
      return fail({
        code: 'CertificateNotFound',
        message: `There is no ${place.replace('the ', '')} in the Target's namespace.`,
        mend: `Add it, or correct spec.tls.caCertificateRefs.${only}`,
      });
    }
    const certificates = certificatesIn(text);
    if (certificates.length === 0 || !certificates.every(isCertificate)) {
      const message = `There is no certificate that can be read in ${place}.`;
      return fail({ code: 'BadCertificate', message, mend: 'Write certificates in PEM there.' });
    }
    authorities.push(...certificates);
  }
  return ok(authorities);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject.length >= 0;
  } catch {
    return false;
  }
}
