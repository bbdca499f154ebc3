import type { SessionOpening } from '../lane-session.ts';
import type { Outbox } from '../outbox.ts';
import type { CloseCode, Credential, Refusal, SecuredChannel, SessionOptions } from '../protocol.ts';
import { type FrameReader, MessageReader, textOf, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { writeBanner, writeFarewell } from './refuse.ts';
import { TargetLogin } from './target-login.ts';

/** What may wait to be read before anybody is known, in bytes. */
export const UNKNOWN_BYTES_MAX = 128 * 1024;
const TRIES_MAX = 20;
const SERVICE = 'ssh-connection';
const METHODS = 'password,keyboard-interactive';

type Phase = 'KeyExchange' | 'Service' | 'Asked' | 'Identifying' | 'Dialling' | 'TargetLogin' | 'Open' | 'Over';

/** Programs that answer for a person (ansible, sshpass) look for `assword:`. */
const PROMPT = 'Token as password: ';

/**
 * From the first byte to an open session: who it is (RFC 4252: a token as a password or as the answer to a question; in Workload mode whatever the
 * client tries), then the gate's own login at the target. The agent is let in once the target let the gate in.
 */
export class Opening implements SessionOpening {
  readonly #options: SessionOptions;
  readonly #reader: FrameReader;
  readonly #targetReader: FrameReader;
  readonly #outbox: Outbox;
  #phase: Phase = 'KeyExchange';
  #channel: SecuredChannel | undefined;
  #user = '';
  #asked = false;
  #tries = 0;
  #credential: Credential | undefined;
  #login: TargetLogin | undefined;

  constructor(options: SessionOptions, readers: { agent: FrameReader; target: FrameReader }, outbox: Outbox) {
    this.#options = options;
    this.#reader = readers.agent;
    this.#targetReader = readers.target;
    this.#outbox = outbox;
  }

  get over(): boolean {
    return this.#phase === 'Over';
  }

  get isOpen(): boolean {
    return this.#phase === 'Open';
  }

  /** What a refusal is said with now: a client that logs in shows a banner. */
  farewell(refusal: Refusal, code: CloseCode): Uint8Array {
    const bytes = writeFarewell(refusal, code);
    return this.#isLoggingIn ? Buffer.concat([writeBanner(refusal), bytes]) : bytes;
  }

  get #isLoggingIn(): boolean {
    return this.#phase !== 'KeyExchange' && this.#phase !== 'Service' && this.#phase !== 'Open';
  }

  agentSecured(channel: SecuredChannel | undefined): void {
    if (this.#phase === 'KeyExchange') this.#channel = channel;
  }

  /** Frames of the agent wait in its reader. */
  agentSpoke(): void {
    // Nothing comes but through a secured transport.
    if (this.#phase === 'KeyExchange') this.#phase = 'Service';
    while (this.#phase === 'Service' || this.#phase === 'Asked') {
      const message = this.#reader.next();
      if (message === undefined) return;
      if (message === 'TooLarge') return this.#broken('a message that is too large');
      this.#take(message);
    }
    if (this.#reader.waiting > UNKNOWN_BYTES_MAX) this.#broken('too much before it is let in');
  }

  identified(credential: Credential): void {
    if (this.#phase !== 'Identifying') return;
    this.#credential = credential;
    this.#phase = 'Dialling';
    this.#outbox.push({ kind: 'DialTarget' });
  }

  targetConnected(): void {
    if (this.#phase === 'Dialling') this.#outbox.push({ kind: 'StartTargetTls' });
  }

  targetSecured(channel: SecuredChannel | undefined): void {
    if (this.#phase !== 'Dialling' || this.#credential === undefined) return;
    this.#login = new TargetLogin(this.#credential, channel?.binding ?? new Uint8Array(0));
    this.#phase = 'TargetLogin';
    this.#outbox.push({ kind: 'LoginToTarget', bytes: this.#login.begin() });
  }

  targetSpoke(bytes: Uint8Array): void {
    this.#targetReader.feed(bytes);
    while (this.#phase === 'TargetLogin') {
      const message = this.#targetReader.next();
      if (message === undefined) return;
      if (message === 'TooLarge') return this.#unavailable('The target sends a message that is too large.');
      this.#takeTarget(message);
    }
  }

  terminate(farewell: Uint8Array | undefined, code: CloseCode, reason: string): void {
    if (this.#phase === 'Over') return;
    const canHear = this.#phase !== 'KeyExchange' || this.#channel !== undefined;
    this.#phase = 'Over';
    if (farewell !== undefined && canHear) this.#outbox.push({ kind: 'ToAgent', bytes: farewell });
    this.#outbox.push({ kind: 'Close', code, reason });
  }

  #refuse(refusal: Refusal, code: CloseCode): void {
    this.terminate(this.farewell(refusal, code), code, refusal.reason);
  }

  #take(message: Uint8Array): void {
    const reader = new MessageReader(message);
    switch (message[0]) {
      case MESSAGE.disconnect:
        return this.terminate(undefined, 'AgentLeft', 'The agent closed the connection.');
      case MESSAGE.serviceRequest: {
        const name = reader.text();
        if (this.#phase !== 'Service' || name !== 'ssh-userauth') return this.#broken('a service that is not offered');
        this.#phase = 'Asked';
        return this.#outbox.push({ kind: 'ToAgent', bytes: writeFrame(MESSAGE.serviceAccept, name) });
      }
      case MESSAGE.userauthRequest:
        return this.#phase === 'Asked' ? this.#request(reader) : this.#broken('a login before it asked for one');
      case MESSAGE.userauthInfoResponse:
        return this.#asked ? this.#answered(reader) : this.#broken('an answer to nothing');
      default:
        return this.#broken(`a message of type ${message[0] ?? 0} before it is let in`);
    }
  }

  #request(reader: MessageReader): void {
    const user = reader.text();
    const service = reader.text();
    const method = reader.text();
    if (!reader.whole || service !== SERVICE) return this.#broken('a login for a service that is not offered');
    this.#asked = false;
    this.#user = user;
    const isToken = this.#options.identitySource === 'Token';
    switch (method) {
      case 'none':
        return isToken ? this.#again() : this.#identify(undefined, method);
      case 'password': {
        const isChange = reader.boolean();
        const password = reader.text();
        if (!reader.whole) return this.#broken('a login that is cut short');
        if (isChange) return this.#again();
        return this.#identify(isToken ? password : undefined, method);
      }
      case 'keyboard-interactive':
        return isToken ? this.#ask() : this.#identify(undefined, method);
      case 'publickey':
        return isToken ? this.#again() : this.#publicKey(reader);
      default:
        return this.#again();
    }
  }

  /** In Workload mode any key does; a client that only asks whether its key would do is told so. */
  #publicKey(reader: MessageReader): void {
    const isSigned = reader.boolean();
    const algorithm = reader.text();
    const key = reader.bytes();
    if (!reader.whole) return this.#broken('a login that is cut short');
    if (isSigned) return this.#identify(undefined, 'publickey');
    this.#outbox.push({ kind: 'ToAgent', bytes: writeFrame(MESSAGE.userauthMore, algorithm, key) });
  }

  #ask(): void {
    this.#asked = true;
    const bytes = writeFrame(MESSAGE.userauthMore, '', '', '', { uint32: 1 }, PROMPT, false);
    this.#outbox.push({ kind: 'ToAgent', bytes });
  }

  #answered(reader: MessageReader): void {
    this.#asked = false;
    const count = reader.uint32();
    const token = reader.bytes();
    if (count !== 1 || !reader.whole) return this.#again();
    this.#identify(textOf(token), 'keyboard-interactive');
  }

  /** Says how it may be tried; who asks too often is no client that waits for a person to type. */
  #again(): void {
    this.#tries += 1;
    if (this.#tries > TRIES_MAX) {
      const reason = 'The agent did not say who it is.';
      return this.#refuse({ kind: 'Unauthenticated', rule: 'token', reason, hint: '' }, 'Refused');
    }
    this.#outbox.push({ kind: 'ToAgent', bytes: writeFrame(MESSAGE.userauthFailure, METHODS, false) });
  }

  #identify(token: string | undefined, method: string): void {
    this.#phase = 'Identifying';
    const { peer = '', cipher = '' } = this.#channel ?? {};
    const details = { user: this.#user.slice(0, 128), method, client: peer, cipher };
    this.#outbox.push({ kind: 'Identify', token, claims: {}, details });
  }

  #takeTarget(message: Uint8Array): void {
    if (message[0] === MESSAGE.disconnect) return this.#unavailable('The target ends the connection in the login.');
    const step = this.#login?.receive(message);
    switch (step?.kind) {
      case 'Send':
        return this.#outbox.push({ kind: 'LoginToTarget', bytes: step.bytes });
      case 'LoggedIn':
        this.#phase = 'Open';
        this.#outbox.push({ kind: 'Ready' });
        return this.#outbox.push({ kind: 'ToAgent', bytes: writeFrame(MESSAGE.userauthSuccess) });
      case 'Failed':
        return this.#unavailable(step.reason);
      case 'Nothing':
      case undefined:
        return undefined;
    }
  }

  #broken(what: string): void {
    const reason = `The agent sends ${what}.`;
    this.#refuse({ kind: 'Terminated', rule: 'protocol', reason, hint: '' }, 'Fault');
  }

  #unavailable(reason: string): void {
    this.#refuse({ kind: 'TargetUnavailable', rule: 'target', reason, hint: '' }, 'TargetLeft');
  }
}
