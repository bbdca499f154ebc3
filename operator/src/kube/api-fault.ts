import type { Fault } from '@sidegate/crds';

/**
 * Why a request to the API server failed. `Gone`: what was asked for is too old (410), read everything again. `Conflict`: somebody
 * else was first (409). `Busy`: try later (429, 5xx). `TooLarge`: ask for less at once. `Unreachable`: no answer at all.
 */
export interface ApiFault
  extends Fault<
    | 'NotFound'
    | 'Gone'
    | 'Conflict'
    | 'AlreadyExists'
    | 'Forbidden'
    | 'Invalid'
    | 'Busy'
    | 'TooLarge'
    | 'Unreachable'
    | 'Refused'
  > {
  /** The HTTP status, 0 without an answer. */
  readonly status: number;
  /** How long the server asks to be left alone, in milliseconds; five minutes at most. */
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

/** A server that asks for more is asked again sooner. */
const RETRY_AFTER_MS_MAX = 300_000;

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
  const code = typeof said.code === 'number' ? said.code : status;
  const seconds = retryAfterSeconds ?? said.details?.retryAfterSeconds;
  return {
    code: codeOf(code, said.reason),
    status: code,
    message: said.message ?? `The API server answered ${status}.`,
    ...(typeof seconds === 'number' && seconds > 0
      ? { retryAfterMs: Math.min(seconds * 1000, RETRY_AFTER_MS_MAX) }
      : {}),
  };
}

/** No answer came. */
export function unreachable(why: string): ApiFault {
  return { code: 'Unreachable', status: 0, message: `The API server cannot be reached: ${why}.` };
}

/** More came than is read at once. */
export function tooLarge(what: string): ApiFault {
  return { code: 'TooLarge', status: 0, message: `${what} is too large to be read.` };
}
