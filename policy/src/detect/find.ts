import type { DetectorName } from '@sidegate/crds';

/** A part of a text, in UTF-16 units, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a detector found, and where. */
export interface Find extends Span {
  readonly detector: DetectorName;
}

/**
 * Finds one kind of content. Reads each character a bounded number of times, whatever the text, and never throws. Spans come in
 * ascending order and do not overlap.
 */
export type Detector = (text: string) => readonly Span[];
