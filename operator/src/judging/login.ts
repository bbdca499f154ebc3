import {
  type Credential,
  describeFault,
  type Fault,
  fail,
  loginIn,
  mayBeSentTo,
  missingKeys,
  ok,
  parseCredential,
  type Result,
  type TargetLogin,
  type TargetSpec,
} from '@sidegate/crds';
import type { Secret } from '../kinds.ts';

export type Login = TargetLogin;

/** Why a Target has no login. No message holds anything of a Secret but the names of its keys and hosts. */
export type LoginFault = Fault<'SecretNotFound' | 'BadSecret' | 'HostNotNamed' | 'MissingKey' | 'NotKnownYet'>;

/**
 * What a gate logs in with at a Target in `namespace`; both empty when the Target names no Secret. `find` looks a Secret of type
 * sidegate.dev/credential up by name, in that namespace; `find` itself is undefined while the Secrets there are not read.
 */
export function readLogin(
  spec: TargetSpec,
  namespace: string,
  find: ((name: string) => Secret | undefined) | undefined,
): Result<Login, LoginFault> {
  const name = spec.credential?.secretRef.name;
  if (name === undefined) return ok({ username: '', password: '' });
  if (find === undefined)
    return fail({ code: 'NotKnownYet', message: `The Secrets of the namespace ${namespace} are not read yet.` });
  const secret = find(name);
  const place = `Secret ${namespace}/${name}`;
  if (secret === undefined) {
    return fail({
      code: 'SecretNotFound',
      message: `There is no ${place} of type sidegate.dev/credential.`,
      mend: 'Create it, or correct spec.credential.secretRef.name; the type of a Secret cannot be changed, only made anew.',
    });
  }
  const credential = parseCredential(secret.type, decode(secret.data ?? {}));
  if (!credential.ok)
    return fail({ code: 'BadSecret', message: `The ${place} is malformed: ${describeFault(credential.fault)}` });
  if (!mayBeSentTo(credential.value, spec.host)) {
    return fail({
      code: 'HostNotNamed',
      message: `The ${place} may not be sent to the host ${spec.host}.`,
      mend: 'Its owner may name the host in its key hosts.',
    });
  }
  return loginFrom(credential.value, place, spec.protocol);
}

function loginFrom(credential: Credential, place: string, protocol: TargetSpec['protocol']): Result<Login, LoginFault> {
  const missing = missingKeys(credential, protocol).map((keys) => keys.join(' or '));
  if (missing.length > 0)
    return fail({ code: 'MissingKey', message: `The ${place} has no ${missing.join(' and no ')}.`, mend: 'Add it.' });
  return ok(loginIn(credential));
}

function decode(data: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}
