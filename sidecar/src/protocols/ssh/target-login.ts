import { assertNever } from '@sidegate/crds';
import type { ParsedKey } from 'ssh2/lib/protocol/keyParser.js';
import packets from 'ssh2/lib/protocol/utils.js';
import type { Credential } from '../protocol.ts';
import { type Field, MessageReader, writeFrame } from './codec.ts';
import { onlyKey } from './host-key.ts';
import { MESSAGE } from './messages.ts';

const SERVICE = 'ssh-connection';
/** Rounds of questions that a server may ask; each is answered with the password. */
const QUESTION_ROUNDS_MAX = 8;
const QUESTIONS_MAX = 32;

type Way =
  | { readonly kind: 'None' }
  | { readonly kind: 'Key'; readonly key: ParsedKey; readonly algorithm: string; readonly certificate?: Uint8Array }
  | { readonly kind: 'Password' }
  | { readonly kind: 'Questions' };

/** What a message of the login leads to. */
export type LoginStep =
  | { readonly kind: 'Send'; readonly bytes: Uint8Array }
  | { readonly kind: 'LoggedIn' }
  | { readonly kind: 'Failed'; readonly reason: string }
  | { readonly kind: 'Nothing' };

/**
 * The gate's own login at the target (RFC 4252, RFC 4256), with all that its credential holds, the strongest first: certificate, private key,
 * password, the password as the answer to questions.
 */
export class TargetLogin {
  readonly #credential: Credential;
  readonly #binding: Uint8Array;
  readonly #ways: Way[];
  #way: Way | undefined;
  #rounds = 0;
  #complaint = '';

  /** `binding`: the session id of the key exchange, which signatures are made over. */
  constructor(credential: Credential, binding: Uint8Array) {
    this.#credential = credential;
    this.#binding = binding;
    this.#ways = this.#waysOf(credential);
  }

  begin(): Uint8Array {
    return writeFrame(MESSAGE.serviceRequest, 'ssh-userauth');
  }

  receive(message: Uint8Array): LoginStep {
    switch (message[0]) {
      case MESSAGE.serviceAccept:
        return this.#way === undefined ? this.#next(undefined) : failed('The target repeats itself in the login.');
      case MESSAGE.userauthBanner:
        return { kind: 'Nothing' };
      case MESSAGE.userauthSuccess:
        return this.#way === undefined ? failed('The target lets in who did not ask.') : { kind: 'LoggedIn' };
      case MESSAGE.userauthFailure:
        return this.#next(new MessageReader(message).text().split(','));
      case MESSAGE.userauthMore:
        return this.#way?.kind === 'Questions'
          ? this.#answer(message)
          : failed('The target asks for another password than the one that it is given.');
      default:
        return failed(`The target answers the login with a message of type ${message[0] ?? 0}.`);
    }
  }

  #waysOf({ privateKey, certificate, password }: Credential): Way[] {
    const ways: Way[] = [];
    const key = privateKey === undefined ? undefined : onlyKey(privateKey);
    if (privateKey !== undefined && key?.isPrivateKey() !== true) this.#complaint = ' Its private key cannot be read.';
    else if (key !== undefined) {
      const blob = certificate === undefined ? undefined : Buffer.from(certificate.split(/\s+/)[1] ?? '', 'base64');
      for (const algorithm of key.type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [key.type]) {
        if (blob !== undefined) ways.push({ kind: 'Key', key, algorithm, certificate: blob });
        ways.push({ kind: 'Key', key, algorithm });
      }
    }
    if (password !== '') ways.push({ kind: 'Password' }, { kind: 'Questions' });
    return ways.length > 0 ? ways : [{ kind: 'None' }];
  }

  /** Tries the next way that the server still takes; `taken` undefined: it has not said. */
  #next(taken: readonly string[] | undefined): LoginStep {
    if (taken !== undefined && this.#way === undefined) return failed('The target refuses before it was asked.');
    for (let way = this.#ways.shift(); way !== undefined; way = this.#ways.shift()) {
      if (taken !== undefined && !taken.includes(methodOf(way))) continue;
      const bytes = this.#request(way);
      if (bytes === undefined) continue;
      this.#way = way;
      return { kind: 'Send', bytes };
    }
    const takes = taken === undefined ? '' : ` It takes ${taken.join(', ').slice(0, 200)}.`;
    return failed(`The target does not take the gate's credential.${takes}${this.#complaint}`);
  }

  #request(way: Way): Uint8Array | undefined {
    const { username, password } = this.#credential;
    const head: readonly Field[] = [MESSAGE.userauthRequest, username, SERVICE, methodOf(way)];
    switch (way.kind) {
      case 'None':
        return writeFrame(...head);
      case 'Password':
        return writeFrame(...head, false, password);
      case 'Questions':
        return writeFrame(...head, '', '');
      case 'Key':
        return this.#signed(way, head);
      default:
        return assertNever(way);
    }
  }

  #signed(way: Extract<Way, { readonly kind: 'Key' }>, head: readonly Field[]): Uint8Array | undefined {
    const { key, algorithm, certificate } = way;
    const name = certificate === undefined ? algorithm : `${algorithm}-cert-v01@openssh.com`;
    const fields: readonly Field[] = [...head, true, name, certificate ?? key.getPublicSSH()];
    const signed = Buffer.concat([writeFrame({ raw: this.#binding }), writeFrame(...fields).subarray(4)]);
    const signature = key.sign(signed, hashOf(algorithm));
    if (signature instanceof Error) return undefined;
    const converted = packets.convertSignature(signature, key.type);
    if (converted === false || converted === undefined) return undefined;
    return writeFrame(...fields, writeFrame({ raw: writeFrame(algorithm).subarray(4) }, converted).subarray(4));
  }

  #answer(message: Uint8Array): LoginStep {
    this.#rounds += 1;
    const reader = new MessageReader(message);
    reader.text();
    reader.text();
    reader.text();
    const count = reader.uint32();
    if (!reader.whole || count > QUESTIONS_MAX || this.#rounds > QUESTION_ROUNDS_MAX)
      return failed('The target asks too much in the login.');
    const answers = Array.from({ length: count }, () => this.#credential.password);
    return {
      kind: 'Send',
      bytes: writeFrame(MESSAGE.userauthInfoResponse, { uint32: count }, ...answers),
    };
  }
}

function methodOf({ kind }: Way): string {
  switch (kind) {
    case 'None':
      return 'none';
    case 'Key':
      return 'publickey';
    case 'Password':
      return 'password';
    case 'Questions':
      return 'keyboard-interactive';
    default:
      return assertNever(kind);
  }
}

function hashOf(algorithm: string): string | undefined {
  if (algorithm === 'rsa-sha2-512') return 'sha512';
  return algorithm === 'rsa-sha2-256' ? 'sha256' : undefined;
}

function failed(reason: string): LoginStep {
  return { kind: 'Failed', reason };
}
