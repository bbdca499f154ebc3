import { type Fault, fail, type Issuer, ok, type Result } from '@sidegate/crds';
import type { VerifiedIdentity } from '@sidegate/policy';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { ReadDocument } from './document.ts';
import { type IssuerKeys, openIssuerKeys } from './issuer-keys.ts';

/** Only signatures that an issuer alone can make: no shared secrets, no `none`. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** How far the issuer's clock may be ahead of ours, in seconds. Expiry gets no grace. */
const CLOCK_AHEAD_SECONDS_MAX = 60;
const TOKEN_BYTES_MAX = 64 * 1024;

export type IdentityFault = Fault<
  'NoToken' | 'BadToken' | 'UnknownIssuer' | 'Expired' | 'WrongAudience' | 'BadSignature' | 'IssuerUnreachable'
>;

/** Verifies tokens against the issuers that the configuration names: signature, issuer, audience, times (RFC 7519, RFC 8725). */
export interface TokenVerifier {
  verify(
    token: string,
    source: 'Token' | 'Workload',
    issuerNames: readonly string[] | undefined,
  ): Promise<Result<VerifiedIdentity, IdentityFault>>;
}

function refused(
  code: IdentityFault['code'],
  message: string,
  mend: string,
): { readonly ok: false; readonly fault: IdentityFault } {
  return fail({ code, message, mend });
}

function readClaim(payload: JWTPayload, path: string): unknown {
  return Object.hasOwn(payload, path)
    ? payload[path]
    : path
        .split('.')
        .reduce<unknown>(
          (value, part) =>
            typeof value === 'object' && value !== null && Object.hasOwn(value, part)
              ? Reflect.get(value, part)
              : undefined,
          payload,
        );
}

/** The groups a token lists; undefined when it does not say or says it in a form that is not a list of names. */
function readGroups(payload: JWTPayload, issuer: Issuer): readonly string[] | undefined {
  const groups = readClaim(payload, issuer.groupsClaim ?? 'groups');
  return Array.isArray(groups) && groups.every((group) => typeof group === 'string') ? groups : undefined;
}

function faultOf(error: unknown, issuer: Issuer): { readonly ok: false; readonly fault: IdentityFault } {
  if (error instanceof errors.JWTExpired)
    return refused('Expired', 'The token has expired.', 'Get a new one and connect again.');
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
    return refused(
      'WrongAudience',
      'The token is meant for another audience.',
      `Ask issuer ${issuer.name} for one of audience ${issuer.audiences.join(' or ')}.`,
    );
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
    return refused(
      'BadSignature',
      `The token was not signed by issuer ${issuer.name}.`,
      'Get a new one from that issuer.',
    );
  }
  return refused(
    'BadToken',
    `The token of issuer ${issuer.name} does not hold: ${error instanceof Error ? error.message : 'unknown reason'}.`,
    'Get a new one.',
  );
}

/** `issuers` is asked at each verification, so that a new configuration counts at once; keys are kept as long as an issuer stays the same. */
export function openTokenVerifier(
  issuers: () => readonly Issuer[],
  read: ReadDocument,
  nowMs: () => number,
): TokenVerifier {
  const caches = new Map<string, IssuerKeys>();
  function keysOf(issuer: Issuer): IssuerKeys {
    const id = JSON.stringify([issuer.url, issuer.jwksUrl]);
    let keys = caches.get(id);
    if (keys === undefined) {
      keys = openIssuerKeys(issuer, read, nowMs);
      caches.set(id, keys);
    }
    return keys;
  }

  return {
    async verify(token, source, issuerNames) {
      if (token === '') return refused('NoToken', 'No token was given.', 'Give an OIDC token as the password.');
      if (token.length > TOKEN_BYTES_MAX) return refused('BadToken', 'The token is too long.', 'Get a new one.');
      let claimedIssuer: string | undefined;
      let keyId: string | undefined;
      try {
        claimedIssuer = decodeJwt(token).iss;
        keyId = decodeProtectedHeader(token).kid;
      } catch {
        return refused('BadToken', 'What was given is no token (JWT).', 'Give an OIDC token as the password.');
      }
      const issuer = issuers().find(
        (one) => one.url === claimedIssuer && (issuerNames === undefined || issuerNames.includes(one.name)),
      );
      if (issuer === undefined) {
        return refused(
          'UnknownIssuer',
          'The token is from an issuer that is not accepted here.',
          `Accepted: ${(issuerNames ?? issuers().map((one) => one.name)).join(', ')}.`,
        );
      }
      const keys = await keysOf(issuer).keysFor(keyId);
      if (!keys.ok)
        return refused(
          'IssuerUnreachable',
          `The keys of issuer ${issuer.name} cannot be read: ${keys.fault.message}`,
          'Try again when the issuer is back.',
        );
      let payload: JWTPayload;
      try {
        const now = nowMs();
        ({ payload } = await jwtVerify(token, keys.value, {
          issuer: issuer.url,
          audience: [...issuer.audiences],
          algorithms: ALGORITHMS,
          requiredClaims: ['exp', 'sub'],
          clockTolerance: CLOCK_AHEAD_SECONDS_MAX,
          currentDate: new Date(now),
        }));
        if ((payload.exp ?? 0) * 1000 <= now)
          return refused('Expired', 'The token has expired.', 'Get a new one and connect again.');
      } catch (error) {
        return faultOf(error, issuer);
      }
      const subject = readClaim(payload, issuer.subjectClaim ?? 'sub');
      if (typeof subject !== 'string' || subject === '') {
        return refused(
          'BadToken',
          `The token has no claim ${issuer.subjectClaim ?? 'sub'}.`,
          'Name the right subjectClaim in the configuration.',
        );
      }
      return ok({
        source,
        issuer: issuer.name,
        subject,
        groups: readGroups(payload, issuer),
        expiresAtMs: (payload.exp ?? 0) * 1000,
      });
    },
  };
}
