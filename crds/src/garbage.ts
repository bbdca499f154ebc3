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
 * Buffers that nobody collected may grow by so much. It is more than a thread holds of what is on its way, so that what is collected was let go of,
 * and less than what makes V8 look through everything.
 */
export const YOUNG_BYTES_MAX = 24 * 1024 * 1024;

/**
 * Lets go of the buffers of a thread through which many bytes pass. The memory of buffers lies outside of V8's heap: it does not count for the
 * collections of what is young, which cost 1 ms, and each 64 MiB of it make V8 look through all objects that there are, which costs 50. Most
 * buffers are let go of at once, so looking at what is young is enough.
 */
export class BufferGarbage {
  readonly #collect: () => void;
  readonly #bufferBytes: () => number;
  #passed = 0;
  /** Of the buffers: the least since the last collection. */
  #least = Number.POSITIVE_INFINITY;

  constructor(collect = garbageCollector('Young'), bufferBytes = () => getHeapStatistics().external_memory) {
    this.#collect = collect;
    this.#bufferBytes = bufferBytes;
  }

  /** So many bytes passed through this thread. Cheap: to be called for each piece. */
  passed(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed < LOOK_BYTES) return;
    this.#passed = 0;
    // V8 may still be at work on what a collection let go of: the least of what is seen counts.
    const now = this.#bufferBytes();
    this.#least = Math.min(this.#least, now);
    if (now - this.#least < YOUNG_BYTES_MAX) return;
    this.#collect();
    this.#least = this.#bufferBytes();
  }
}
