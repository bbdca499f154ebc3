import { createHash } from 'node:crypto';
import type { Credential } from '../protocol.ts';
import { asText, BodyReader, FRAME, FrameScanner } from './codec.ts';
import { PROTOCOL_3_0, writeFrame, writeSslRequest, writeStartup } from './codec-writer.ts';
import { readErrorFields } from './error-fields.ts';
import { type SaltedKeys, ScramClient } from './scram.ts';

export interface TargetLoginOptions {
  readonly credential: Credential;
  readonly database: string;
  /** Demanded on this side: a server that offers none is refused. */
  readonly tls: boolean;
  /** The protocol version to ask for. */
  readonly version: number;
  readonly parameters: ReadonlyMap<string, string>;
  readonly frameBytesMax: number;
  readonly random: (bytes: number) => Uint8Array;
  readonly keys: SaltedKeys;
}

/** What a server gave at login. */
export interface LoggedIn {
  readonly parameters: ReadonlyMap<string, string>;
  readonly processId: number;
  /** 4 bytes in 3.0, up to 256 in 3.2. */
  readonly cancelKey: Uint8Array;
}

/** Why a login failed; `sqlState` and `message` are what the agent may be told. */
export interface LoginFault {
  readonly sqlState: string;
  readonly message: string;
}

export type LoginStep =
  | { readonly kind: 'Send'; readonly bytes: Uint8Array }
  | { readonly kind: 'StartTls' }
  | { readonly kind: 'Done'; readonly loggedIn: LoggedIn }
  | { readonly kind: 'Failed'; readonly fault: LoginFault };

const UNREACHABLE = '08001';
const CANCEL_KEY_BYTES_MAX = 256;

/**
 * Logs in to a server with the credential that the agent never sees: TLS by demand (no downgrade), then SCRAM-SHA-256, MD5, or a
 * password in clear where TLS protects it. Sans-io. After `Done` it takes nothing more; what came behind ReadyForQuery is in `rest`.
 */
export class TargetLogin {
  readonly #options: TargetLoginOptions;
  readonly #scanner: FrameScanner;
  readonly #parameters = new Map<string, string>();
  #phase: 'Idle' | 'TlsAnswer' | 'TlsHandshake' | 'Login' | 'Over' = 'Idle';
  #secured = false;
  #scram: ScramClient | undefined;
  /** The server has said what it wants, and that was satisfied or there was nothing to satisfy. */
  #authenticated = false;
  #processId = 0;
  #cancelKey: Uint8Array = new Uint8Array(0);
  #steps: LoginStep[] = [];

  constructor(options: TargetLoginOptions) {
    this.#options = options;
    this.#scanner = new FrameScanner(options.frameBytesMax, false);
  }

  connected(): readonly LoginStep[] {
    if (this.#options.tls) {
      this.#phase = 'TlsAnswer';
      return [{ kind: 'Send', bytes: writeSslRequest() }];
    }
    return [this.#startup()];
  }

  secured(): readonly LoginStep[] {
    if (this.#phase !== 'TlsHandshake') return this.#failNow('The TLS handshake with the target came out of turn.');
    this.#secured = true;
    return [this.#startup()];
  }

  receive(bytes: Uint8Array): readonly LoginStep[] {
    if (this.#phase === 'TlsAnswer') return this.#tlsAnswer(bytes);
    if (this.#phase !== 'Login') return this.#failNow('The target spoke out of turn.');
    this.#scanner.feed(bytes);
    this.#steps = [];
    while (this.#phase === 'Login') {
      const result = this.#scanner.next();
      if (result === 'More') break;
      if (result !== 'Frame') this.#fail(UNREACHABLE, 'The target sent a frame that is malformed or too large.');
      else this.#frame();
    }
    return this.#steps;
  }

  /** What the server sent after its first ReadyForQuery. */
  rest(): Uint8Array {
    return this.#scanner.takeRest();
  }

  #startup(): LoginStep {
    this.#phase = 'Login';
    const { credential, database, version, parameters } = this.#options;
    const all: (readonly [string, string])[] = [['user', credential.username], ['database', database], ...parameters];
    return { kind: 'Send', bytes: writeStartup(version, all) };
  }

  #tlsAnswer(bytes: Uint8Array): readonly LoginStep[] {
    if (bytes.length === 0) return [];
    if (bytes[0] !== 0x53)
      return this.#failNow('The target offers no TLS, which its Target resource demands; nothing was sent in clear.');
    // Bytes behind the answer were not protected by TLS and could be anybody's (CVE-2021-23222).
    if (bytes.length > 1) return this.#failNow('The target sent data in clear behind its TLS answer.');
    this.#phase = 'TlsHandshake';
    return [{ kind: 'StartTls' }];
  }

  #frame(): void {
    const scanner = this.#scanner;
    const body = new BodyReader(scanner.buffer, scanner.start + 5, scanner.end);
    switch (scanner.type) {
      case FRAME.authentication:
        return this.#authentication(body);
      case FRAME.parameterStatus: {
        const name = body.string();
        this.#parameters.set(name, body.string());
        return undefined;
      }
      case FRAME.backendKey:
        this.#processId = body.int32();
        this.#cancelKey = Uint8Array.from(body.bytes(body.remaining));
        if (this.#cancelKey.length > CANCEL_KEY_BYTES_MAX) this.#fail(UNREACHABLE, 'The target sent an endless key.');
        return undefined;
      case FRAME.negotiateVersion:
        if (body.int32() < PROTOCOL_3_0) this.#fail(UNREACHABLE, 'The target speaks a protocol older than 3.0.');
        return undefined;
      case FRAME.notice:
        return undefined;
      case FRAME.error:
        return this.#serverError(body);
      case FRAME.readyForQuery:
        if (!this.#authenticated) return this.#fail(UNREACHABLE, 'The target let nobody in and is ready all the same.');
        return this.#done();
      default:
        return this.#fail(UNREACHABLE, 'The target sent a frame that does not belong into a login.');
    }
  }

  #authentication(body: BodyReader): void {
    const { credential } = this.#options;
    const kind = body.int32();
    switch (kind) {
      case 0:
        // A server that skips its proof might be an impostor that takes any password.
        if (this.#scram !== undefined && !this.#scram.proved)
          return this.#fail(UNREACHABLE, 'The target did not prove that it knows the password.');
        this.#authenticated = true;
        return undefined;
      case 3:
        if (!this.#secured) return this.#fail(UNREACHABLE, 'The target wants the password in clear without TLS.');
        return this.#send(writeFrame(FRAME.password, credential.password));
      case 5:
        return this.#send(writeFrame(FRAME.password, md5Password(credential, body.bytes(4))));
      case 10:
        return this.#startScram(body);
      case 11:
        return this.#continueScram(asText(body.bytes(body.remaining)));
      case 12: {
        const verified = this.#scram?.verify(asText(body.bytes(body.remaining)));
        if (verified === undefined || !verified.ok)
          this.#fail(UNREACHABLE, 'The target did not prove that it knows the password.');
        return undefined;
      }
      default:
        return this.#fail(UNREACHABLE, `The target asks for an authentication that the gate cannot give (${kind}).`);
    }
  }

  #startScram(body: BodyReader): void {
    const offered: string[] = [];
    while (body.remaining > 1 && !body.failed) offered.push(body.string());
    if (!offered.includes('SCRAM-SHA-256'))
      return this.#fail(UNREACHABLE, 'The target offers no SASL mechanism that the gate speaks (SCRAM-SHA-256).');
    this.#scram = new ScramClient(this.#options.credential.password, this.#options.keys, this.#options.random);
    const first = Buffer.from(this.#scram.first());
    return this.#send(writeFrame(FRAME.password, 'SCRAM-SHA-256', { int32: first.length }, first));
  }

  #continueScram(serverFirst: string): void {
    const final = this.#scram?.final(serverFirst);
    if (final === undefined || !final.ok)
      return this.#fail(UNREACHABLE, 'The target sent a SCRAM challenge that makes no sense.');
    return this.#send(writeFrame(FRAME.password, Buffer.from(final.value)));
  }

  #serverError(body: BodyReader): void {
    const fields = readErrorFields(body);
    const sqlState = fields?.get('C') ?? UNREACHABLE;
    // What the server says of the gate's own credential is not the agent's business.
    if (sqlState.startsWith('28'))
      return this.#fail(UNREACHABLE, 'The target does not accept the credential that the gate holds for it.');
    return this.#fail(sqlState, `The target says: ${fields?.get('M') ?? 'an error that cannot be read'}`);
  }

  #done(): void {
    this.#phase = 'Over';
    const loggedIn = { parameters: this.#parameters, processId: this.#processId, cancelKey: this.#cancelKey };
    this.#steps.push({ kind: 'Done', loggedIn });
  }

  #send(bytes: Uint8Array): void {
    this.#steps.push({ kind: 'Send', bytes });
  }

  #fail(sqlState: string, message: string): void {
    this.#phase = 'Over';
    this.#steps.push({ kind: 'Failed', fault: { sqlState, message } });
  }

  #failNow(message: string): readonly LoginStep[] {
    this.#steps = [];
    if (this.#phase !== 'Over') this.#fail(UNREACHABLE, message);
    return this.#steps;
  }
}

function md5Password({ username, password }: Credential, salt: Uint8Array): string {
  const inner = createHash('md5').update(`${password}${username}`).digest('hex');
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`;
}
