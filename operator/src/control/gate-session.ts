import { assertNever } from '@sidegate/crds';
import type { FollowRequest } from '@sidegate/policy/control';
import type { GateBundle } from '../gate-bundle.ts';
import type { Timing } from '../kube/timing.ts';
import type { Attested } from './attestation.ts';
import type { GateBoard } from './gate-board.ts';
import type { Response } from './response-bytes.ts';

export interface SessionTerms {
  /** Without a word for so long a gate says that its rules are stale; default 60. */
  readonly staleAfterSeconds: number;
  /** And after so long it closes; default 3600. */
  readonly failClosedAfterSeconds: number;
}

export interface SessionOptions {
  readonly attested: Attested;
  readonly board: GateBoard;
  readonly timing: Timing;
  readonly terms: SessionTerms;
  readonly nonce: () => string;
  /** What the gate says of its held commands and of its share of limits. */
  readonly heard: (sentence: HoldSentence | SpendingSentence, session: GateSession) => void;
}

/** What a gate says of commands that wait for people. */
export type HoldSentence = Extract<FollowRequest['message'], { case: 'openHolds' | 'held' | 'holdEnded' }>;

/** What a gate says of its share of a limit. */
export type SpendingSentence = Extract<FollowRequest['message'], { case: 'spending' }>;

const KEEP_ALIVE_MS = 10_000;
/** A snapshot that was refused is offered again after this long: what was in its way may be gone. */
const AFTER_REFUSAL_MS = 30_000;
/** A gate that does not answer a snapshot in this time is cut. */
const ANSWER_MS = 60_000;
const LIFE_MS = 30 * 60_000;
const FAULTS_MAX = 16;
const BLOCKED_MAX = 64;
/** A DNS name, a colon and a port. */
const PLACE_CHARACTERS_MAX = 260;
const MESSAGE_CHARACTERS_MAX = 1_024;

interface Sent {
  readonly bundle: GateBundle;
  readonly version: string;
  readonly nonce: string;
  readonly atMs: number;
}

const CONTENTS = new WeakMap<GateBundle['content'], Uint8Array>();

/** The JSON of a bundle, made once for all gates that get it. */
export function contentOf({ content }: GateBundle): Uint8Array {
  const known = CONTENTS.get(content) ?? Buffer.from(JSON.stringify(content));
  CONTENTS.set(content, known);
  return known;
}

/** One gate's stream: what is to be said next, and what its answers mean. It owns no socket. */
export class GateSession {
  readonly #options: SessionOptions;
  readonly #endMs: number;
  #bundle: GateBundle | undefined;
  /** What the gate acknowledged last, when it was sent on this stream. */
  #acknowledged: GateBundle | undefined;
  readonly #sentences: Response[] = [];
  #awaited: Sent | undefined;
  #heldVersion: string | undefined;
  #refused: Sent | undefined;
  #recording = false;
  #blocked: readonly string[] = [];
  #goAway: { readonly reason: string; readonly afterMs: number } | undefined;
  #wake = (): void => {};
  /** A pause is under way that wakes the stream. */
  #resting = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { timing } = options;
    // So that the gates that an operator's restart brought at once do not all come again at once.
    this.#endMs = timing.monotonicMs() + LIFE_MS * (0.8 + timing.random() / 5);
  }

  get attested(): Attested {
    return this.#options.attested;
  }

  /** What the gate is to run on. Of several that wait, the newest is sent. */
  offer(bundle: GateBundle): void {
    const known = this.#bundle?.content.version === bundle.content.version;
    this.#bundle = bundle;
    if (!known) this.#wake();
  }

  /** The bundle of that version, if the gate may run on it. */
  bundleOf(version: string): GateBundle | undefined {
    return [this.#bundle, this.#acknowledged].find((bundle) => bundle?.content.version === version);
  }

  /** Says something beside the snapshots, in order; nothing once the stream is to end. */
  say(sentence: NonNullable<Response['message']>): void {
    this.#sentences.push({ message: sentence });
    this.#wake();
  }

  /** The stream ends after what is being said. */
  end(reason: string, afterMs: number): void {
    this.#goAway ??= { reason, afterMs };
    this.#wake();
  }

  /** False when the message breaks the protocol: the stream must end. */
  receive({ message }: FollowRequest): boolean {
    // A newer stream of the same pod may speak for it already.
    if (this.#goAway !== undefined) return true;
    switch (message.case) {
      case 'hello':
        if (message.value.heldVersion !== '') this.#heldVersion = message.value.heldVersion;
        break;
      case 'ack':
        if (!this.#isAwaited(message.value.nonce)) return false;
        this.#heldVersion = message.value.version;
        this.#acknowledged = this.#awaited?.bundle;
        this.#awaited = undefined;
        this.#refused = undefined;
        break;
      case 'nack': {
        if (!this.#isAwaited(message.value.nonce)) return false;
        this.#refused = this.#awaited;
        this.#awaited = undefined;
        const messages = message.value.faults
          .slice(0, FAULTS_MAX)
          .map((fault) => fault.message.slice(0, MESSAGE_CHARACTERS_MAX));
        this.#tell({ version: message.value.version, messages });
        this.#wake();
        return true;
      }
      case 'health':
        this.#recording = message.value.recording;
        this.#blocked = message.value.blocked
          .slice(0, BLOCKED_MAX)
          .map((place) => place.slice(0, PLACE_CHARACTERS_MAX));
        break;
      case 'openHolds':
      case 'held':
      case 'holdEnded':
      case 'spending':
        this.#options.heard(message, this);
        return true;
      case undefined:
        return false;
      default:
        return assertNever(message);
    }
    this.#tell(undefined);
    this.#wake();
    return true;
  }

  /** Everything that is said to the gate, in order, until the stream ends. */
  async *speak(signal: AbortSignal): AsyncGenerator<Response> {
    // One listener for the whole stream: a signal joined of two for each wait costs more than the wait.
    const over = (): void => this.#wake();
    signal.addEventListener('abort', over, { once: true });
    try {
      yield* this.#say(signal);
    } finally {
      signal.removeEventListener('abort', over);
    }
  }

  async *#say(signal: AbortSignal): AsyncGenerator<Response> {
    const { timing } = this.#options;
    yield this.#welcome();
    let saidMs = timing.monotonicMs();
    while (!signal.aborted) {
      const nowMs = timing.monotonicMs();
      if (nowMs >= this.#endMs) this.end('The stream has lived long enough.', 0);
      if (this.#awaited !== undefined && nowMs - this.#awaited.atMs >= ANSWER_MS)
        this.end('A snapshot was not answered.', 1_000);
      if (this.#goAway !== undefined) {
        const { reason, afterMs } = this.#goAway;
        yield { message: { case: 'goAway', value: { reason, afterMilliseconds: afterMs } } };
        return;
      }
      const next = this.#sentences.shift() ?? this.#next(nowMs);
      if (next !== undefined || nowMs - saidMs >= KEEP_ALIVE_MS) {
        yield next ?? { message: { case: 'keepAlive', value: {} } };
        saidMs = timing.monotonicMs();
        continue;
      }
      await this.#rest(saidMs + KEEP_ALIVE_MS - nowMs, signal);
    }
  }

  /**
   * Until something is there to be said, or the time has come to look. One pause at a time is under way, set when there is none: a word to a gate does not
   * set a timer and take it back.
   */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#resting) return;
      this.#resting = true;
      void this.#options.timing.pause(ms, signal).then(() => {
        this.#resting = false;
        this.#wake();
      });
    });
  }

  #welcome(): Response {
    const { attested, terms } = this.#options;
    const { name, namespace = 'default' } = attested.pod.metadata;
    const { subject, groups, uid } = attested;
    const value = { namespace, pod: name, podUid: uid, subject, groups: [...groups], ...terms };
    return { message: { case: 'welcome', value } };
  }

  /** The snapshot to send now, if any. */
  #next(nowMs: number): Response | undefined {
    const bundle = this.#bundle;
    if (bundle === undefined || this.#awaited !== undefined) return undefined;
    const { version } = bundle.content;
    if (version === this.#heldVersion && this.#refused?.version !== version) return undefined;
    if (version === this.#refused?.version && nowMs - this.#refused.atMs < AFTER_REFUSAL_MS) return undefined;
    const nonce = this.#options.nonce();
    this.#awaited = { bundle, version, nonce, atMs: nowMs };
    return { message: { case: 'snapshot', value: { version, nonce, content: contentOf(bundle) } } };
  }

  #isAwaited(nonce: string): boolean {
    return this.#awaited?.nonce === nonce;
  }

  #tell(refusal: { readonly version: string; readonly messages: readonly string[] } | undefined): void {
    const { attested, board } = this.#options;
    const { name, namespace = 'default' } = attested.pod.metadata;
    const before = board.get(attested.uid)?.refusal;
    board.set(attested.uid, {
      namespace,
      pod: name,
      version: this.#heldVersion,
      refusal: refusal ?? (this.#refused === undefined ? undefined : before),
      recording: this.#recording,
      blocked: this.#blocked,
    });
  }
}
