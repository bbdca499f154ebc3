import type { DatabaseSync } from 'node:sqlite';
import type { OpenedChunk } from '@sidegate/session';
import type { Clock } from './clock.ts';
import type { Evidence } from './evidence.ts';
import type { AlarmTable } from './index/alarm-table.ts';
import type { ChunkTable } from './index/chunk-table.ts';
import type { EventTable } from './index/event-table.ts';
import { transact } from './index/index-database.ts';
import { isOfTheIndex } from './index/index-error.ts';
import type { TailTable } from './index/tail-table.ts';
import { readStoredEvents } from './ingest/arrival.ts';
import { indexChunk, indexRefusal } from './ingest/intake.ts';
import { judgeChunk } from './ingest/judge.ts';
import type { SegmentLog, SegmentPlace } from './segments/segment-log.ts';
import { openStoredChunk } from './segments/stored-chunk.ts';

export interface RecoveryParts {
  readonly database: DatabaseSync;
  readonly segments: SegmentLog;
  readonly chunks: ChunkTable;
  readonly events: EventTable;
  readonly alarms: AlarmTable;
  readonly tails: TailTable;
  readonly evidence: Evidence;
  readonly nowUs: Clock;
}

/** What a start found beyond the index. */
export interface Recovery {
  /** Chunks that were on disk and not in the index, and are now. */
  readonly indexed: number;
  /** Bytes of writes that were cut short; they were never acked. */
  readonly tornBytes: number;
  readonly damaged: number;
}

interface Found {
  readonly place: SegmentPlace;
  readonly sessionId: string;
  readonly firstSequence: number;
}

/**
 * Brings the index up to what the segments hold. A process that was killed leaves at most chunks that are on disk and not indexed,
 * and one write that was cut short. The same work builds a whole index anew when its file is gone.
 */
export function recover(parts: RecoveryParts): Recovery {
  const found: Found[] = [];
  let tornBytes = 0;
  let damaged = 0;
  const examined = new Map<number, number>();
  for (const { segment, bytes: size } of parts.segments.segments) {
    const from = parts.chunks.examinedBytes(segment);
    if (from >= size) continue;
    const looked = parts.segments.examine(segment, from);
    examined.set(segment, looked.bytes);
    tornBytes += looked.tornBytes;
    damaged += looked.damaged.length;
    for (const place of looked.damaged) raiseDamaged(parts, place);
    for (const place of looked.frames) {
      const opened = openStoredChunk(parts.segments, place);
      if (opened.ok)
        found.push({ place, sessionId: opened.value.sessionId, firstSequence: opened.value.firstSequence });
      else raiseDamaged(parts, place);
    }
  }
  // Retention moves chunks to later segments, so the order of the files is not the order of events.
  const ordered = found.toSorted((a, b) => compare(a.sessionId, b.sessionId) || a.firstSequence - b.firstSequence);
  let indexed = 0;
  for (const { place } of ordered) if (takeIn(parts, place)) indexed += 1;
  transact(parts.database, () => {
    for (const [segment, size] of examined) parts.chunks.markExamined(segment, size);
    parts.tails.heardAll(parts.nowUs());
  });
  return { indexed, tornBytes, damaged };
}

/** Indexes one chunk if it goes on where its session's record ends. Repeats are left where they are. */
function takeIn(parts: RecoveryParts, place: SegmentPlace): boolean {
  const { chunks, database } = parts;
  const opened = openStoredChunk(parts.segments, place);
  if (!opened.ok) return false;
  const chunk = opened.value;
  const head = chunks.head(chunk.sessionId);
  if (head === undefined && chunks.droppedHead(chunk.sessionId) !== undefined) return false;
  const covering = (first: number, last: number) => chunks.covering(chunk.sessionId, first, last);
  const judgement = judgeChunk(chunk, {
    head,
    hashOf: (first, last) => covering(first, last).find((held) => held.firstSequence === first)?.sha256,
    events: (first, last) => readStoredEvents(parts.segments, covering(first, last), first, last),
  });
  if (judgement.kind === 'Gap') raiseGap(parts, chunk.sessionId, head?.lastSequence ?? 0);
  if (judgement.kind !== 'Next') return false;
  try {
    transact(database, () => indexChunk(parts, chunk, place, parts.nowUs()));
    return true;
  } catch (error) {
    if (isOfTheIndex(error)) throw error;
    // It was refused when it came, or would have been; the others are not to suffer for it.
    raiseInvalid(parts, chunk, place, indexRefusal(error));
    return false;
  }
}

/** What stands before it was damaged or is gone. It stays on disk, and no reader comes to it. */
function raiseGap({ alarms, nowUs }: RecoveryParts, sessionId: string, sequence: number): void {
  const text = `What comes after event ${sequence} cannot be read, so the index has nothing of the session from there on.`;
  alarms.raise({ atUs: nowUs(), kind: 'Gap', sessionId, sequence, text, evidence: '' });
}

function raiseInvalid(parts: RecoveryParts, chunk: OpenedChunk, place: SegmentPlace, text: string): void {
  const { sessionId, firstSequence: sequence } = chunk;
  const bytes = parts.segments.read(place);
  const evidence = bytes.ok ? parts.evidence.keep('Invalid', sessionId, sequence, bytes.value) : '';
  parts.alarms.raise({ atUs: parts.nowUs(), kind: 'Invalid', sessionId, sequence, text, evidence });
}

function raiseDamaged({ alarms, nowUs }: RecoveryParts, place: SegmentPlace): void {
  const text = `Segment ${place.segment} is damaged at byte ${place.offset}.`;
  alarms.raise({ atUs: nowUs(), kind: 'Damaged', sessionId: '', sequence: 0, text, evidence: '' });
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
