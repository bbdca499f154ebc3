import { CREDENTIAL_TYPE } from './labels.ts';
import type { TargetSpec } from './resources.ts';
import { type Fault, fail, ok, type Result } from './result.ts';
import { suggest } from './suggestion.ts';

/** The keys that a Secret of type sidegate.dev/credential may hold. */
export const CREDENTIAL_KEYS = [
  'username',
  'password',
  'privateKey',
  'certificate',
  'token',
  'tls.crt',
  'tls.key',
  'hosts',
] as const;

export type CredentialKey = (typeof CREDENTIAL_KEYS)[number];

/** A credential, out of its Secret. Held in memory, never logged, never in a resource. */
export interface Credential {
  /** The hosts that it may be sent to, in lower case. */
  readonly hosts: readonly string[];
  /** Every other key that the Secret has. */
  readonly values: ReadonlyMap<Exclude<CredentialKey, 'hosts'>, string>;
}

/** What a gate logs in with at a Target. Never logged. */
export interface TargetLogin {
  readonly username: string;
  readonly password: string;
  /** A private key for SSH, in OpenSSH's or PEM format. */
  readonly privateKey?: string;
  /** An OpenSSH certificate of that key, as in a `-cert.pub` file. */
  readonly certificate?: string;
}

/** The login that a credential holds; user name and password are empty where it has none. */
export function loginIn({ values }: Credential): TargetLogin {
  const privateKey = values.get('privateKey');
  const certificate = values.get('certificate');
  return {
    username: values.get('username') ?? '',
    password: values.get('password') ?? '',
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

/** Of each list, one key at least must be there. */
const REQUIRED: Readonly<Record<TargetSpec['protocol'], readonly (readonly LoginKey[])[]>> = {
  Postgres: [['username'], ['password']],
  Redis: [['password']],
  SSH: [['username'], ['privateKey', 'password']],
  Kubernetes: [],
  HTTP: [],
};

type LoginKey = keyof TargetLogin;

/** What a gate cannot do without to log in with that protocol and the credential lacks: of each list, one key must be added. An empty value counts. */
export function missingKeys(
  { values }: Credential,
  protocol: TargetSpec['protocol'],
): readonly (readonly LoginKey[])[] {
  return REQUIRED[protocol].filter((keys) => !keys.some((key) => values.has(key)));
}

/** `key` is the key of the Secret that the fault is about. No message holds a value of the Secret. */
export interface CredentialFault extends Fault<'WrongSecretType' | 'UnknownKey' | 'MissingKey'> {
  readonly key?: string;
}

/** Reads a Secret's type and decoded data as a credential. */
export function parseCredential(
  type: string | undefined,
  data: ReadonlyMap<string, string>,
): Result<Credential, CredentialFault> {
  if (type !== CREDENTIAL_TYPE) {
    return fail({
      code: 'WrongSecretType',
      message: `The Secret's type is ${type === undefined ? 'not stated' : JSON.stringify(type)}.`,
      mend: `Only Secrets of one type are read: write type: ${CREDENTIAL_TYPE}.`,
    });
  }
  const values = new Map<Exclude<CredentialKey, 'hosts'>, string>();
  for (const [key, value] of data) {
    if (!isCredentialKey(key)) return fail(unknownKey(key));
    if (key !== 'hosts') values.set(key, value);
  }
  const hosts = (data.get('hosts') ?? '').split(/[\s,]+/).filter((host) => host !== '');
  if (hosts.length > 0) return ok({ hosts: hosts.map((host) => host.toLowerCase()), values });
  return fail({
    code: 'MissingKey',
    message: 'The Secret names no host that it may be sent to.',
    mend: 'Add the key hosts: the names of the hosts, with spaces or commas between them.',
    key: 'hosts',
  });
}

/** True when the credential may be sent to the host: exactly one of its names, no patterns. */
export function mayBeSentTo(credential: Credential, host: string): boolean {
  return credential.hosts.includes(host.toLowerCase());
}

function isCredentialKey(key: string): key is CredentialKey {
  return CREDENTIAL_KEYS.some((known) => known === key);
}

function unknownKey(key: string): CredentialFault {
  const near = suggest(key, CREDENTIAL_KEYS);
  return {
    code: 'UnknownKey',
    message: `Unknown key "${key}".`,
    mend: near === undefined ? `A credential has the keys ${CREDENTIAL_KEYS.join(', ')}.` : `Did you mean "${near}"?`,
    key,
  };
}
