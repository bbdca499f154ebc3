import type { Fault, Result } from '@sidegate/crds';
import { type OpenedChunk, openChunk } from '@sidegate/session';
import type { SegmentLog, SegmentPlace } from './segment-log.ts';

/** Where chunks are read from. */
export interface ChunkSource {
  readonly segments: SegmentLog;
  /** So many bytes were read: whoever collects the garbage of their buffers is told. */
  passed(bytes: number): void;
}

/** The chunk that stands at `place`, opened. Faults: Damaged, and those of `openChunk`. */
export function openStoredChunk(source: ChunkSource, place: SegmentPlace): Result<OpenedChunk, Fault> {
  const bytes = source.segments.read(place);
  if (!bytes.ok) return bytes;
  const opened = openChunk(bytes.value);
  source.passed(opened.ok ? opened.value.payloadBytes : bytes.value.length);
  return opened;
}
