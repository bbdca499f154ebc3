import type { Fault, Result } from '@sidegate/crds';
import type { Outbox } from '../outbox.ts';
import type { CloseCode, Credential, SessionOptions } from '../protocol.ts';
import { asLatin1, TYPE, writeError, writeSimple } from './codec.ts';
import type { CommandCatalog } from './command-catalog.ts';
import { readHello } from './hello.ts';
import { optionAt } from './keys.ts';
import { NO_AUTH } from './refuse.ts';
import { ReplyReader } from './reply-reader.ts';
import type { RequestReader } from './request-reader.ts';
import { writeLogin } from './target-login.ts';

const TLS_HANDSHAKE = 0x16;
/** What may be sent before anybody is known: as little as Redis takes, but for the length of a token. */
export const UNKNOWN_BYTES_MAX = 128 * 1024;
export const UNKNOWN_ARGUMENTS_MAX = 10;
/** What may be sent ahead of the login, in bytes. */
const AHEAD_BYTES_MAX = 1024 * 1024;
const LOGIN_REPLY_BYTES_MAX = 64 * 1024;
const TOKENLESS_TRIES_MAX = 16;

type Phase =
  | 'FirstByte'
  | 'AgentTls'
  | 'Greeting'
  | 'Identifying'
  | 'Dialling'
  | 'TargetLogin'
  | 'Catalog'
  | 'Open'
  | 'Over';

/** What an open session starts with. */
export interface Opened {
  readonly catalog: CommandCatalog;
  readonly credential: Credential;
  readonly token: string | undefined;
  readonly version: 2 | 3;
}

/**
 * From the first byte to an open session: TLS, who it is (AUTH or HELLO with a token, or nothing where the workload vouches), the login at the
 * target with the gate's own credential, and the target's commands. AUTH and HELLO never reach the target as they came.
 */
export class Opening {
  readonly #options: SessionOptions;
  readonly #reader: RequestReader;
  readonly #outbox: Outbox;
  readonly #replies = new ReplyReader(LOGIN_REPLY_BYTES_MAX);
  #phase: Phase = 'FirstByte';
  #isTls = false;
  #tries = 0;
  #token: string | undefined;
  #version: 2 | 3 | undefined;
  #clientName: string | undefined;
  /** The agent waits for an answer to its AUTH or HELLO. */
  #isAsked = false;
  #credential: Credential | undefined;
  /** What the server said to HELLO: the agent's answer. */
  #greeting: Uint8Array[] = [];
  #catalog: CommandCatalog | undefined;

  constructor(options: SessionOptions, reader: RequestReader, outbox: Outbox) {
    this.#options = options;
    this.#reader = reader;
    this.#outbox = outbox;
  }

  get over(): boolean {
    return this.#phase === 'Over';
  }

  /** Enough has come for what is not known yet. */
  get isFull(): boolean {
    return this.#phase !== 'Greeting' && this.#reader.heldBytes > AHEAD_BYTES_MAX;
  }

  /** Bytes of the agent came. */
  agentSpoke(bytes: Uint8Array): void {
    if (this.#phase === 'FirstByte') {
      if (bytes.length === 0) return;
      if (bytes[0] === TLS_HANDSHAKE && !this.#isTls) return this.#startTls(bytes);
      this.#phase = 'Greeting';
    }
    this.#reader.feed(bytes);
    this.#greet();
  }

  agentSecured(): void {
    if (this.#phase !== 'AgentTls') return;
    this.#isTls = true;
    this.#phase = 'FirstByte';
  }

  identified(credential: Credential): void {
    if (this.#phase !== 'Identifying') return;
    this.#credential = credential;
    this.#phase = 'Dialling';
    this.#outbox.push({ kind: 'DialTarget' });
  }

  targetConnected(): void {
    if (this.#phase !== 'Dialling') return;
    if (this.#options.target.tls) this.#outbox.push({ kind: 'StartTargetTls' });
    else this.#login();
  }

  targetSecured(): void {
    if (this.#phase === 'Dialling') this.#login();
  }

  targetSpoke(bytes: Uint8Array): void {
    if (this.#phase === 'Over') return;
    this.#replies.feed(bytes);
    while (this.#phase === 'TargetLogin') {
      const token = this.#replies.next();
      if (token === 'More') return;
      if (token === 'Big') this.#replies.whole();
      const { buffer, start, end, type, bodyStart, bodyEnd, frames } = this.#replies;
      if (token === 'Open' || token === 'Leaf') this.#greeting.push(buffer.slice(start, end));
      if (token === 'Open') continue;
      if (token !== 'Leaf') return this.#unavailable('The target answers the login with what is no reply.');
      if (frames.length === 0 && (type === TYPE.error || type === TYPE.bulkError)) {
        return this.#loginRefused(asLatin1(buffer.subarray(bodyStart, bodyEnd)));
      }
      this.#replies.done();
      if (this.#replies.isOver) this.#loggedIn();
    }
    // Nobody asked it anything.
    if (this.#replies.next() !== 'More') this.#unavailable('The target speaks unasked.');
  }

  catalogReady(catalog: Result<unknown, Fault>): void {
    if (this.#phase !== 'Catalog') return;
    if (!catalog.ok) return this.#unavailable(catalog.fault.message);
    this.#catalog = catalog.value as CommandCatalog;
    this.#phase = 'Open';
    this.#outbox.push({ kind: 'Ready' });
    if (!this.#isAsked) return;
    const bytes = this.#version === undefined ? writeSimple('OK') : Buffer.concat(this.#greeting);
    this.#outbox.push({ kind: 'ToAgent', bytes });
  }

  opened(): Opened | undefined {
    if (this.#phase !== 'Open' || this.#catalog === undefined || this.#credential === undefined) return undefined;
    return {
      catalog: this.#catalog,
      credential: this.#credential,
      token: this.#token,
      version: this.#version ?? 2,
    };
  }

  terminate(farewell: Uint8Array | undefined, code: CloseCode, reason: string): void {
    if (this.#phase === 'Over') return;
    const canHear = this.#phase !== 'AgentTls';
    this.#phase = 'Over';
    if (farewell !== undefined && canHear) this.#outbox.push({ kind: 'ToAgent', bytes: farewell });
    this.#outbox.push({ kind: 'Close', code, reason });
  }

  #startTls(bytes: Uint8Array): void {
    if (!this.#options.agentTls) return this.terminate(undefined, 'Refused', 'TLS is not offered here.');
    this.#phase = 'AgentTls';
    this.#outbox.push({ kind: 'StartAgentTls', received: bytes });
  }

  /** Reads up to the command that says who it is. */
  #greet(): void {
    while (this.#phase === 'Greeting') {
      if (this.#options.identitySource === 'Workload') {
        if (!this.#workload()) return;
        continue;
      }
      const result = this.#reader.next();
      if (result === 'More') return;
      if (result === 'Empty') continue;
      if (result !== 'Command') return this.#malformed(result);
      this.#introduce(this.#reader.args);
    }
  }

  /** Nobody needs to say who it is; a first HELLO or AUTH is the login, and anything else a command that waits. False: more must come. */
  #workload(): boolean {
    const result = this.#reader.peek();
    if (result === 'More') return false;
    if (result === 'Empty') {
      this.#reader.next();
      return true;
    }
    if (result !== 'Command') {
      this.#malformed(result);
      return false;
    }
    const name = optionAt(this.#reader.args, 0);
    if (name === 'HELLO' || name === 'AUTH') {
      this.#reader.next();
      this.#introduce(this.#reader.args);
    } else this.#identify(undefined);
    return true;
  }

  #introduce(args: readonly Uint8Array[]): void {
    const isToken = this.#options.identitySource === 'Token';
    const name = optionAt(args, 0);
    if (name === 'QUIT') return this.terminate(writeSimple('OK'), 'AgentLeft', 'The agent quit.');
    if (name === 'HELLO') {
      const hello = readHello(args);
      if (hello === undefined)
        return this.#again(writeError('NOPROTO unsupported protocol version or syntax of HELLO'));
      if (isToken && hello.token === undefined) return this.#again(NO_AUTH);
      this.#version = hello.version ?? 2;
      this.#clientName = hello.clientName;
      this.#isAsked = true;
      return this.#identify(isToken ? hello.token : undefined, hello.username);
    }
    if (name !== 'AUTH') return this.#again(NO_AUTH);
    const token = args.at(-1);
    if (token === undefined || args.length < 2 || args.length > 3) {
      return this.#again(writeError("ERR wrong number of arguments for 'auth' command"));
    }
    this.#isAsked = true;
    const [, username] = args;
    this.#identify(
      isToken ? asLatin1(token) : undefined,
      args.length === 3 && username !== undefined ? asLatin1(username) : undefined,
    );
  }

  /** Says no; whoever asks too often is no client that waits for a person to type. */
  #again(bytes: Uint8Array): void {
    this.#tries += 1;
    if (this.#tries > TOKENLESS_TRIES_MAX) return this.terminate(bytes, 'Refused', 'The agent did not say who it is.');
    this.#outbox.push({ kind: 'ToAgent', bytes });
  }

  #malformed(result: 'Malformed' | 'TooLarge'): void {
    const complaint = result === 'TooLarge' ? 'too large before AUTH' : this.#reader.complaint;
    this.terminate(writeError(`ERR Protocol error: ${complaint}`), 'Fault', 'The agent sent what is no command.');
  }

  #identify(token: string | undefined, username?: string): void {
    this.#phase = 'Identifying';
    this.#token = token;
    const details = {
      tls: String(this.#isTls),
      protocol: `RESP${this.#version ?? 2}`,
      ...(username === undefined ? {} : { user: username.slice(0, 128) }),
      ...(this.#clientName === undefined ? {} : { clientName: this.#clientName }),
    };
    this.#outbox.push({ kind: 'Identify', token, claims: {}, details });
  }

  #login(): void {
    const credential = this.#credential;
    if (credential === undefined) return;
    const hello = this.#version === undefined ? undefined : { version: this.#version, clientName: this.#clientName };
    const bytes = writeLogin(credential, hello);
    if (bytes === undefined) return this.#loggedIn();
    this.#phase = 'TargetLogin';
    this.#outbox.push({ kind: 'LoginToTarget', bytes });
  }

  #loggedIn(): void {
    this.#phase = 'Catalog';
    this.#outbox.push({ kind: 'NeedCatalog', database: '', fresh: false });
  }

  #loginRefused(error: string): void {
    const code = /^[A-Z]+/.exec(error)?.[0] ?? 'ERR';
    this.#unavailable(`The target does not take the gate's credential (${code}).`);
  }

  #unavailable(reason: string): void {
    this.terminate(writeError(`ERR target: ${reason}`), 'TargetLeft', reason);
  }
}
