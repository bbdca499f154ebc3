import { fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from '../kube/api-client.ts';
import type { ApiFault } from '../kube/api-fault.ts';
import type { PemPair } from './pem-pair.ts';

/** A Secret of type kubernetes.io/tls as it was found. */
export interface TlsSecret {
  readonly pair: PemPair;
  /** PEM of the authority; undefined when the Secret has none. */
  readonly authority: string | undefined;
  /** True when the operator made it: only such a one is replaced. */
  readonly ours: boolean;
  /** What else it holds, as text. */
  readonly more: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
}

const KNOWN_KEYS: ReadonlySet<string> = new Set(['tls.crt', 'tls.key', 'ca.crt']);
const OWNER_LABEL = 'app.kubernetes.io/managed-by';
const OWNER = 'sidegate-operator';

export interface SecretPlace {
  readonly client: ApiClient;
  readonly namespace: string;
}

/** Undefined when there is no such Secret. A Secret without a certificate or a key gives empty texts for them. */
export async function readTlsSecret(
  { client, namespace }: SecretPlace,
  name: string,
  signal: AbortSignal,
): Promise<Result<TlsSecret | undefined, ApiFault>> {
  const found = await client.request({ path: `/api/v1/namespaces/${namespace}/secrets/${name}`, signal });
  if (found.ok) return ok(decode(found.value));
  return found.fault.code === 'NotFound' ? ok(undefined) : fail(found.fault);
}

/** What is written to a Secret of type kubernetes.io/tls. */
export interface TlsContent {
  readonly pair: PemPair;
  /** PEM of the authority. */
  readonly authority: string;
  /** Under keys of their own; an empty text is left out. */
  readonly more?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Makes the Secret, or replaces the one that was read as `before`. A fault `AlreadyExists` or `Conflict` means that somebody else was
 * faster.
 */
export async function writeTlsSecret(
  { client, namespace }: SecretPlace,
  name: string,
  { pair, authority, more = {}, annotations = {} }: TlsContent,
  before: TlsSecret | undefined,
  signal: AbortSignal,
): Promise<Result<unknown, ApiFault>> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const version = before === undefined ? {} : { resourceVersion: before.resourceVersion };
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace, labels: { [OWNER_LABEL]: OWNER }, annotations, ...version },
    data: {
      'tls.crt': base64(pair.certificate),
      'tls.key': base64(pair.key),
      'ca.crt': base64(authority),
      ...Object.fromEntries(Object.entries(more).flatMap(([key, text]) => (text === '' ? [] : [[key, base64(text)]]))),
    },
  };
  return before === undefined
    ? client.request({ method: 'POST', path, body, signal })
    : client.request({ method: 'PUT', path: `${path}/${name}`, body, signal });
}

function decode(secret: unknown): TlsSecret {
  const { data = {}, metadata = {} } = secret as {
    readonly data?: Readonly<Record<string, string>>;
    readonly metadata?: {
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly resourceVersion?: string;
    };
  };
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const authority = text('ca.crt');
  return {
    pair: { certificate: text('tls.crt'), key: text('tls.key') },
    authority: authority === '' ? undefined : authority,
    ours: metadata.labels?.[OWNER_LABEL] === OWNER,
    more: Object.fromEntries(
      Object.keys(data)
        .filter((key) => !KNOWN_KEYS.has(key))
        .map((key) => [key, text(key)]),
    ),
    annotations: metadata.annotations ?? {},
    resourceVersion: metadata.resourceVersion ?? '',
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
