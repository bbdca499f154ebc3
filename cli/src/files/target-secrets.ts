import { X509Certificate } from 'node:crypto';
import {
  type Credential,
  certificatesIn,
  fail,
  loginIn,
  mayBeSentTo,
  missingKeys,
  type ObjectKeyReference,
  ok,
  type Result,
  suggest,
  type Target,
  type TargetLogin,
  type TargetSecrets,
} from '@sidegate/crds';
import type { Secret } from './core-kinds.ts';
import { type FileFault, faultAt, type Located, placeOf } from './file-fault.ts';
import type { FolderContent } from './folder-content.ts';
import { decodeSecret, type Environment, keyPath, readCredential } from './secret-text.ts';

/** What a gate needs to open each Target, or every fault that keeps one shut. */
export async function readTargetSecrets(
  content: FolderContent,
  environment: Environment,
): Promise<Result<readonly TargetSecrets[], readonly FileFault[]>> {
  const secrets: TargetSecrets[] = [];
  const faults: FileFault[] = [];
  for (const target of content.targets) {
    const login = await loginOf(target, content, environment);
    const authorities = authoritiesOf(target, content);
    if (!login.ok) faults.push(...login.fault);
    if (!authorities.ok) faults.push(...authorities.fault);
    if (!login.ok || !authorities.ok) continue;
    const { name, namespace = 'default' } = target.value.metadata;
    secrets.push({ target: { namespace, name }, ...login.value, authorities: authorities.value });
  }
  return faults.length === 0 ? ok(secrets) : fail(faults);
}

/** The Target's user name and password; both empty when it has no credential. */
async function loginOf(
  { value: { metadata, spec }, origin }: Located<Target>,
  { secrets, malformed }: FolderContent,
  environment: Environment,
): Promise<Result<TargetLogin, readonly FileFault[]>> {
  const name = spec.credential?.secretRef.name;
  if (name === undefined) return ok({ username: '', password: '' });
  const { namespace = 'default' } = metadata;
  const secret = findByName(secrets, namespace, name);
  if (secret === undefined) {
    if (malformed.has(`Secret ${namespace}/${name}`)) return fail([]);
    const near = suggest(name, namesIn(secrets, namespace));
    const addition = `Add a Secret of that name and namespace, of type sidegate.dev/credential.`;
    const mend = near === undefined ? addition : `Did you mean "${near}"?`;
    const path = ['spec', 'credential', 'secretRef', 'name'];
    return fail([faultAt('MissingSecret', origin, path, `There is no Secret ${namespace}/${name}.`, mend)]);
  }
  const credential = await readCredential(secret, environment);
  if (!credential.ok) return fail([credential.fault]);
  if (!mayBeSentTo(credential.value, spec.host)) {
    const message = `The Secret ${namespace}/${name} may not be sent to the host ${spec.host}.`;
    const mend = `Its owner may name the host in its key hosts, at ${placeOf(secret.origin, keyPath(secret.value, 'hosts'))}.`;
    return fail([faultAt('HostNotNamed', origin, ['spec', 'host'], message, mend)]);
  }
  return loginFrom(credential.value, secret, spec.protocol);
}

function loginFrom(
  credential: Credential,
  { value: secret, origin }: Located<Secret>,
  protocol: Target['spec']['protocol'],
): Result<TargetLogin, readonly FileFault[]> {
  const missing = missingKeys(credential, protocol);
  if (missing.length === 0) return ok(loginIn(credential));
  return fail(
    missing.map((keys) => {
      const none = keys.includes('password') ? ' A password "" stands for none.' : '';
      const mend = `Add ${keys.length > 1 ? 'one of them' : 'it'}.${none}`;
      const message = `The Secret has no ${keys.join(' and no ')}.`;
      return faultAt('MissingKey', origin, keyPath(secret, keys[0] ?? ''), message, mend);
    }),
  );
}

function authoritiesOf(
  { value: { metadata, spec }, origin }: Located<Target>,
  content: FolderContent,
): Result<readonly string[], readonly FileFault[]> {
  const { namespace = 'default' } = metadata;
  const authorities: string[] = [];
  const faults: FileFault[] = [];
  for (const [index, reference] of (spec.tls?.caCertificateRefs ?? []).entries()) {
    const path = ['spec', 'tls', 'caCertificateRefs', index];
    const place = `${reference.kind} ${namespace}/${reference.name}`;
    if (content.malformed.has(place)) continue;
    const texts = textsOf(reference, namespace, content);
    const text = texts?.get(reference.key);
    if (text === undefined) {
      const [message, mend] =
        texts === undefined ? noObject(reference, namespace, content) : noKey(place, reference, texts);
      faults.push(faultAt('MissingObject', origin, path, message, mend));
      continue;
    }
    const certificates = certificatesIn(text);
    if (certificates.length > 0 && certificates.every(isCertificate)) authorities.push(...certificates);
    else {
      const message = `The key ${reference.key} of ${place} holds no certificate that can be read.`;
      faults.push(faultAt('BadCertificate', origin, path, message, 'Write certificates in PEM there.'));
    }
  }
  return faults.length === 0 ? ok(authorities) : fail(faults);
}

/** The texts of the object by their keys; undefined when it is not there. */
function textsOf(
  { kind, name }: ObjectKeyReference,
  namespace: string,
  { configMaps, secrets }: FolderContent,
): ReadonlyMap<string, string> | undefined {
  if (kind === 'ConfigMap') {
    const found = findByName(configMaps, namespace, name);
    return found === undefined ? undefined : new Map(Object.entries(found.value.data ?? {}));
  }
  const secret = findByName(secrets, namespace, name);
  if (secret === undefined) return undefined;
  const texts = decodeSecret(secret);
  return texts.ok ? texts.value : new Map();
}

type Words = readonly [message: string, mend: string];

function noObject({ kind, name, key }: ObjectKeyReference, namespace: string, content: FolderContent): Words {
  const near = suggest(name, namesIn<Named>(kind === 'ConfigMap' ? content.configMaps : content.secrets, namespace));
  const mend = near === undefined ? `Add it, with the key ${key}.` : `Did you mean "${near}"?`;
  return [`There is no ${kind} ${namespace}/${name}.`, mend];
}

function noKey(place: string, { key }: ObjectKeyReference, texts: ReadonlyMap<string, string>): Words {
  return [`The ${place} has no key ${key}.`, `Its keys: ${[...texts.keys()].join(', ') || 'none'}.`];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject.length > 0;
  } catch {
    return false;
  }
}

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function findByName<T extends Named>(
  objects: readonly Located<T>[],
  namespace: string,
  name: string,
): Located<T> | undefined {
  return objects.find(({ value: { metadata } }) => {
    return metadata.name === name && (metadata.namespace ?? 'default') === namespace;
  });
}

function namesIn<T extends Named>(objects: readonly Located<T>[], namespace: string): readonly string[] {
  return objects
    .filter(({ value }) => (value.metadata.namespace ?? 'default') === namespace)
    .map(({ value }) => value.metadata.name);
}
