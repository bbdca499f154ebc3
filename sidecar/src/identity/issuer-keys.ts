import { type Fault, fail, type Issuer, ok, type Result } from '@sidegate/crds';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { ReadDocument } from './document.ts';

/** How long keys are used before they are read again, in milliseconds. */
const KEYS_AGE_MS_MAX = 600_000;
/** Shortest time between two readings, so that tokens with made-up key ids cannot flood an issuer. */
const READING_INTERVAL_MS_MIN = 5_000;
const READING_TIMEOUT_MS = 10_000;

interface Held {
  readonly keys: JWTVerifyGetKey;
  readonly keyIds: ReadonlySet<string>;
  readonly readAtMs: number;
}

/** The signing keys of one issuer, read when first needed and when a token names a key that is not there (rotation). */
export interface IssuerKeys {
  keysFor(keyId: string | undefined): Promise<Result<JWTVerifyGetKey, Fault<'Unreachable'>>>;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return isObject(value) && Array.isArray(value.keys) && value.keys.every(isObject);
}

/** OpenID Connect Discovery 1.0, section 4: the configuration must name the very issuer that was asked. */
async function findKeysUrl(
  issuer: Issuer,
  read: ReadDocument,
  signal: AbortSignal,
): Promise<Result<string, Fault<'Unreachable'>>> {
  if (issuer.jwksUrl !== undefined) return ok(issuer.jwksUrl);
  const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = await read(url, signal);
  if (!found.ok) return found;
  if (!isObject(found.value) || found.value.issuer !== issuer.url || typeof found.value.jwks_uri !== 'string') {
    return fail({ code: 'Unreachable', message: `${url} is not the configuration of issuer ${issuer.url}.` });
  }
  return ok(found.value.jwks_uri);
}

/** Opens the key cache of `issuer`. Keys that are old but cannot be read again stay in use: rotation is announced by a new key id. */
export function openIssuerKeys(issuer: Issuer, read: ReadDocument, nowMs: () => number): IssuerKeys {
  let held: Held | undefined;
  let lastTryMs = Number.NEGATIVE_INFINITY;
  let running: Promise<Result<Held, Fault<'Unreachable'>>> | undefined;

  async function readKeys(): Promise<Result<Held, Fault<'Unreachable'>>> {
    const signal = AbortSignal.timeout(READING_TIMEOUT_MS);
    const url = await findKeysUrl(issuer, read, signal);
    if (!url.ok) return url;
    const found = await read(url.value, signal);
    if (!found.ok) return found;
    if (!isKeySet(found.value)) return fail({ code: 'Unreachable', message: `${url.value} holds no key set.` });
    const keyIds = new Set(found.value.keys.flatMap((key) => (key.kid === undefined ? [] : [key.kid])));
    held = { keys: createLocalJWKSet(found.value), keyIds, readAtMs: nowMs() };
    return ok(held);
  }

  return {
    async keysFor(keyId) {
      const now = nowMs();
      const known = held !== undefined && (keyId === undefined || held.keyIds.has(keyId));
      if (held !== undefined && known && now - held.readAtMs < KEYS_AGE_MS_MAX) return ok(held.keys);
      if (running === undefined && held !== undefined && now - lastTryMs < READING_INTERVAL_MS_MIN)
        return ok(held.keys);
      if (running === undefined) {
        lastTryMs = now;
        running = readKeys().finally(() => {
          running = undefined;
        });
      }
      const fresh = await running;
      if (fresh.ok) return ok(fresh.value.keys);
      return held === undefined ? fresh : ok(held.keys);
    },
  };
}
