import type { Fault, Result } from '@sidegate/crds';
import { type OpenedChunk, openChunk } from '@sidegate/session';
import type { SegmentLog, SegmentPlace } from './segment-log.ts';

/** The chunk that stands at `place`, opened. Faults: Damaged, and those of `openChunk`. */
export function openStoredChunk(segments: SegmentLog, place: SegmentPlace): Result<OpenedChunk, Fault> {
  const bytes = segments.read(place);
  if (!bytes.ok) return bytes;
  const opened = openChunk(bytes.value);
  if (opened.ok) segments.passed(opened.value.payloadBytes);
  return opened;
}
