import { BLOCK_BYTES, SCANNED, SCANNED_BEFORE, SCANNED_DIGITS_SHIFT, writeSurveyModule } from './survey-module.ts';

/** What we use of the global; the types of Node.js do not have it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
  ) => {
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer };
      readonly survey: (start: number, end: number) => number;
    };
  };
};

/** What a look over bytes showed. */
export interface Scanned {
  /** As in `SURVEY`. */
  readonly bits: number;
  /** A byte is no ASCII; nothing else counts then. */
  readonly foreign: boolean;
  readonly digits: number;
}

/** The most that is looked at in one call: whole blocks, and room for what stands around them. */
const PIECE_BYTES = 96 * 1024;
/** Fewer bytes are no block. */
export const SCAN_BYTES_MIN = BLOCK_BYTES;

/** Looks over bytes 16 at a time. Its memory holds what is looked at during a call, and means nothing between calls. */
export class SurveyScan {
  readonly #memory: Buffer;
  readonly #survey: (start: number, last: number) => number;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(writeSurveyModule()));
    this.#memory = Buffer.from(exports.memory.buffer);
    this.#survey = exports.survey;
  }

  /** The bytes from `start` to `end`, at least `SCAN_BYTES_MIN` of them; what is outside does not count. */
  look(bytes: Uint8Array, start: number, end: number): Scanned {
    if (end - start <= PIECE_BYTES) return scannedOf(this.#piece(bytes, start, end, start, end));
    let bits = 0;
    let digits = 0;
    for (let at = start; at < end; ) {
      // A rest that is no block would have to begin in the piece before.
      const left = end - at;
      const length = left <= PIECE_BYTES ? left : Math.min(PIECE_BYTES, left - BLOCK_BYTES);
      const found = scannedOf(this.#piece(bytes, at, at + length, start, end));
      if (found.foreign) return found;
      bits |= found.bits;
      digits += found.digits;
      at += length;
    }
    return { bits, foreign: false, digits };
  }

  /** The bytes from `at` to `to`, with their neighbours between `start` and `end`; beyond these is no character. */
  #piece(bytes: Uint8Array, at: number, to: number, start: number, end: number): number {
    const memory = this.#memory;
    const before = Math.min(at - start, SCANNED_BEFORE);
    const behind = Math.min(end - to, SCANNED_BEFORE);
    const length = to - at;
    memory[0] = 0;
    memory[1] = 0;
    copyInto(memory, SCANNED_BEFORE - before, bytes, at - before, to + behind);
    const filled = SCANNED_BEFORE + length + behind;
    memory[filled] = 0;
    memory[filled + 1] = 0;
    return this.#survey(0, length - BLOCK_BYTES);
  }
}

/** Makes no view where it need not. */
function copyInto(target: Buffer, at: number, bytes: Uint8Array, start: number, end: number): void {
  if (Buffer.isBuffer(bytes)) bytes.copy(target, at, start, end);
  else target.set(bytes.subarray(start, end), at);
}

function scannedOf(found: number): Scanned {
  return {
    bits: found & (SCANNED.foreign - 1),
    foreign: (found & SCANNED.foreign) !== 0,
    digits: found >> SCANNED_DIGITS_SHIFT,
  };
}
