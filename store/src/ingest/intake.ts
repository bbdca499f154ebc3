import type { DatabaseSync } from 'node:sqlite';
import { isSessionId, isSessionOfPod, type OpenedChunk } from '@sidegate/session';
import type { Clock } from '../clock.ts';
import type { Evidence } from '../evidence.ts';
import type { AlarmKind, AlarmTable } from '../index/alarm-table.ts';
import type { ChunkTable, Head } from '../index/chunk-table.ts';
import type { EventTable } from '../index/event-table.ts';
import { transact } from '../index/index-database.ts';
import { isOfTheIndex } from '../index/index-error.ts';
import type { TailTable } from '../index/tail-table.ts';
import type { StoreMetrics } from '../metrics.ts';
import { FRAME_HEADER_BYTES } from '../segments/frame.ts';
import type { SegmentLog, SegmentPlace } from '../segments/segment-log.ts';
import { openArrival, readStoredEvents } from './arrival.ts';
import type { AttestedPod } from './caller.ts';
import { foreignTo } from './foreign.ts';
import { type Judgement, judgeChunk } from './judge.ts';

/** A chunk as a gate sends it. */
export interface Offer {
  readonly sessionId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sha256: Uint8Array;
  /** An encoded chunk; empty: the gate asks where the session stands. */
  readonly chunk: Uint8Array;
  /** The pod whose gate sends it; undefined on one machine, where all gates are trusted alike. */
  readonly pod?: AttestedPod;
}

/** What became of an offer. The fields tell where the session's record ends now. */
export interface Verdict {
  readonly kind: 'Stored' | 'Duplicate' | 'Fork' | 'Gap' | 'PushBack' | 'Position' | 'Recut' | 'Invalid' | 'Foreign';
  readonly lastSequence: number;
  readonly lastSha256: Uint8Array;
  readonly message: string;
  /** Nothing can follow; undefined: the store has nothing of the session. */
  readonly ended?: boolean;
}

/** What the intake works with. */
export interface IntakeParts {
  readonly database: DatabaseSync;
  readonly segments: SegmentLog;
  readonly chunks: ChunkTable;
  readonly events: EventTable;
  readonly alarms: AlarmTable;
  readonly tails: TailTable;
  readonly evidence: Evidence;
  readonly metrics: StoreMetrics;
  readonly nowUs: Clock;
  /** Why nothing more can be taken now; undefined: there is room for `bytes`. */
  readonly refusal: (bytes: number) => string | undefined;
  /** Called after each commit that stored something. */
  readonly stored: () => void;
  /** Told what should not happen: the index cannot be written, or cannot hold a chunk. */
  readonly report: (error: unknown) => void;
}

/** One fsync and one commit carry at most this much: as sent, and as it is in memory meanwhile, for a chunk may unpack to ten thousand times its size. */
const BATCH_OFFERS_MAX = 512;
const BATCH_BYTES_MAX = 32 * 1024 * 1024;

/** About what an event takes in memory beside its bytes. */
const EVENT_BYTES = 256;

/** So many alarms name a session that the store has nothing of; later ones name none. Made-up names must not fill the index. */
const STRANGERS_MAX = 1000;

interface Waiting {
  readonly offer: Offer;
  readonly settle: (verdict: Verdict) => void;
}

interface Accepted {
  readonly waiting: Waiting;
  readonly chunk: OpenedChunk;
}

type Judged =
  | { readonly kind: 'Verdict'; readonly verdict: Verdict }
  | { readonly kind: 'Accepted'; readonly chunk: OpenedChunk }
  | { readonly kind: 'Later' };

/**
 * Takes chunks in. All offers that wait while one group is being written go into the next group: one write, one fsync, one commit.
 * An offer is answered `Stored` only after both.
 */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #waiting: Waiting[] = [];
  /** Alarms with sessions that the store has nothing of. */
  #strangers = 0;
  #running: Promise<void> | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Settles with the verdict once it is final. */
  offer(offer: Offer): Promise<Verdict> {
    return new Promise((settle) => {
      this.#waiting.push({ offer, settle });
      this.#running ??= this.#run();
    });
  }

  /** Settles when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Let the offers of this turn of the event loop gather.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#group();
    this.#running = undefined;
  }

  async #group(): Promise<void> {
    const accepted: Accepted[] = [];
    const heads = new Map<string, Head>();
    let bytes = 0;
    let passed = 0;
    let held = 0;
    try {
      while (accepted.length < BATCH_OFFERS_MAX && bytes < BATCH_BYTES_MAX && held < BATCH_BYTES_MAX) {
        const waiting = this.#waiting[0];
        if (waiting === undefined) break;
        const judged = this.#judgeAlone(waiting.offer, heads, bytes);
        // What does not simply follow a chunk of this very group is judged again when that chunk is stored.
        if (judged.kind === 'Later') break;
        this.#waiting.shift();
        if (judged.kind === 'Verdict') {
          passed += waiting.offer.chunk.length;
          waiting.settle(judged.verdict);
          continue;
        }
        const { chunk } = judged;
        heads.set(chunk.sessionId, headAfter(chunk));
        accepted.push({ waiting, chunk });
        bytes += waiting.offer.chunk.length;
        passed += chunk.payloadBytes;
        held += chunk.payloadBytes + chunk.events.length * EVENT_BYTES;
      }
      if (accepted.length > 0) await this.#store(accepted);
      this.#parts.segments.passed(passed);
    } catch (error) {
      // The index failed (its disk is full, say). Nothing of this was acked; the gates keep it and send it again.
      this.#parts.report(error);
      this.#parts.metrics.writeFailures.inc();
      const unanswered = [...accepted.map(({ waiting }) => waiting), ...this.#waiting.splice(0)];
      for (const { settle } of unanswered) settle(this.#verdict('PushBack', undefined, 'The index cannot be written.'));
    }
  }

  /** What goes wrong with one offer alone is its own affair. */
  #judgeAlone(offer: Offer, pending: ReadonlyMap<string, Head>, groupBytes: number): Judged {
    try {
      return this.#judge(offer, pending, groupBytes);
    } catch (error) {
      return { kind: 'Verdict', verdict: this.#refuseBad(offer, error) };
    }
  }

  /** Refuses what the index cannot hold, and throws on when no other would fare better: then the alarm cannot be written either. */
  #refuseBad(offer: Offer, error: unknown): Verdict {
    if (isOfTheIndex(error)) throw error;
    const message = indexRefusal(error);
    this.#alarm('Invalid', offer, message);
    this.#parts.report(error);
    // Where the session stands is not told: it may not be the caller's.
    return this.#verdict('Invalid', undefined, message);
  }

  #judge(offer: Offer, pending: ReadonlyMap<string, Head>, groupBytes: number): Judged {
    const { chunks } = this.#parts;
    const asksOnly = offer.sessionId === '' && offer.chunk.length === 0;
    if (!asksOnly && !isSessionId(offer.sessionId)) return this.#refuseName(offer);
    if (offer.pod !== undefined && !asksOnly && !isSessionOfPod(offer.sessionId, offer.pod.uid))
      return this.#refuseForeign(offer, offer.pod, 'It speaks for a session of another pod.');
    const head = pending.get(offer.sessionId) ?? chunks.head(offer.sessionId);
    const answer = (kind: Verdict['kind'], message: string): Judged => ({
      kind: 'Verdict',
      verdict: this.#verdict(kind, head ?? chunks.droppedHead(offer.sessionId), message),
    });
    if (offer.chunk.length === 0) {
      return pending.has(offer.sessionId) ? { kind: 'Later' } : answer('Position', '');
    }
    const opened = openArrival(offer);
    if (!opened.ok) {
      this.#alarm('Invalid', offer, opened.fault.message);
      return answer('Invalid', opened.fault.message);
    }
    const chunk = opened.value;
    const foreign = offer.pod === undefined ? undefined : foreignTo(offer.pod, chunk);
    if (offer.pod !== undefined && foreign !== undefined) return this.#refuseForeign(offer, offer.pod, foreign);
    const dropped = head === undefined ? chunks.droppedHead(offer.sessionId) : undefined;
    if (dropped !== undefined) return answer(...this.#judgeDropped(chunk, dropped, offer));
    const judgement = judgeChunk(chunk, this.#holdings(chunk.sessionId, head));
    if (judgement.kind !== 'Next' && pending.has(chunk.sessionId)) return { kind: 'Later' };
    if (judgement.kind !== 'Next') return answer(judgement.kind, this.#tell(judgement, offer, head));
    const refusal = this.#parts.refusal(groupBytes + offer.chunk.length);
    if (refusal !== undefined) return answer('PushBack', refusal);
    return { kind: 'Accepted', chunk };
  }

  /** No alarm stands with such a name, which could be of any length and is shown to people. */
  #refuseName(offer: Offer): Judged {
    const message = 'No session of a gate is named like this.';
    this.#alarm('Invalid', { ...offer, sessionId: '', firstSequence: 0 }, message);
    return { kind: 'Verdict', verdict: this.#verdict('Invalid', undefined, message) };
  }

  /** Where the session stands is not told: it is not the caller's. */
  #refuseForeign(offer: Offer, pod: AttestedPod, reason: string): Judged {
    const { chunks, evidence } = this.#parts;
    const kept =
      offer.chunk.length === 0 ? '' : evidence.keep('Foreign', offer.sessionId, offer.firstSequence, offer.chunk);
    const text = `The gate of pod ${pod.namespace}/${pod.name} (${pod.uid}) was refused. ${reason}`;
    // An alarm stands with the session that it is about, as far as there is one: made-up names must not fill the index.
    const sessionId = chunks.head(offer.sessionId) === undefined ? '' : offer.sessionId;
    // One alarm for all that this pod sends so, so that it cannot use up the alarms that a session may have.
    this.#raise('Foreign', { ...offer, sessionId }, 0, text, kept);
    return { kind: 'Verdict', verdict: this.#verdict('Foreign', undefined, reason) };
  }

  #holdings(sessionId: string, head: Head | undefined): Parameters<typeof judgeChunk>[1] {
    const { chunks, segments } = this.#parts;
    return {
      head,
      hashOf: (first, last) =>
        chunks
          .covering(sessionId, first, last)
          .find((held) => held.firstSequence === first && held.lastSequence === last)?.sha256,
      events: (first, last) => readStoredEvents(segments, chunks.covering(sessionId, first, last), first, last),
    };
  }

  #judgeDropped(chunk: OpenedChunk, dropped: Head, offer: Offer): [Verdict['kind'], string] {
    if (chunk.lastSequence <= dropped.lastSequence) return ['Duplicate', 'Retention has taken this session away.'];
    const message = 'Retention has taken this session away; it cannot go on.';
    this.#alarm('Invalid', offer, message);
    return ['Invalid', message];
  }

  #tell(judgement: Exclude<Judgement, { kind: 'Next' }>, offer: Offer, head: Head | undefined): string {
    const next = (head?.lastSequence ?? 0) + 1;
    switch (judgement.kind) {
      case 'Duplicate':
        return '';
      case 'Recut':
        return `Cut again from event ${next} on.`;
      case 'Gap': {
        const message = `Events ${next} to ${offer.firstSequence - 1} are missing.`;
        this.#raise('Gap', offer, offer.firstSequence - 1, message, '');
        return message;
      }
      case 'Fork':
      case 'Invalid':
        this.#alarm(judgement.kind, offer, judgement.reason);
        return judgement.reason;
      default:
        return judgement satisfies never;
    }
  }

  /** Keeps the newcomer aside and raises an alarm that names it. */
  #alarm(kind: AlarmKind, offer: Offer, text: string): void {
    const evidence = this.#parts.evidence.keep(kind, offer.sessionId, offer.firstSequence, offer.chunk);
    this.#raise(kind, offer, offer.firstSequence, text, evidence);
  }

  #raise(kind: AlarmKind, offer: Offer, sequence: number, text: string, evidence: string): void {
    const { alarms, chunks, nowUs, metrics } = this.#parts;
    // A number that is announced may be one that no event can have.
    const known = Number.isSafeInteger(sequence) ? sequence : 0;
    const isStranger = chunks.head(offer.sessionId) === undefined;
    const sessionId = isStranger && this.#strangers >= STRANGERS_MAX ? '' : offer.sessionId;
    const raised = alarms.raise({ atUs: nowUs(), kind, sessionId, sequence: known, text, evidence });
    if (!raised) return;
    metrics.alarms.inc({ kind });
    if (isStranger) this.#strangers += 1;
  }

  /** Takes from `accepted` what is answered. */
  async #store(accepted: Accepted[]): Promise<void> {
    const { segments, metrics, stored } = this.#parts;
    const written = await segments.append(accepted.map(({ waiting }) => waiting.offer.chunk));
    if (!written.ok) {
      metrics.writeFailures.inc();
      for (const { waiting } of accepted.splice(0)) {
        const head = this.#parts.chunks.head(waiting.offer.sessionId);
        waiting.settle(this.#verdict('PushBack', head, written.fault.message));
      }
      return;
    }
    const places = [...written.value];
    try {
      this.#index(accepted, places);
    } catch (error) {
      if (isOfTheIndex(error)) throw error;
      // One that the index cannot hold takes the others of its commit with it: now each gets a commit of its own.
      while (accepted.length > 0) this.#indexAlone(accepted, places);
    }
    stored();
  }

  /** Indexes the first of what is left, and answers it. */
  #indexAlone(accepted: Accepted[], places: SegmentPlace[]): void {
    const first = accepted.slice(0, 1);
    try {
      this.#index(first, places);
    } catch (error) {
      for (const { waiting } of first) waiting.settle(this.#refuseBad(waiting.offer, error));
    }
    accepted.shift();
    places.shift();
  }

  /** Indexes in one commit what is on disk at `places`, and answers it: takes it from `accepted`. A throw leaves all as it was. */
  #index(accepted: Accepted[], places: readonly SegmentPlace[]): void {
    const { database, metrics, nowUs, chunks } = this.#parts;
    const lost = new Set<Accepted>();
    const index = (): void => {
      for (const [position, one] of accepted.entries()) {
        const place = places[position];
        if (place === undefined) throw new Error('a chunk was written nowhere');
        // Retention may have taken the session away while the disk was busy.
        const lastSequence = chunks.head(one.chunk.sessionId)?.lastSequence ?? 0;
        if (one.chunk.firstSequence === lastSequence + 1) indexChunk(this.#parts, one.chunk, place, nowUs());
        else lost.add(one);
      }
    };
    // The chunks are on disk, and the index follows from them.
    transact(database, index, 'Rebuildable');
    for (const one of accepted.splice(0)) {
      const { waiting, chunk } = one;
      if (lost.has(one)) {
        waiting.settle(this.#verdict('PushBack', chunks.head(chunk.sessionId), 'The session changed meanwhile.'));
        continue;
      }
      metrics.bytes.inc(waiting.offer.chunk.length);
      waiting.settle(this.#verdict('Stored', headAfter(chunk), ''));
    }
  }

  #verdict(kind: Verdict['kind'], head: Head | undefined, message: string): Verdict {
    if (kind !== 'Position') this.#parts.metrics.chunks.inc({ status: kind });
    return {
      kind,
      lastSequence: head?.lastSequence ?? 0,
      lastSha256: head?.lastSha256 ?? new Uint8Array(),
      message,
      ...(head === undefined ? {} : { ended: head.ended }),
    };
  }
}

function headAfter(chunk: OpenedChunk): Head {
  return { lastSequence: chunk.lastSequence, lastSha256: chunk.sha256, ended: chunk.closes };
}

/** Why a chunk is refused that is on disk and cannot be indexed. */
export function indexRefusal(error: unknown): string {
  return `The index cannot hold it: ${error instanceof Error ? error.message : String(error)}.`;
}

/** Writes a chunk that is on disk into the index. Runs inside the caller's transaction. */
export function indexChunk(
  parts: Pick<IntakeParts, 'chunks' | 'events' | 'alarms' | 'tails'>,
  chunk: OpenedChunk,
  place: SegmentPlace,
  nowUs: number,
): void {
  let lastEventUs = 0;
  parts.events.apply(chunk.sessionId, chunk.events, nowUs);
  for (const { event } of chunk.events) lastEventUs = Math.max(lastEventUs, event.atUs);
  parts.chunks.add({ ...chunk, place }, lastEventUs, nowUs);
  parts.chunks.markExamined(place.segment, place.offset + FRAME_HEADER_BYTES + place.length);
  parts.alarms.resolve(chunk.sessionId, 'Gap', chunk.lastSequence, nowUs);
  if (parts.tails.reopen(chunk.sessionId))
    parts.alarms.resolve(chunk.sessionId, 'TailUnknown', chunk.lastSequence, nowUs);
}
