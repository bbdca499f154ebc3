import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import type { Fault, Result } from '@sidegate/crds';
import { Control, type FollowRequest } from '@sidegate/policy/control';
import type { GateBundles } from '../gate-bundle.ts';
import type { Pod } from '../kinds.ts';
import type { Timing } from '../kube/timing.ts';
import { type AttestationFault, type Attested, bearerOf } from './attestation.ts';
import type { GateBoard } from './gate-board.ts';
import {
  GateSession,
  type HoldSentence,
  type Response,
  type SessionTerms,
  type SpendingSentence,
} from './gate-session.ts';

export interface ControlServiceOptions {
  readonly bundles: GateBundles;
  readonly board: GateBoard;
  readonly timing: Timing;
  readonly terms: SessionTerms;
  readonly nonce: () => string;
  readonly attest: (token: string | undefined, signal: AbortSignal) => Promise<Result<Attested, AttestationFault>>;
  /** The pod as it is watched, when it is already; else what was attested counts. */
  readonly findPod: (attested: Attested) => Pod | undefined;
  /** Why no gate is served now: another replica leads, or the cluster is not read yet. */
  readonly closed: () => Fault | undefined;
  /** What gates say of their held commands and of their shares of limits. */
  readonly heard: (sentence: HoldSentence | SpendingSentence, session: GateSession) => void;
  /** A gate's stream is over. */
  readonly left: (session: GateSession) => void;
}

/** A pause between a gate's connections when this operator sends it away for good, in milliseconds. */
const AWAY_MS = 1_000;
const HELLO_MS = 10_000;
const GATES_MAX = 10_000;
/** TokenReviews that are under way at the same time: gates that come all at once wait for each other, not the API server for them. */
const ATTESTATIONS_MAX = 32;

/** Serves the control stream to gates. */
export class ControlService {
  readonly #options: ControlServiceOptions;
  readonly #sessions = new Map<string, GateSession>();
  #attesting = 0;
  readonly #queue: (() => void)[] = [];

  constructor(options: ControlServiceOptions) {
    this.#options = options;
  }

  readonly routes = (router: ConnectRouter): void => {
    router.service(Control, { follow: (requests, context) => this.#follow(requests, context) });
  };

  get size(): number {
    return this.#sessions.size;
  }

  /** Something changed that gates may depend on: each gets what is new to it. */
  refresh(): void {
    for (const session of this.#sessions.values()) this.#offer(session);
  }

  /** A pod ended or is gone: its gate has nobody to serve. */
  podGone(uid: string): void {
    this.#sessions.get(uid)?.end('The pod has ended.', AWAY_MS);
  }

  /** Sends every gate to another replica. */
  sendAway(reason: string): void {
    for (const session of this.#sessions.values()) session.end(reason, AWAY_MS);
  }

  #offer(session: GateSession): void {
    const pod = this.#options.findPod(session.attested);
    const bundle = this.#options.bundles.bundleFor(pod ?? session.attested.pod);
    if (bundle.kind === 'Bundle') session.offer(bundle);
  }

  async *#follow(requests: AsyncIterable<FollowRequest>, context: HandlerContext): AsyncGenerator<Response> {
    const { board, closed } = this.#options;
    const shut = closed();
    if (shut !== undefined) throw new ConnectError(shut.message, Code.Unavailable);
    if (this.#sessions.size >= GATES_MAX) throw new ConnectError('There are too many gates.', Code.ResourceExhausted);
    const attested = await this.#attest(context);
    const session = new GateSession({ ...this.#options, attested });
    const first = requests[Symbol.asyncIterator]();
    const hello = await this.#inTime(first.next(), context.signal);
    if (hello === undefined || hello.done === true || hello.value.message.case !== 'hello')
      throw new ConnectError('The first message is not Hello.', Code.InvalidArgument);
    this.#sessions.get(attested.uid)?.end('The same pod connected again.', 0);
    this.#sessions.set(attested.uid, session);
    const over = new AbortController();
    try {
      session.receive(hello.value);
      this.#offer(session);
      void this.#listen(session, first, over);
      yield* session.speak(AbortSignal.any([context.signal, over.signal]));
    } finally {
      over.abort();
      this.#options.left(session);
      if (this.#sessions.get(attested.uid) === session) {
        this.#sessions.delete(attested.uid);
        board.remove(attested.uid);
      }
    }
  }

  /** Undefined when it took too long. */
  async #inTime<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const done = new AbortController();
    const late = this.#options.timing.pause(HELLO_MS, AbortSignal.any([signal, done.signal])).then(() => undefined);
    try {
      return await Promise.race([awaited, late]);
    } finally {
      done.abort();
    }
  }

  /** Ends the stream when the gate does, or when it breaks the protocol. */
  async #listen(session: GateSession, requests: AsyncIterator<FollowRequest>, over: AbortController): Promise<void> {
    try {
      while (!over.signal.aborted) {
        const next = await requests.next();
        if (next.done === true || over.signal.aborted || !session.receive(next.value)) break;
      }
    } catch {
      // The gate is gone; the stream's own signal says so too.
    }
    over.abort();
  }

  async #attest({ requestHeader, signal }: HandlerContext): Promise<Attested> {
    await this.#turn(signal);
    try {
      const attested = await this.#options.attest(bearerOf(requestHeader.get('authorization')), signal);
      if (attested.ok) return attested.value;
      const { code, message } = attested.fault;
      throw new ConnectError(message, CODES[code]);
    } finally {
      this.#attesting -= 1;
      this.#queue.shift()?.();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#attesting >= ATTESTATIONS_MAX && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#queue.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#attesting += 1;
  }
}

const CODES: Readonly<Record<AttestationFault['code'], Code>> = {
  NoToken: Code.Unauthenticated,
  NotAuthenticated: Code.Unauthenticated,
  NotBound: Code.PermissionDenied,
  NoSuchPod: Code.PermissionDenied,
  Unavailable: Code.Unavailable,
};
