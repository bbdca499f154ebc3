import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether the request carries the token. Takes the same time wherever the two differ. */
export function bearsToken(authorization: string | null, tokenSha256: Uint8Array): boolean {
  const [, presented] = /^Bearer ([^\s]+)$/iu.exec(authorization ?? '') ?? [];
  const digest = tokenDigest(presented ?? '');
  return timingSafeEqual(digest, tokenSha256) && presented !== undefined;
}

/** What is kept of a token to compare with. */
export function tokenDigest(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
