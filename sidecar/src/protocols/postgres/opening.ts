import { assertNever } from '@sidegate/crds';
import { concatenate } from '../../concatenate.ts';
import type { Outbox } from '../outbox.ts';
import type { CloseCode, Credential, SessionOptions } from '../protocol.ts';
import { AgentLogin } from './agent-login.ts';
import { CatalogWatch } from './catalog-watch.ts';
import { BodyReader, FRAME, FrameScanner } from './codec.ts';
import {
  AUTHENTICATION_OK,
  PROTOCOL_3_0,
  writeFrame,
  writeNegotiateVersion,
  writeParameterStatus,
  writeReadyForQuery,
} from './codec-writer.ts';
import { IDLE } from './lane.ts';
import { writeError } from './refuse.ts';
import type { SharedState } from './shared-state.ts';
import { SessionState } from './sql-state.ts';
import { cancelKeyName, readFirstPacket, STARTUP_BYTES_MAX, type Startup, type StartupFault } from './startup.ts';
import { type LoggedIn, type LoginStep, TargetLogin } from './target-login.ts';

const TLS_HANDSHAKE = 0x16;
/** An agent waits for ReadyForQuery; what it sends ahead is bounded. */
const SENT_AHEAD_BYTES_MAX = 1024 * 1024;

type Phase =
  | 'FirstPacket'
  | 'AgentTls'
  | 'AgentLogin'
  | 'Identifying'
  | 'Dialling'
  | 'TargetLogin'
  | 'SearchPath'
  | 'Catalog'
  | 'Open'
  | 'Over';

/** What an open session starts with. */
export interface Opened {
  readonly state: SessionState;
  readonly parameters: ReadonlyMap<string, string>;
  readonly database: string;
  /** What the server sent behind its first ReadyForQuery. */
  readonly rest: Uint8Array;
}

/** Everything before the first command: TLS on either side, who the agent is, the login at the target, the catalog. */
export class Opening {
  readonly #options: SessionOptions;
  readonly #shared: SharedState;
  /** From when the catalog is asked for. */
  catalogWatch: CatalogWatch | undefined;
  readonly #scanner: FrameScanner;
  readonly #outbox: Outbox;
  #phase: Phase = 'FirstPacket';
  #tls = false;
  #gssRefused = false;
  #startup: Startup | undefined;
  #agentLogin: AgentLogin | undefined;
  #targetLogin: TargetLogin | undefined;
  readonly #searchPathScanner: FrameScanner;
  #searchPath: string | undefined;
  loggedIn: LoggedIn | undefined;

  constructor(options: SessionOptions, shared: SharedState, scanner: FrameScanner, outbox: Outbox) {
    this.#options = options;
    this.#shared = shared;
    this.#scanner = scanner;
    this.#outbox = outbox;
    this.#searchPathScanner = new FrameScanner(options.limits.frameBytesMax, false);
    scanner.frameBytesMax = STARTUP_BYTES_MAX;
  }

  get over(): boolean {
    return this.#phase === 'Over';
  }

  agentSpoke(): void {
    const scanner = this.#scanner;
    if (this.#phase === 'AgentTls') return this.#breach('Data in clear came where a TLS handshake was agreed.');
    if (this.#phase === 'FirstPacket' && !this.#tls && !this.#gssRefused && scanner.peek() === TLS_HANDSHAKE)
      return this.#directTls();
    while (this.#phase === 'FirstPacket' || this.#phase === 'AgentLogin') {
      const result = scanner.next();
      if (result === 'More') return undefined;
      if (result !== 'Frame')
        return this.#breach('The client sent a frame that is malformed or too large for a login.');
      if (this.#phase === 'FirstPacket') this.#firstPacket(scanner.frame());
      else this.#loginFrame();
    }
    if (scanner.heldBytes > SENT_AHEAD_BYTES_MAX) this.#breach('The client sent too much ahead of its login.');
    return undefined;
  }

  agentSecured(): void {
    if (this.#phase !== 'AgentTls') return this.#breach('A TLS handshake came out of turn.');
    this.#phase = 'FirstPacket';
    this.#tls = true;
    return undefined;
  }

  identified(credential: Credential): void {
    const startup = this.#startup;
    if (this.#phase !== 'Identifying' || startup === undefined) return;
    const { databases, tls } = this.#options.target;
    if (databases !== undefined && !databases.includes(startup.database)) {
      const message = `the database ${JSON.stringify(startup.database)} is not one that this target opens`;
      const bytes = writeError('FATAL', '3D000', message, '', `Open one of: ${databases.join(', ')}.`);
      return this.terminate(bytes, 'Refused', message);
    }
    this.#targetLogin = new TargetLogin({
      credential,
      database: startup.database,
      tls,
      version: startup.version,
      parameters: startup.parameters,
      frameBytesMax: this.#options.limits.frameBytesMax,
      random: this.#options.random,
      keys: this.#shared.keys,
    });
    this.#phase = 'Dialling';
    this.#outbox.push({ kind: 'DialTarget' });
    return undefined;
  }

  targetConnected(): void {
    if (this.#phase !== 'Dialling' || this.#targetLogin === undefined) return;
    this.#phase = 'TargetLogin';
    this.#loginSteps(this.#targetLogin.connected());
  }

  targetSecured(): void {
    if (this.#phase === 'TargetLogin' && this.#targetLogin !== undefined) this.#loginSteps(this.#targetLogin.secured());
  }

  targetSpoke(bytes: Uint8Array): void {
    if (this.#phase === 'TargetLogin' && this.#targetLogin !== undefined)
      this.#loginSteps(this.#targetLogin.receive(bytes));
    else if (this.#phase === 'SearchPath') this.#readSearchPath(bytes);
    // While the catalog is read the server owes nothing; notices and settings may come all the same.
    else if (this.#phase === 'Catalog') this.#searchPathScanner.feed(bytes);
    else if (this.#phase !== 'Over') this.#breach('The target spoke out of turn.');
  }

  /** The catalog is there: lets the agent in. Undefined when it is not its turn. */
  opened(): Opened | undefined {
    const { loggedIn } = this;
    const startup = this.#startup;
    if (this.#phase !== 'Catalog' || loggedIn === undefined || startup === undefined) return undefined;
    this.#phase = 'Open';
    this.#scanner.frameBytesMax = this.#options.limits.frameBytesMax;
    const processId = Buffer.from(this.#options.random(4)).readUInt32BE() >>> 1 || 1;
    const key = this.#options.random(startup.version === PROTOCOL_3_0 ? 4 : 32);
    this.#outbox.push({ kind: 'CancelKey', key: cancelKeyName(processId, key) });
    const statuses = [...loggedIn.parameters].map(([name, value]) => writeParameterStatus(name, value));
    const bytes = concatenate([
      AUTHENTICATION_OK,
      ...statuses,
      writeFrame(FRAME.backendKey, { int32: processId }, key),
      writeReadyForQuery(IDLE),
    ]);
    this.#outbox.push({ kind: 'ToAgent', bytes });
    this.#outbox.push({ kind: 'Ready' });
    const state = new SessionState(loggedIn.parameters, this.#searchPath, startup.user);
    const rest = this.#searchPathScanner.takeRest();
    return { state, parameters: loggedIn.parameters, database: startup.database, rest };
  }

  /** The end; the agent can be told only once it has said which protocol it speaks. */
  terminate(farewell: Uint8Array | undefined, code: CloseCode, reason: string): void {
    if (this.#phase === 'Over') return;
    const canSpeak = this.#startup !== undefined;
    this.#phase = 'Over';
    if (canSpeak && farewell !== undefined) this.#outbox.push({ kind: 'ToAgent', bytes: farewell });
    this.#outbox.push({ kind: 'Close', code, reason });
  }

  #directTls(): void {
    if (!this.#options.agentTls)
      return this.#breach('The client speaks TLS, and this gate has no certificate to show.');
    this.#phase = 'AgentTls';
    this.#outbox.push({ kind: 'StartAgentTls', received: this.#scanner.takeRest() });
    return undefined;
  }

  #firstPacket(packet: Uint8Array): void {
    const read = readFirstPacket(packet);
    if (!read.ok) return this.#refuseStartup(read.fault);
    const first = read.value;
    switch (first.kind) {
      case 'Tls':
        return this.#tlsAsked();
      case 'GssEncryption':
        // Accepting would blind the gate; an error would make some drivers connect again and again.
        if (this.#gssRefused) return this.#breach('GSS encryption was asked for twice.');
        this.#gssRefused = true;
        this.#outbox.push({ kind: 'ToAgent', bytes: Uint8Array.of(0x4e) });
        return undefined;
      case 'Cancel':
        this.#outbox.push({ kind: 'Cancel', key: first.key });
        return this.terminate(undefined, 'AgentLeft', 'A cancel request was passed on.');
      case 'Startup':
        return this.#begin(first.startup);
      default:
        return assertNever(first);
    }
  }

  #tlsAsked(): void {
    if (this.#tls) return this.#breach('TLS was asked for inside TLS.');
    if (!this.#options.agentTls) {
      this.#outbox.push({ kind: 'ToAgent', bytes: Uint8Array.of(0x4e) });
      return undefined;
    }
    // What was sent in clear behind the request would be taken for protected (CVE-2021-23222 and its like).
    if (this.#scanner.heldBytes > 0) return this.#breach('The client sent data in clear behind its TLS request.');
    this.#outbox.push({ kind: 'ToAgent', bytes: Uint8Array.of(0x53) });
    this.#outbox.push({ kind: 'StartAgentTls', received: undefined });
    this.#phase = 'AgentTls';
    return undefined;
  }

  #begin(startup: Startup): void {
    this.#startup = startup;
    const scanner = this.#scanner;
    scanner.untagged = false;
    if (startup.negotiate)
      this.#outbox.push({ kind: 'ToAgent', bytes: writeNegotiateVersion(startup.version, startup.unknownOptions) });
    if (this.#options.identitySource === 'Workload') return this.#identify(undefined);
    this.#agentLogin = new AgentLogin(startup.oauth);
    this.#phase = 'AgentLogin';
    scanner.frameBytesMax = this.#agentLogin.frameBytesMax;
    this.#outbox.push({ kind: 'ToAgent', bytes: this.#agentLogin.request() });
    return undefined;
  }

  #loginFrame(): void {
    const { type, buffer, start, end } = this.#scanner;
    if (type === FRAME.terminate) return this.terminate(undefined, 'AgentLeft', 'The client gave up its login.');
    const answer = this.#agentLogin?.receive(type, new BodyReader(buffer, start + 5, end));
    if (answer === undefined) return this.#breach('The client sent a frame that does not belong into a login.');
    switch (answer.kind) {
      case 'Token':
        return this.#identify(answer.token);
      case 'Send':
        this.#outbox.push({ kind: 'ToAgent', bytes: answer.bytes });
        return undefined;
      case 'NoToken': {
        const message = 'no token was given';
        return this.terminate(
          writeError('FATAL', '28000', message, '', 'Give the token as the password.'),
          'Refused',
          message,
        );
      }
      default:
        return assertNever(answer);
    }
  }

  #identify(token: string | undefined): void {
    const startup = this.#startup;
    if (startup === undefined) return;
    this.#phase = 'Identifying';
    const details = {
      database: startup.database,
      user: startup.user,
      tls: String(this.#tls),
      protocol: `3.${startup.version & 0xffff}`,
    };
    this.#outbox.push({ kind: 'Identify', token, claims: startup.claims, details });
  }

  #loginSteps(steps: readonly LoginStep[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case 'Send':
          this.#outbox.push({ kind: 'LoginToTarget', bytes: step.bytes });
          break;
        case 'StartTls':
          this.#outbox.push({ kind: 'StartTargetTls' });
          break;
        case 'Failed':
          return this.terminate(
            writeError('FATAL', step.fault.sqlState, step.fault.message),
            'TargetLeft',
            step.fault.message,
          );
        case 'Done':
          return this.#inAtTarget(step.loggedIn);
        default:
          return assertNever(step);
      }
    }
    return undefined;
  }

  #inAtTarget(loggedIn: LoggedIn): void {
    this.loggedIn = loggedIn;
    this.#searchPathScanner.feed(this.#targetLogin?.rest() ?? new Uint8Array(0));
    this.#targetLogin = undefined;
    // Servers from 18 on report it; an older one is asked.
    if (loggedIn.parameters.has('search_path')) return this.#needCatalog();
    this.#phase = 'SearchPath';
    this.#outbox.push({ kind: 'LoginToTarget', bytes: writeFrame(FRAME.query, 'SHOW search_path') });
    return undefined;
  }

  #readSearchPath(bytes: Uint8Array): void {
    const scanner = this.#searchPathScanner;
    scanner.feed(bytes);
    while (this.#phase === 'SearchPath') {
      const result = scanner.next();
      if (result === 'More') return undefined;
      if (result !== 'Frame') return this.#breach('The target sent a frame that is malformed or too large.');
      const body = new BodyReader(scanner.buffer, scanner.start + 5, scanner.end);
      if (scanner.type === FRAME.dataRow && body.int16() === 1)
        this.#searchPath = Buffer.from(body.bytes(body.int32())).toString();
      else if (scanner.type === FRAME.readyForQuery) this.#needCatalog();
    }
    return undefined;
  }

  #needCatalog(): void {
    this.#phase = 'Catalog';
    const database = this.#startup?.database ?? '';
    const { host, port } = this.#options.target;
    this.catalogWatch = new CatalogWatch(this.#shared.changes, `${host}:${port}/${database}`);
    this.#outbox.push({ kind: 'NeedCatalog', database, fresh: false, ...this.catalogWatch.asks() });
  }

  #refuseStartup(fault: StartupFault): void {
    const sqlState = fault.code === 'Malformed' ? '08P01' : '0A000';
    const farewell = writeError('FATAL', sqlState, fault.message, '', fault.mend ?? '');
    // It speaks this protocol, or something that nobody can answer.
    if (fault.code !== 'Malformed') this.#outbox.push({ kind: 'ToAgent', bytes: farewell });
    this.terminate(undefined, 'Refused', fault.message);
  }

  #breach(message: string): void {
    this.terminate(writeError('FATAL', '08P01', message), 'Fault', message);
  }
}
