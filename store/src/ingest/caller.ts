import type { Fault, Result } from '@sidegate/crds';

/** A pod as the API server attested it. */
export interface AttestedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

/** Who sends records: whoever bears the token that all gates of one machine share, or the gate of one pod. */
export type Caller = { readonly kind: 'Bearer' } | { readonly kind: 'Pod'; readonly pod: AttestedPod };

/** `Unavailable`: it cannot be known now; try again. Everything else is a refusal. */
export type CallerFault = Fault<'NotAuthenticated' | 'NotBound' | 'Unavailable'>;

/** Finds out who calls, by the Authorization header. */
export type Authenticate = (authorization: string | null, signal: AbortSignal) => Promise<Result<Caller, CallerFault>>;

const TOKEN_CHARACTERS_MAX = 16_384;

/** The token of an Authorization header (RFC 6750, section 2.1). */
export function bearerOf(authorization: string | null): string | undefined {
  const [, token] = /^Bearer ([^\s]+)$/iu.exec(authorization ?? '') ?? [];
  return token !== undefined && token.length <= TOKEN_CHARACTERS_MAX ? token : undefined;
}
