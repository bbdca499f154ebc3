import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { saslPrep } from './saslprep.ts';

/** More rounds than any server asks for would only keep the gate busy. */
const ITERATIONS_MAX = 1_000_000;
const KEYS_KEPT_MAX = 200;

/** Salted passwords by (password, salt, iterations): the slow part of a login, which repeats on every connection. */
export type SaltedKeys = Map<string, Buffer>;

export type ScramFault = Fault<'ScramMalformed' | 'ScramNotProved'>;

/**
 * The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: the gate ends TLS itself and says so (`n`).
 * The server must prove that it knows the password too.
 */
export class ScramClient {
  readonly #password: string;
  readonly #keys: SaltedKeys;
  readonly #nonce: string;
  #firstBare = '';
  #serverSignature: Buffer | undefined;
  /** True once the server has proved itself. */
  proved = false;

  constructor(password: string, keys: SaltedKeys, random: (bytes: number) => Uint8Array) {
    this.#password = password;
    this.#keys = keys;
    this.#nonce = Buffer.from(random(18)).toString('base64');
  }

  /** The client-first message. PostgreSQL takes the user name of the start-up packet and ignores the one here. */
  first(): string {
    this.#firstBare = `n=,r=${this.#nonce}`;
    return `n,,${this.#firstBare}`;
  }

  /** The client-final message in answer to server-first. */
  final(serverFirst: string): Result<string, ScramFault> {
    const fields = attributes(serverFirst);
    const nonce = fields.get('r') ?? '';
    const salt = fields.get('s') ?? '';
    const iterations = Number(fields.get('i') ?? '');
    const sane = Number.isInteger(iterations) && iterations > 0 && iterations <= ITERATIONS_MAX;
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || salt === '' || !sane || fields.has('m'))
      return fail({ code: 'ScramMalformed', message: 'The server sent a SCRAM challenge that makes no sense.' });
    const salted = this.#saltedPassword(salt, iterations);
    const withoutProof = `c=biws,r=${nonce}`;
    const message = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), message);
    return ok(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** Checks server-final. */
  verify(serverFinal: string): Result<void, ScramFault> {
    const given = Buffer.from(attributes(serverFinal).get('v') ?? '', 'base64');
    const expected = this.#serverSignature;
    if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected))
      return fail({ code: 'ScramNotProved', message: 'The server did not prove that it knows the password.' });
    this.proved = true;
    return ok(undefined);
  }

  #saltedPassword(salt: string, iterations: number): Buffer {
    const name = createHash('sha256').update(`${this.#password}\0${salt}\0${iterations}`).digest('base64');
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const salted = pbkdf2Sync(saslPrep(this.#password), Buffer.from(salt, 'base64'), iterations, 32, 'sha256');
    const oldest = this.#keys.size >= KEYS_KEPT_MAX ? this.#keys.keys().next().value : undefined;
    if (oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(name, salted);
    return salted;
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function attributes(message: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of message.split(',')) if (part[1] === '=') found.set(part[0] ?? '', part.slice(2));
  return found;
}
