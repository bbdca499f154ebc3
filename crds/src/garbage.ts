import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** `All` stands still for longer than `Young`, which looks only at what was made lately. */
export type Generation = 'All' | 'Young';

type Collect = (...options: readonly { readonly type: 'minor' }[]) => void;

/** Of this thread; only a new context has it, which takes memory for as long as it is kept. */
let exposed: Collect | undefined;

/** Gives what collects the garbage of the thread that calls it. V8 collects by itself only when a thread allocates. */
export function garbageCollector(generation: Generation): () => void {
  exposed ??= exposeCollector();
  const collect = exposed;
  return generation === 'All' ? () => collect() : () => collect({ type: 'minor' });
}

function exposeCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node.js has no gc()');
  // Not even `undefined` may stand where no options are meant.
  return (...options) => void collect(...options);
}

/** The memory of buffers is asked for each time that so many bytes have passed. */
const LOOK_BYTES = 1024 * 1024;

/**
 * By so much buffers may grow until what is young is collected. It is more than a thread holds of what is on its way, so that what is collected
 * was let go of.
 */
export const YOUNG_BYTES_MAX = 24 * 1024 * 1024;

/** By so much buffers may grow that are no longer young, or held, until all is collected. */
export const ALL_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Lets go of the buffers of a thread through which many bytes pass, instead of V8. Their memory lies outside of V8's heap: it does not count for the
 * collections of what is young, which cost 1 ms, and each few MiB of it make V8 look through all objects that there are, which costs 50, where
 * the heap is small. Most buffers are let go of at once, so that looking at what is young is enough.
 */
export class BufferGarbage {
  readonly #collect: Readonly<Record<Generation, () => void>>;
  readonly #bufferBytes: () => number;
  #passed = 0;
  /** The least bytes of buffers since the last collection, and since the last of all. */
  #least = Number.POSITIVE_INFINITY;
  #leastOfAll = Number.POSITIVE_INFINITY;

  constructor(
    collect = { Young: garbageCollector('Young'), All: garbageCollector('All') },
    bufferBytes = () => getHeapStatistics().external_memory,
  ) {
    // V8 leaves off its own looking for each few MiB: a request for what is young that meets it ends it at once, in one piece. Its later versions
    // know no other way. What is bounded here it bounds no more.
    setFlagsFromString('--external-memory-accounted-in-global-limit');
    this.#collect = collect;
    this.#bufferBytes = bufferBytes;
  }

  /** So many bytes passed through this thread. Cheap: to be called for each piece. */
  passed(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed < LOOK_BYTES) return;
    this.#passed = 0;
    const now = this.#look();
    if (now - this.#leastOfAll >= ALL_BYTES_MAX) {
      this.#collect.All();
      this.#leastOfAll = Number.POSITIVE_INFINITY;
    } else if (now - this.#least >= YOUNG_BYTES_MAX) {
      this.#collect.Young();
    } else {
      return;
    }
    this.#least = Number.POSITIVE_INFINITY;
    this.#look();
  }

  /** V8 may still be at work on what a collection let go of: the least of what is seen counts. */
  #look(): number {
    const now = this.#bufferBytes();
    this.#least = Math.min(this.#least, now);
    this.#leastOfAll = Math.min(this.#leastOfAll, now);
    return now;
  }
}
