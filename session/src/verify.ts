import { type OpenedChunk, openChunk } from './chunk.ts';

/** What a session's chunks say about the whole. Sequence numbers are of events. */
export type Verification =
  /** From Opened to Closed, nothing missing, changed or moved. */
  | { readonly kind: 'Complete'; readonly lastSequence: number; readonly lastSha256: Uint8Array }
  /** The same up to here, but no Closed: the session runs, or its tail is unknown, or its end was cut off. */
  | { readonly kind: 'Open'; readonly lastSequence: number; readonly lastSha256: Uint8Array }
  /** Events are missing from `from` to `to`; what stands before them holds. */
  | { readonly kind: 'Gap'; readonly from: number; readonly to: number }
  /** What stands at `sequence` was changed, reordered, replaced or cannot be read; what stands before it holds. */
  | { readonly kind: 'Broken'; readonly sequence: number; readonly reason: string }
  /** No chunks at all. */
  | { readonly kind: 'Empty' };

/** Checks one session, chunk by chunk, in memory for no more than one chunk. */
export class SessionVerifier {
  readonly #sessionId: string | undefined;
  #last: OpenedChunk | undefined;
  #verdict: Verification | undefined;

  /** `sessionId`: what the chunks must belong to; undefined: whatever the first one names. */
  constructor(sessionId?: string) {
    this.#sessionId = sessionId;
  }

  /** Takes the next chunk, in the order in which they are kept. Returns it opened, or undefined once anything is wrong. */
  add(bytes: Uint8Array): OpenedChunk | undefined {
    if (this.#verdict !== undefined) return undefined;
    const sequence = (this.#last?.lastSequence ?? 0) + 1;
    const opened = openChunk(bytes);
    if (!opened.ok) {
      this.#verdict = { kind: 'Broken', sequence, reason: opened.fault.message };
      return undefined;
    }
    this.#verdict = this.#judge(opened.value, sequence);
    if (this.#verdict !== undefined) return undefined;
    this.#last = opened.value;
    return opened.value;
  }

  /** What holds of all that was added. */
  verdict(): Verification {
    if (this.#verdict !== undefined) return this.#verdict;
    if (this.#last === undefined) return { kind: 'Empty' };
    const { lastSequence, sha256, closes } = this.#last;
    return { kind: closes ? 'Complete' : 'Open', lastSequence, lastSha256: sha256 };
  }

  #judge(chunk: OpenedChunk, sequence: number): Verification | undefined {
    const broken = (reason: string): Verification => ({ kind: 'Broken', sequence, reason });
    const sessionId = this.#last?.sessionId ?? this.#sessionId;
    if (sessionId !== undefined && chunk.sessionId !== sessionId) {
      return broken(`The chunk belongs to session ${chunk.sessionId}.`);
    }
    if (chunk.firstSequence > sequence) return { kind: 'Gap', from: sequence, to: chunk.firstSequence - 1 };
    if (chunk.firstSequence < sequence) {
      return broken(
        `The chunk begins at event ${chunk.firstSequence} again: it was repeated, moved, or the record forks.`,
      );
    }
    if (this.#last?.closes === true) return broken('The session was closed before this chunk.');
    if (chunk.opens !== (sequence === 1)) return broken('Opened does not stand at the beginning.');
    if (Buffer.compare(chunk.previousSha256 ?? Buffer.alloc(0), this.#last?.sha256 ?? Buffer.alloc(0)) !== 0) {
      return broken('The chunk names another chunk before it than the one that stands there.');
    }
    if (chunk.events.slice(0, -1).some(({ event }) => event.kind === 'Closed')) {
      return broken('Closed stands before the end.');
    }
    return undefined;
  }
}

/**
 * Checks a session's chunks, given in the order in which they are kept. Finds what was changed, cut out, reordered, deleted or
 * forked; what it cannot find is a whole tail cut off (`Open`), and a record that was made anew from its beginning: both need a hash kept elsewhere.
 */
export function verifySession(chunks: Iterable<Uint8Array>, sessionId?: string): Verification {
  const verifier = new SessionVerifier(sessionId);
  for (const chunk of chunks) verifier.add(chunk);
  return verifier.verdict();
}
