import { createHash, timingSafeEqual } from 'node:crypto';
import { fail, ok } from '@sidegate/crds';
import { type Authenticate, bearerOf } from './caller.ts';

/** Whether the request carries the token. Takes the same time wherever the two differ. */
export function bearsToken(authorization: string | null, tokenSha256: Uint8Array): boolean {
  const presented = bearerOf(authorization);
  const digest = tokenDigest(presented ?? '');
  return timingSafeEqual(digest, tokenSha256) && presented !== undefined;
}

/** What is kept of a token to compare with. */
export function tokenDigest(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** Lets in who bears the one token. */
export function byToken(tokenSha256: Uint8Array): Authenticate {
  return (authorization) =>
    Promise.resolve(
      bearsToken(authorization, tokenSha256)
        ? ok({ kind: 'Bearer' })
        : fail({ code: 'NotAuthenticated', message: 'A gate must bear the ingest token.' }),
    );
}
