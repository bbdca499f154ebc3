import type { IncomingHttpHeaders } from 'node:http2';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { GateBundles } from '../gate-bundle.ts';
import type { Pod } from '../kinds.ts';
import type { Timing } from '../kube/timing.ts';
import { type AttestationFault, type Attested, bearerOf } from './attestation.ts';
import type { CallFault, FollowCall } from './follow-call.ts';
import type { GateBoard } from './gate-board.ts';
import { GateSession, type HoldSentence, type SessionTerms, type SpendingSentence } from './gate-session.ts';
import { piecesOf } from './response-bytes.ts';

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

  /** Serves one gate for as long as its call lasts. */
  readonly follow = (call: FollowCall, headers: IncomingHttpHeaders): void => {
    void this.#follow(call, headers).then((fault) => call.end(fault));
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

  /** Why the call ends, when it is not as it should. */
  async #follow(call: FollowCall, headers: IncomingHttpHeaders): Promise<CallFault | undefined> {
    const { board, closed } = this.#options;
    const shut = closed();
    if (shut !== undefined) return { code: 'Unavailable', message: shut.message };
    if (this.#sessions.size >= GATES_MAX) return { code: 'ResourceExhausted', message: 'There are too many gates.' };
    const attested = await this.#attest(headers.authorization, call.signal);
    if (!attested.ok) return attested.fault;
    const { uid } = attested.value;
    const session = new GateSession({ ...this.#options, attested: attested.value });
    const hello = await this.#inTime(call.next(), call.signal);
    if (hello?.message.case !== 'hello')
      return call.broken ?? { code: 'InvalidArgument', message: 'The first message is not Hello.' };
    this.#sessions.get(uid)?.end('The same pod connected again.', 0);
    this.#sessions.set(uid, session);
    try {
      session.receive(hello);
      this.#offer(session);
      const over = new AbortController();
      call.signal.addEventListener('abort', () => over.abort(OVER), { once: true });
      if (call.signal.aborted) over.abort(OVER);
      void this.#listen(session, call, over);
      for await (const response of session.speak(over.signal)) await call.say(piecesOf(response));
      return call.broken;
    } finally {
      this.#options.left(session);
      if (this.#sessions.get(uid) === session) {
        this.#sessions.delete(uid);
        board.remove(uid);
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
      done.abort(OVER);
    }
  }

  /** Ends the stream when the gate does, or when it breaks the protocol. */
  async #listen(session: GateSession, call: FollowCall, over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      const next = await call.next();
      if (next === undefined || over.signal.aborted || !session.receive(next)) break;
    }
    over.abort(OVER);
  }

  async #attest(authorization: string | undefined, signal: AbortSignal): Promise<Result<Attested, CallFault>> {
    await this.#turn(signal);
    try {
      const attested = await this.#options.attest(bearerOf(authorization ?? null), signal);
      if (attested.ok) return ok(attested.value);
      const { code, message } = attested.fault;
      return fail({ code: CODES[code], message });
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

/** With a reason of its own no error is made up for a signal. */
const OVER = 'over';

const CODES: Readonly<Record<AttestationFault['code'], CallFault['code']>> = {
  NoToken: 'Unauthenticated',
  NotAuthenticated: 'Unauthenticated',
  NotBound: 'PermissionDenied',
  NoSuchPod: 'PermissionDenied',
  Unavailable: 'Unavailable',
};
