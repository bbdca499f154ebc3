import { setImmediate } from 'node:timers/promises';
import { SessionVerifier } from '@sidegate/session';
import type { Store } from '../store.ts';

/** What a check of one session's stored chunks found. */
export interface StoredVerification {
  readonly consistent: boolean;
  readonly closed: boolean;
  readonly tailUnknown: boolean;
  readonly chunks: number;
  readonly lastSequence: number;
  readonly lastSha256: Uint8Array;
  readonly faults: readonly string[];
}

/**
 * Reads a session's chunks from the segments again and checks hashes, chain and numbers, and that they end where the index says.
 * Undefined: retention took the session away meanwhile, or `signal` aborted.
 */
export async function verifyStored(
  store: Store,
  sessionId: string,
  signal: AbortSignal,
): Promise<StoredVerification | undefined> {
  const verifier = new SessionVerifier(sessionId);
  const faults: string[] = [];
  let chunks = 0;
  for (let next = 1; ; ) {
    const [row] = store.chunks.from(sessionId, next, 1);
    if (row === undefined) break;
    next = row.lastSequence + 1;
    chunks += 1;
    const bytes = store.segments.read(row.place);
    if (!bytes.ok) faults.push(`${bytes.fault.message} (${bytes.fault.where})`);
    else store.segments.passed(verifier.add(bytes.value)?.payloadBytes ?? 0);
    await setImmediate();
    if (signal.aborted) return undefined;
  }
  const session = store.query.session(sessionId);
  if (session === undefined) return undefined;
  const verdict = verifier.verdict();
  const { tailUnknown } = session;
  const found = { tailUnknown, chunks };
  switch (verdict.kind) {
    case 'Complete':
    case 'Open': {
      const { lastSequence, lastSha256 } = verdict;
      if (lastSequence < session.lastSequence) {
        faults.push(`Events ${lastSequence + 1} to ${session.lastSequence} are gone from the end.`);
      } else if (Buffer.compare(lastSha256, session.lastSha256) !== 0) {
        faults.push('The last chunk is not the one that was acknowledged.');
      }
      return {
        ...found,
        consistent: faults.length === 0,
        closed: verdict.kind === 'Complete',
        lastSequence,
        lastSha256,
        faults,
      };
    }
    case 'Gap':
      faults.push(`Events ${verdict.from} to ${verdict.to} are missing.`);
      return broken(found, verdict.from - 1, faults);
    case 'Broken':
      faults.push(`Event ${verdict.sequence}: ${verdict.reason}`);
      return broken(found, verdict.sequence - 1, faults);
    case 'Empty':
      faults.push('The index names this session and holds no chunk of it.');
      return broken(found, 0, faults);
    default:
      return verdict satisfies never;
  }
}

function broken(
  found: { readonly tailUnknown: boolean; readonly chunks: number },
  lastSequence: number,
  faults: readonly string[],
): StoredVerification {
  return { ...found, consistent: false, closed: false, lastSequence, lastSha256: new Uint8Array(), faults };
}
