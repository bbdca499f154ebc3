import {
  BLOCK_BYTES,
  SCANNED,
  SCANNED_BEFORE,
  SCANNED_BEHIND,
  SCANNED_DIGITS_SHIFT,
  writeSurveyModule,
} from './survey-module.ts';

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

/** What a piece of bytes showed. */
export interface Scanned {
  /** As in `SURVEY`; `foreign`: a byte is no ASCII. */
  readonly bits: number;
  readonly foreign: boolean;
  readonly digits: number;
}

/** The largest piece that is looked at in one call: whole blocks, and room for what stands around it. */
const PIECE_BYTES = 48 * 1024;
/** Below this many bytes the call costs more than the look. */
export const SCAN_BYTES_MIN = 48;

/** Looks over bytes 16 at a time. Its memory holds one piece during a call and means nothing between calls. */
export class SurveyScan {
  readonly #memory: Uint8Array;
  readonly #survey: (start: number, end: number) => number;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(writeSurveyModule()));
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#survey = exports.survey;
  }

  /** All of `bytes`; stops early when a byte is no ASCII. */
  look(bytes: Uint8Array): Scanned {
    let bits = 0;
    let digits = 0;
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const found = this.#piece(bytes, start, Math.min(start + PIECE_BYTES, bytes.length));
      if ((found & SCANNED.foreign) !== 0) return { bits, foreign: true, digits };
      bits |= found & (SCANNED.foreign - 1);
      digits += found >> SCANNED_DIGITS_SHIFT;
    }
    return { bits, foreign: false, digits };
  }

  /** A piece that is not the last one is made of whole blocks, so that no byte is counted twice. */
  #piece(bytes: Uint8Array, start: number, end: number): number {
    const memory = this.#memory;
    const before = Math.min(start, SCANNED_BEFORE);
    const behind = Math.min(bytes.length - end, SCANNED_BEHIND);
    // The first byte stands at SCANNED_BEFORE; what was there before, and what lies behind the last byte, is no character.
    memory.fill(0, 0, SCANNED_BEFORE);
    memory.set(bytes.subarray(start - before, end + behind), SCANNED_BEFORE - before);
    const length = end - start;
    const filled = SCANNED_BEFORE + length + behind;
    memory.fill(0, filled, filled + SCANNED_BEHIND + BLOCK_BYTES);
    return this.#survey(0, length);
  }
}
