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
  readonly resourceVersion: string;
}

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

/**
 * Makes the Secret, or replaces the one that was read as `before`. A fault `AlreadyExists` or `Conflict` means that somebody else was
 * faster.
 */
export async function writeTlsSecret(
  { client, namespace }: SecretPlace,
  name: string,
  pair: PemPair,
  authority: string,
  before: TlsSecret | undefined,
  signal: AbortSignal,
): Promise<Result<unknown, ApiFault>> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const version = before === undefined ? {} : { resourceVersion: before.resourceVersion };
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace, labels: { [OWNER_LABEL]: OWNER }, ...version },
    data: { 'tls.crt': base64(pair.certificate), 'tls.key': base64(pair.key), 'ca.crt': base64(authority) },
  };
  return before === undefined
    ? client.request({ method: 'POST', path, body, signal })
    : client.request({ method: 'PUT', path: `${path}/${name}`, body, signal });
}

function decode(secret: unknown): TlsSecret {
  const { data = {}, metadata = {} } = secret as {
    readonly data?: Readonly<Record<string, string>>;
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly resourceVersion?: string };
  };
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const authority = text('ca.crt');
  return {
    pair: { certificate: text('tls.crt'), key: text('tls.key') },
    authority: authority === '' ? undefined : authority,
    ours: metadata.labels?.[OWNER_LABEL] === OWNER,
    resourceVersion: metadata.resourceVersion ?? '',
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
