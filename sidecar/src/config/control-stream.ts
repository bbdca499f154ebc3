import type { LookupFunction } from 'node:net';
import { type MessageInitShape } from '@bufbuild/protobuf';
import { type CallOptions, type Client, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { assertNever, type Fault, type FromGate, type Snapshot } from '@sidegate/crds';
import { Control, type FollowRequestSchema, type FollowResponse, type Welcome } from '@sidegate/policy/control';
import type { ApprovalDesk } from '../gate/approval-desk.ts';
import type { LeasedBudgets } from '../gate/leased-budgets.ts';
import type { Log } from '../log.ts';
import { ApprovalLink } from './approval-link.ts';
import { readContent } from './control-content.ts';
import {
  type ControlEvent,
  type ControlPhase,
  ControlState,
  type ControlStep,
  type KeptConfiguration,
} from './control-state.ts';
import type { LastKnownGood } from './last-known-good.ts';
import { LimitLink } from './limit-link.ts';
import { Outgoing } from './outgoing.ts';

/** Where the operator is, and how the gate shows who it is. */
export interface ControlAddress {
  /** `https://HOST:PORT`. */
  readonly url: string;
  /** PEM of the only root that the operator's certificate may come from; undefined: an address without TLS, in tests. */
  readonly authority: string | undefined;
  /** Read for each connection: such tokens rotate. */
  readonly readToken: () => Promise<string>;
  /** Finds the operator's addresses; undefined: as the machine does. */
  readonly lookup?: LookupFunction;
}

export interface ControlClock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds that only go forward. */
  monotonicMs(): number;
  random(): number;
  /** Resolves after `ms`, or when `signal` aborts; never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ControlOptions {
  readonly address: ControlAddress;
  readonly program: string;
  readonly clock: ControlClock;
  readonly kept: LastKnownGood;
  readonly apply: (snapshot: Snapshot) => Promise<FromGate>;
  /** Whether records reach the store now. */
  readonly recording: () => boolean;
  /** HOST:PORT of Targets that cannot be reached because something else in the pod has their address. Default: none. */
  readonly blocked?: () => readonly string[];
  readonly phaseChanged: (phase: ControlPhase) => void;
  /** Whose held commands people of the cluster decide; absent: nobody is asked. Made with {@link podDesk}. */
  readonly desk?: ApprovalDesk;
  /** What is shared with other pods of limits. */
  readonly budgets?: LeasedBudgets;
  readonly log: Log;
}

type Request = MessageInitShape<typeof FollowRequestSchema>;

/** How often silence is looked at, and the gate's health, in milliseconds. */
const TICK_MS = 1_000;
/** An operator that says nothing for so long, not even that it is there, is gone. */
const SILENCE_MS = 30_000;
const AGAIN_MS = { first: 500, most: 30_000 } as const;
/** Blocked doors that are said; who mends these will hear of the others. */
const BLOCKED_MAX = 64;
/** How often it is written down that the operator was heard. */
const NOTE_MS = 30_000;

/**
 * Follows the operator until `signal` aborts: starts with what was kept, connects, applies what is offered and answers it, connects again when the
 * stream ends. Nothing throws; the gate runs on whatever happens to the stream.
 */
export async function followControl(options: ControlOptions, signal: AbortSignal): Promise<void> {
  await new ControlFollower(options).run(signal);
}

class ControlFollower {
  readonly #options: ControlOptions;
  readonly #state = new ControlState();
  readonly #client: Client<typeof Control>;
  readonly #approvals: ApprovalLink | undefined;
  readonly #limits: LimitLink | undefined;
  #outgoing: Outgoing<Request> | undefined;
  #kept: KeptConfiguration | undefined;
  #notedMs = 0;
  /** The health that was said last on this stream, as text. */
  #saidHealth: string | undefined;
  /** Events are handled one after the other, each with all that follows from it. */
  #handling: Promise<void> = Promise.resolve();

  constructor(options: ControlOptions) {
    this.#options = options;
    const { desk, budgets, clock } = options;
    this.#limits = budgets === undefined ? undefined : new LimitLink(budgets);
    this.#approvals = desk === undefined ? undefined : new ApprovalLink(desk, () => clock.nowMs());
    const { url, authority, lookup } = options.address;
    const tls = authority === undefined ? {} : { ca: authority, minVersion: 'TLSv1.3' as const };
    const nodeOptions = lookup === undefined ? tls : { ...tls, lookup };
    this.#client = createClient(Control, createGrpcTransport({ baseUrl: url, nodeOptions }));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { kept, clock } = this.#options;
    const found = await kept.read();
    if (found !== undefined) {
      this.#kept = found.kept;
      await this.#handle({ kind: 'Restored', kept: found.kept, ageMs: clock.nowMs() - found.heardMs });
    }
    await Promise.all([this.#follow(signal), this.#tick(signal)]);
    await this.#handling;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.pause(TICK_MS, signal);
      if (signal.aborted) return;
      await this.#handle({ kind: 'Tick' });
      this.#sayHealth();
    }
  }

  #sayHealth(): void {
    const { recording, blocked = () => [] } = this.#options;
    const value = { recording: recording(), blocked: blocked().slice(0, BLOCKED_MAX) };
    const text = JSON.stringify(value);
    if (this.#outgoing === undefined || text === this.#saidHealth) return;
    this.#saidHealth = text;
    this.#outgoing.say({ message: { case: 'health', value } });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let waitMs: number = AGAIN_MS.first;
    while (!signal.aborted) {
      const end = await this.#connect(signal);
      if (signal.aborted) return;
      await this.#handle({ kind: 'Lost' });
      if (end.heard) waitMs = AGAIN_MS.first;
      const pauseMs = end.afterMs ?? waitMs;
      if (end.afterMs === undefined) {
        log('Warning', 'the operator cannot be followed', { why: end.why, againMs: pauseMs });
        waitMs = Math.min(waitMs * 2, AGAIN_MS.most);
      }
      await clock.pause(pauseMs * (1 - clock.random() / 2), signal);
    }
  }

  /** One stream, until it ends. `afterMs`: when the operator asks to be called again. */
  async #connect(
    signal: AbortSignal,
  ): Promise<{ readonly heard: boolean; readonly why: string; readonly afterMs?: number }> {
    const { address, program } = this.#options;
    const over = new AbortController();
    const outgoing = new Outgoing<Request>(over.signal);
    outgoing.say({ message: { case: 'hello', value: { program, heldVersion: this.#state.heldVersion } } });
    const watch = this.#watchSilence(over, signal);
    let heard = false;
    try {
      const headers = { authorization: `Bearer ${(await address.readToken()).trim()}` };
      const call: CallOptions = { headers, signal: AbortSignal.any([signal, over.signal]) };
      for await (const { message } of this.#client.follow(outgoing.speech(), call)) {
        watch.heard();
        if (!heard) {
          heard = true;
          this.#outgoing = outgoing;
          this.#saidHealth = undefined;
          this.#sayHealth();
          this.#limits?.open((sentence) => outgoing.say({ message: sentence }));
          this.#approvals?.open((sentence) => outgoing.say({ message: sentence }));
        }
        if (message.case === 'goAway') {
          return { heard, why: message.value.reason, afterMs: Math.max(message.value.afterMilliseconds, 100) };
        }
        await this.#hear(message);
      }
      return { heard, why: 'the stream ended' };
    } catch (error) {
      return { heard, why: over.signal.aborted ? 'the operator was silent' : ConnectError.from(error).message };
    } finally {
      this.#outgoing = undefined;
      this.#approvals?.close();
      this.#limits?.close();
      over.abort();
    }
  }

  #watchSilence(over: AbortController, signal: AbortSignal): { readonly heard: () => void } {
    const { clock } = this.#options;
    let heardMs = clock.monotonicMs();
    void (async () => {
      const until = AbortSignal.any([signal, over.signal]);
      while (!until.aborted) {
        const leftMs = heardMs + SILENCE_MS - clock.monotonicMs();
        if (leftMs <= 0) return over.abort();
        await clock.pause(leftMs, until);
      }
    })();
    return {
      heard: () => {
        heardMs = clock.monotonicMs();
      },
    };
  }

  async #hear(message: Exclude<FollowResponse['message'], { case: 'goAway' }>): Promise<void> {
    switch (message.case) {
      case 'welcome':
        await this.#handle(welcomed(message.value));
        return;
      case 'snapshot': {
        const { version, nonce, content } = message.value;
        const read = readContent(content, version);
        const event: ControlEvent = read.ok
          ? { kind: 'Offered', content: read.value, nonce }
          : { kind: 'Unreadable', version, nonce, fault: read.fault };
        await this.#handle(event);
        return;
      }
      case 'keepAlive':
      case undefined:
        await this.#handle({ kind: 'Heard' });
        this.#note();
        return;
      case 'vote':
        await this.#handle({ kind: 'Heard' });
        this.#approvals?.vote(message.value);
        return;
      case 'turnedAway':
        await this.#handle({ kind: 'Heard' });
        this.#approvals?.turnAway(message.value);
        return;
      case 'allowance':
        this.#limits?.allowance(message.value);
        return this.#handle({ kind: 'Heard' });
      case 'recall':
        this.#limits?.recall(message.value);
        return this.#handle({ kind: 'Heard' });
      default:
        assertNever(message);
    }
  }

  #handle(event: ControlEvent): Promise<void> {
    this.#handling = this.#handling.then(() => this.#take(event));
    return this.#handling;
  }

  async #take(event: ControlEvent): Promise<void> {
    for (const step of this.#state.handle(event, this.#options.clock.monotonicMs())) await this.#act(step);
  }

  async #act(step: ControlStep): Promise<void> {
    switch (step.kind) {
      case 'Apply': {
        const applied = await this.#options.apply(step.snapshot);
        await this.#take({ kind: 'Applied', step, faults: faultsOf(applied) });
        return;
      }
      case 'Answer':
        this.#answer(step.version, step.nonce, step.faults);
        return;
      case 'Keep':
        this.#kept = step.kept;
        await this.#write(step.kept);
        return;
      case 'Phase':
        this.#options.log(step.phase === 'Current' ? 'Info' : 'Warning', 'the rules of this gate', {
          phase: step.phase,
        });
        this.#options.phaseChanged(step.phase);
        return;
      default:
        assertNever(step);
    }
  }

  #answer(version: string, nonce: string, faults: readonly Fault[]): void {
    const texts = faults.map(({ code, message, where = '', mend = '' }) => ({ code, message, where, mend }));
    this.#outgoing?.say({
      message:
        faults.length === 0
          ? { case: 'ack', value: { version, nonce } }
          : { case: 'nack', value: { version, nonce, faults: texts } },
    });
  }

  /** A gate that is started again must know how long ago the operator was heard, not only that it once was. */
  #note(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#kept === undefined || nowMs - this.#notedMs < NOTE_MS) return;
    this.#notedMs = nowMs;
    void this.#write(this.#kept);
  }

  async #write(kept: KeptConfiguration): Promise<void> {
    const { clock, log } = this.#options;
    const fault = await this.#options.kept.write(kept, clock.nowMs());
    if (fault !== undefined) log('Warning', 'the last rules cannot be kept for a restart', { why: fault });
  }
}

function welcomed(welcome: Welcome): ControlEvent {
  const { namespace, pod, podUid, subject, groups, staleAfterSeconds, failClosedAfterSeconds } = welcome;
  return {
    kind: 'Welcomed',
    workload: { issuer: 'kubernetes', subject, groups, pod: { namespace, name: pod, uid: podUid } },
    terms: { staleAfterMs: staleAfterSeconds * 1_000, failClosedAfterMs: failClosedAfterSeconds * 1_000 },
  };
}

function faultsOf(answer: FromGate): readonly Fault[] {
  if (answer.kind === 'Ack') return [];
  if (answer.kind === 'Nack' && answer.faults.length > 0) return answer.faults;
  return [{ code: 'NotApplied', message: 'The gate did not take the snapshot.' }];
}
