import { assertNever, BackOff } from '@sidegate/crds';
import { UploadResponse_Status as Status, type UploadRequest, type UploadResponse } from '@sidegate/session/store';
import { listSegments } from '../spool/recovery.ts';
import { FLAG, segmentName } from '../spool/segment.ts';
import { Aside } from './aside.ts';
import { KnownSessions } from './known-sessions.ts';
import type { FromUplink } from './messages.ts';
import { questionOf, requestOf } from './requests.ts';
import { SegmentFeed } from './segment-feed.ts';
import { type DeletedSegment, SegmentRetention } from './segment-retention.ts';
import { type ReadEvent, SessionQueue } from './session-queue.ts';
import { StoreLink } from './store-link.ts';
import { Stranded } from './stranded.ts';
import type { UplinkParts } from './uplink-parts.ts';

/**
 * While there was something to read within `AWAKE_MS`, the uplink looks again by itself every `LOOK_MS`: waking a thread costs the
 * thread that wakes, and that one stands in the way of commands. A chunk costs gate and store as much as a hundred of the commands in it, so
 * after a look at more than `BUSY_EVENTS` the next one comes later.
 */
const AWAKE_MS = 75;
const LOOK_MS = 50;
const LOOK_MS_BUSY = 200;
const BUSY_EVENTS = 1000;

/** Something on the stream. A presence is a question whose answer changes nothing. */
interface Sent {
  readonly queue: SessionQueue;
  readonly what: 'Chunk' | 'Position' | 'Presence';
}

/**
 * Takes the spool to the store: reads what is written, groups it by session, cuts and chains chunks, sends them, and deletes a segment
 * when the store has all of it. Whatever moment the process is killed at, the next one reads all segments that are left and sends
 * again what was not acknowledged, in the same chunks: the store finds duplicates, never two stories.
 */
export class Uplink {
  readonly #parts: UplinkParts;
  #feed: SegmentFeed;
  readonly #retention: SegmentRetention;
  readonly #aside: Aside;
  readonly #link: StoreLink;
  readonly #pushBack: BackOff;
  readonly #known: KnownSessions;
  readonly #stranded: Stranded;
  /** A session that no gate has: the question about it only asks whether the store answers. */
  readonly #nobody: SessionQueue;
  /** Sessions with events that are not acknowledged. */
  readonly #pending = new Set<SessionQueue>();
  /** What is on the stream, in the order of its answers. */
  #sent: Sent[] = [];
  #draining = false;
  #caughtUp = false;
  /** The next look is set, and what is written until then gathers. */
  #looking = false;
  #lookMs = LOOK_MS;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = 0;
  #reached: boolean | undefined;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Throws when the folder cannot be read. */
  constructor(parts: UplinkParts) {
    const { folder, limits, journal, random } = parts;
    this.#parts = parts;
    this.#nobody = new SessionQueue('', '', parts.memory);
    this.#feed = new SegmentFeed(folder, parts.end, parts.files);
    this.#aside = new Aside(folder, limits.asideBytesMax);
    this.#known = new KnownSessions(journal, parts.memory, listSegments(folder));
    this.#retention = new SegmentRetention(
      folder,
      () => journal.sync(),
      (segment) => this.#segmentDeleted(segment),
    );
    const { pauseMsMin, pauseMsMax, againMsMin, againMsMax, ackWaitMs } = limits;
    this.#stranded = new Stranded(new BackOff(againMsMin, againMsMax, random));
    this.#pushBack = new BackOff(pauseMsMin, pauseMsMax, random);
    const events = {
      opened: () => this.#opened(),
      answered: (response: UploadResponse) => this.#answered(response),
      lost: (reason: string | undefined) => this.#lost(reason),
    };
    this.#link = new StoreLink(parts.open, events, new BackOff(pauseMsMin, pauseMsMax, random), ackWaitMs);
  }

  /** Settles after `stop`. */
  async run(): Promise<void> {
    this.wake();
    await this.#link.run();
  }

  /** Something was written. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#turn();
    });
  }

  /** Send everything without waiting for more of it, and say Drained when the store has it. */
  drain(): void {
    this.#draining = true;
    this.#stranded.hurry();
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#link.stop();
    this.#feed.close();
  }

  #turn(): void {
    if (this.#caughtUp && this.#stranded.againMs <= this.#parts.nowMs()) this.#readAgain();
    const caughtUp = this.#read();
    this.#caughtUp = caughtUp;
    if (caughtUp) this.#stranded.end();
    let nextMs = this.#send(!caughtUp || this.#draining);
    const now = this.#parts.nowMs();
    if (this.#looking) nextMs = Math.min(nextMs, now + this.#lookMs);
    if (caughtUp) nextMs = Math.min(nextMs, this.#stranded.againMs);
    if (caughtUp && this.#draining && this.#pending.size === 0 && !this.#stranded.hasSegments) {
      this.#draining = false;
      this.#parts.tell({ kind: 'Drained' });
    }
    // A turn that read what the store has already may leave nothing on its way, whose answer would be the next turn.
    if (!caughtUp && this.#pendingBytes() < this.#parts.limits.memoryBytesMax) this.wake();
    clearTimeout(this.#timer);
    if (nextMs < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.wake(), Math.max(0, nextMs - now));
    }
  }

  /** What was left in the spool may go now. */
  #readAgain(): void {
    const { folder, end, files } = this.#parts;
    for (const segment of this.#stranded.begin(listSegments(folder)))
      this.#notice({ kind: 'SegmentReadable', segment });
    this.#aside.measure();
    for (const queue of this.#pending) queue.takeUp();
    this.#feed.close();
    this.#feed = new SegmentFeed(folder, end, files);
  }

  /** Reads until everything is read, or as much as memory takes; true when everything is read. */
  #read(): boolean {
    const { limits, sleep, passed, nowMs } = this.#parts;
    const now = nowMs();
    let bytes = this.#pendingBytes();
    let events = 0;
    this.#looking = false;
    while (bytes < limits.memoryBytesMax) {
      const entry = this.#feed.next();
      if (entry === undefined) {
        this.#lookMs = events > BUSY_EVENTS ? LOOK_MS_BUSY : LOOK_MS;
        // Decided once: it either looks again by itself or has asked to be woken.
        this.#looking = now - this.#readAtMs < AWAKE_MS;
        if (this.#looking || sleep(this.#feed.seen)) return true;
        continue;
      }
      this.#readAtMs = now;
      events += 1;
      switch (entry.kind) {
        case 'Session':
          this.#retention.appears(entry.segment, this.#known.of(entry.sessionId, entry.gateId, entry.segment));
          break;
        case 'Event':
          bytes += entry.event.length;
          passed(entry.event.length);
          this.#take(entry.segment, this.#known.of(entry.sessionId, ''), entry, now);
          break;
        case 'End':
          this.#segmentEnded(entry.segment, entry.bytes, entry.lostBytes);
          break;
        case 'Unreadable':
          this.#segmentUnreadable(entry.segment, entry.reason);
          break;
        default:
          assertNever(entry);
      }
    }
    return false;
  }

  #take(segment: number, queue: SessionQueue, event: ReadEvent, nowMs: number): void {
    const { sequence, flags } = event;
    if ((flags & FLAG.Opens) !== 0) queue.openedIn = segment;
    if (!queue.add(event, nowMs)) {
      const { journal } = this.#parts;
      if (queue.finished && journal.sessions.get(queue.sessionId)?.closed !== true) journal.write(queue.progress());
      return;
    }
    this.#retention.needs(segment, queue, sequence);
    this.#pending.add(queue);
  }

  /** It stays, and nobody hears that all is stored, until it was read. */
  #segmentUnreadable(segment: number, reason: string): void {
    this.#known.unreadable(segment);
    if (!this.#stranded.addSegment(segment, this.#parts.nowMs())) return;
    this.#notice({ kind: 'SegmentUnreadable', segment, reason });
  }

  #segmentEnded(segment: number, bytes: number, lostBytes: number): void {
    if (this.#stranded.removeSegment(segment)) this.#notice({ kind: 'SegmentReadable', segment });
    if (this.#retention.hasEnded(segment)) return;
    if (lostBytes > 0) {
      this.#aside.keepSegment(this.#parts.folder, segmentName(segment), bytes);
      this.#notice({ kind: 'SegmentDamaged', segment, bytes: lostBytes });
    }
    this.#retention.ended(segment, bytes);
  }

  #segmentDeleted(segment: DeletedSegment): void {
    const { journal, tell } = this.#parts;
    this.#feed.deleted(segment.number);
    this.#known.deleted(segment);
    tell({ kind: 'Removed', bytes: segment.bytes });
    // A disk that was too full for the progress has room now, and nothing else tells any more what the segment held.
    journal.sync();
  }

  #pendingBytes(): number {
    let bytes = 0;
    for (const queue of this.#pending) bytes += queue.bytes;
    return bytes;
  }

  /** Cuts and sends what is due. Returns when the next chunk is due. */
  #send(atOnce: boolean): number {
    const { limits, nowMs } = this.#parts;
    const now = nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const queue of this.#pending) {
      if (queue.sent || queue.letGo) continue;
      if (queue.chunk === undefined && queue.positioned) {
        const dueMs = queue.dueMs(limits);
        if (dueMs > now && !(atOnce && dueMs < Number.POSITIVE_INFINITY)) {
          nextMs = Math.min(nextMs, dueMs);
          continue;
        }
      }
      if (queue.refused) {
        this.#setAside(queue);
        continue;
      }
      if (queue.positioned && this.#misses(queue)) continue;
      if (!this.#link.open || this.#link.unanswered >= limits.inFlightMax) continue;
      if (this.#pausedUntilMs > now) {
        nextMs = Math.min(nextMs, this.#pausedUntilMs);
        continue;
      }
      this.#sendNext(queue);
    }
    return nextMs;
  }

  /** What comes next of the session is where nothing can be read now: what follows it must wait in the spool. */
  #misses(queue: SessionQueue): boolean {
    const misses = queue.gapped && this.#stranded.hasSegments;
    if (misses) queue.letGoOfEvents();
    return misses;
  }

  #sendNext(queue: SessionQueue): void {
    if (queue.positioned && queue.chunk === undefined) {
      queue.cut(this.#parts.limits);
      // Written before it is sent: whoever comes after this process cuts the same chunk again.
      this.#parts.journal.write(queue.progress());
    }
    queue.sent = true;
    if (queue.positioned) this.#put({ queue, what: 'Chunk' }, requestOf(queue));
    else this.#put({ queue, what: 'Position' }, questionOf(queue));
  }

  #put(sent: Sent, request: UploadRequest): void {
    this.#sent.push(sent);
    this.#link.send(request);
  }

  #opened(): void {
    this.#sent = [];
    for (const queue of this.#pending) queue.sent = false;
    // A question about any open session tells the store that this gate is there, also when its agents are silent.
    for (const queue of this.#known.all) {
      if (queue.finished || queue.refused || queue.acked === 0) continue;
      this.#put({ queue, what: 'Presence' }, questionOf(queue));
      break;
    }
    // With no session to ask about, a question about none: its answer tells this gate that its records would arrive.
    if (this.#sent.length === 0) this.#put({ queue: this.#nobody, what: 'Presence' }, questionOf(this.#nobody));
    this.wake();
  }

  #lost(reason: string | undefined): void {
    this.#sent = [];
    for (const queue of this.#pending) queue.sent = false;
    if (reason === undefined || this.#reached === false) return;
    this.#notice({ kind: 'StoreLost', reason });
    this.#reached = false;
  }

  #answered(response: UploadResponse): void {
    // The folder may be another's by now.
    if (this.#stopped) return;
    const takes = response.status !== Status.PUSH_BACK;
    if (takes && !this.#reached) this.#notice({ kind: 'StoreReached' });
    this.#reached = takes || undefined;
    const sent = this.#sent.shift();
    if (sent?.queue.sessionId !== response.sessionId) throw new Error('The store answered what was not asked.');
    if (sent.what !== 'Presence') this.#settle(sent.queue, response);
    // While commands follow one another they gather until the next look: a chunk costs as much as the commands in it.
    if (!this.#looking || this.#draining) this.wake();
  }

  #settle(queue: SessionQueue, response: UploadResponse): void {
    const { status, message, lastSha256 } = response;
    const last = Number(response.lastSequence);
    const { chunk } = queue;
    switch (status) {
      case Status.STORED:
      case Status.DUPLICATE:
      case Status.RECUT:
        if (chunk === undefined || last < queue.acked) return this.#refuse(queue, 'The store gave up what it had.');
        this.#pushBack.reset();
        // The store may hold the same events cut otherwise: then its chain goes on, not ours.
        if (last <= chunk.lastSequence) return this.#acknowledge(queue, last, lastSha256);
        return this.#acknowledge(queue, chunk.lastSequence, chunk.sha256);
      case Status.POSITION:
        return this.#acknowledge(queue, last, lastSha256, response.ended);
      case Status.PUSH_BACK:
        queue.sent = false;
        this.#pausedUntilMs = this.#parts.nowMs() + this.#pushBack.next();
        return this.#notice({ kind: 'StorePushesBack', reason: message });
      case Status.FORK:
      case Status.GAP:
      case Status.INVALID:
        return this.#refuse(queue, message);
      case Status.UNSPECIFIED:
        throw new Error('The store gave no answer.');
      default:
        throw new Error('The store answered in a way that is newer than this gate.');
    }
  }

  #acknowledge(queue: SessionQueue, sequence: number, sha256: Uint8Array, ended?: boolean): void {
    const awaited = queue.acknowledge(sequence, sha256, ended);
    this.#parts.journal.write(queue.progress());
    // What was set aside is not stored, whoever waits for it.
    if (awaited && !queue.refused) {
      this.#parts.tell({ kind: 'Stored', sessionId: queue.sessionId, sequence });
      // The next of a row that somebody waits for follows at once.
      this.wake();
    }
    if (queue.empty) this.#pending.delete(queue);
    this.#retention.acknowledged(queue);
  }

  #refuse(queue: SessionQueue, reason: string): void {
    queue.refuse();
    this.#parts.journal.write(queue.progress());
    this.#parts.tell({ kind: 'Refused', sessionId: queue.sessionId, reason });
    this.#notice({ kind: 'SessionRefused', sessionId: queue.sessionId, reason });
  }

  /** A session that the store refused must not stand in the way of the others. */
  #setAside(queue: SessionQueue): void {
    while (!queue.empty && !this.#misses(queue)) {
      const chunk = queue.chunk ?? queue.cut(this.#parts.limits);
      if (!this.#aside.keep(queue.sessionId, chunk.bytes)) {
        // Its segments stay. The memory is for those whose records can go.
        this.#stranded.postpone(this.#parts.nowMs());
        if (this.#pendingBytes() >= this.#parts.limits.memoryBytesMax) queue.letGoOfEvents();
        return;
      }
      this.#acknowledge(queue, chunk.lastSequence, chunk.sha256);
    }
  }

  #notice(notice: Extract<FromUplink, { readonly kind: 'Notice' }>['notice']): void {
    this.#parts.tell({ kind: 'Notice', notice });
  }
}
