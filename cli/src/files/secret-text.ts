import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  type Credential,
  fail,
  ok,
  PASSWORD_ENV_ANNOTATION,
  PASSWORD_FILE_ANNOTATION,
  parseCredential,
  type Result,
} from '@sidegate/crds';
import type { Secret } from './core-kinds.ts';
import { type FileFault, faultAt, type Located } from './file-fault.ts';
import { reasonOf } from './source-folder.ts';

/** The variables of the program, for passwords that a Secret takes from there. */
export type Environment = Readonly<Record<string, string | undefined>>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * A Secret as a credential: its data decoded, `stringData` before `data` as in a cluster, the password from a file or a variable when an
 * annotation says so. No fault shows a value.
 */
export async function readCredential(
  secret: Located<Secret>,
  environment: Environment,
): Promise<Result<Credential, FileFault>> {
  const data = decodeSecret(secret);
  if (!data.ok) return data;
  const password = await passwordFromElsewhere(secret, environment);
  if (!password.ok) return password;
  const texts = password.value === undefined ? data.value : new Map([...data.value, ['password', password.value]]);
  const credential = parseCredential(secret.value.type, texts);
  if (credential.ok) return credential;
  const { code, key, message, mend = '' } = credential.fault;
  const path = code === 'WrongSecretType' ? ['type'] : keyPath(secret.value, key ?? '');
  return fail(faultAt(code, secret.origin, path, message, mend));
}

/** The texts of a Secret by their keys. */
export function decodeSecret({ value, origin }: Located<Secret>): Result<ReadonlyMap<string, string>, FileFault> {
  const texts = new Map<string, string>();
  for (const [key, encoded] of Object.entries(value.data ?? {})) {
    const packed = encoded.replaceAll(/\s/g, '');
    if (!BASE64.test(packed)) {
      const mend = 'Encode the value, or put it as it is under stringData.';
      return fail(faultAt('BadBase64', origin, ['data', key], 'This is not base64.', mend));
    }
    texts.set(key, Buffer.from(packed, 'base64').toString('utf8'));
  }
  for (const [key, text] of Object.entries(value.stringData ?? {})) texts.set(key, text);
  return ok(texts);
}

/** Where a key of the Secret stands, or would stand. */
export function keyPath(secret: Secret, key: string): readonly string[] {
  return [Object.hasOwn(secret.data ?? {}, key) ? 'data' : 'stringData', key];
}

async function passwordFromElsewhere(
  { value, origin }: Located<Secret>,
  environment: Environment,
): Promise<Result<string | undefined, FileFault>> {
  const { annotations = {} } = value.metadata;
  const variable = annotations[PASSWORD_ENV_ANNOTATION];
  const file = annotations[PASSWORD_FILE_ANNOTATION];
  if (variable !== undefined) {
    const password = environment[variable];
    if (password !== undefined) return ok(password);
    const path = ['metadata', 'annotations', PASSWORD_ENV_ANNOTATION];
    const message = `The environment variable ${variable} is not set.`;
    return fail(faultAt('Unreadable', origin, path, message, 'Set it to the password, or remove the annotation.'));
  }
  if (file === undefined) return ok(undefined);
  try {
    const text = await readFile(resolve(dirname(origin.file), file), 'utf8');
    return ok(text.replace(/\r?\n$/, ''));
  } catch (error) {
    const path = ['metadata', 'annotations', PASSWORD_FILE_ANNOTATION];
    const message = `The password file ${file} cannot be read: ${reasonOf(error)}.`;
    return fail(faultAt('Unreadable', origin, path, message, 'Write the password there, or remove the annotation.'));
  }
}
