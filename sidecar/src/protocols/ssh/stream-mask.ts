import type { MaskRules } from '@sidegate/policy';
import { bothMasks } from '../both-masks.ts';
import { changeText } from './codec.ts';

/** A line that is longer is masked in pieces of this many bytes. */
const LINE_BYTES_MAX = 64 * 1024;

/** Masks text that comes in any pieces, line by line: what no newline ends yet is kept back. */
export class StreamMask {
  #masks: MaskRules;
  #rest: Uint8Array = new Uint8Array(0);
  maskedValues = 0;

  constructor(masks: MaskRules) {
    this.#masks = masks;
  }

  addMasks(masks: MaskRules): void {
    this.#masks = bothMasks(this.#masks, masks);
  }

  /** What may go on now. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#masks.empty && this.#rest.length === 0) return bytes;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let end = all.lastIndexOf(10) + 1;
    if (end === 0 && all.length > LINE_BYTES_MAX) end = all.length;
    this.#rest = Uint8Array.from(all.subarray(end));
    return this.#mask(all.subarray(0, end));
  }

  /** All that was kept back. */
  end(): Uint8Array {
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    return this.#mask(rest);
  }

  #mask(bytes: Uint8Array): Uint8Array {
    const masks = this.#masks;
    if (masks.empty || bytes.length === 0 || masks.passesContent?.(bytes) === true) return bytes;
    const maskLine = (line: string): string => {
      const shown = masks.maskJson(line);
      if (shown !== line) this.maskedValues += 1;
      return shown;
    };
    return changeText(bytes, (text) => text.split('\n').map(maskLine).join('\n'));
  }
}
