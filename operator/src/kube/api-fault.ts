import type { Fault } from '@sidegate/crds';

/**
 * Why a request to the API server failed. `Gone`: what was asked for is too old (410), read everything again. `Conflict`: somebody
 * else was first (409). `Busy`: try later (429, 5xx). `Unreachable`: no answer at all.
 */
export interface ApiFault
  extends Fault<
    'NotFound' | 'Gone' | 'Conflict' | 'AlreadyExists' | 'Forbidden' | 'Invalid' | 'Busy' | 'Unreachable' | 'Refused'
  > {
  /** The HTTP status, 0 without an answer. */
  readonly status: number;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The `Status` object that the API server answers a failure with. */
export interface StatusObject {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

function codeOf(status: number, reason: string | undefined): ApiFault['code'] {
  switch (status) {
    case 403:
    case 401:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 422:
      return 'Invalid';
    case 429:
      return 'Busy';
    default:
      return status >= 500 ? 'Busy' : 'Refused';
  }
}

/** The fault behind an answer that is no success; `body` is what the server said, whether a Status object or not. */
export function apiFault(status: number, body: unknown, retryAfterSeconds?: number): ApiFault {
  const said: StatusObject = typeof body === 'object' && body !== null ? body : {};
  const seconds = retryAfterSeconds ?? said.details?.retryAfterSeconds;
  return {
    code: codeOf(said.code ?? status, said.reason),
    status: said.code ?? status,
    message: said.message ?? `The API server answered ${status}.`,
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  };
}

/** No answer came. */
export function unreachable(why: string): ApiFault {
  return { code: 'Unreachable', status: 0, message: `The API server cannot be reached: ${why}.` };
}
