import { findContent, MASKED, type MaskRules, type Span } from '@sidegate/policy';
import { bothMasks } from '../both-masks.ts';
import { passesMasks } from '../passes-masks.ts';
import { changeText } from './codec.ts';

/** A line, or a private key with its lines, is read whole up to so many bytes. */
export const WHOLE_BYTES_MAX = 1024 * 1024;
/** More pieces than this are joined: each has a cost besides its bytes. */
const PIECES_MAX = 1_024;
const LINE_FEED = 10;
const NOTHING = new Uint8Array(0);

/**
 * Masks text that comes in any pieces: by lines, and private keys by all of theirs. What may go on in the next piece is kept back. What becomes too long
 * for that reads `[masked]`, and all that follows it is left out: nobody knows any more where a value begins.
 */
export class StreamMask {
  #masks: MaskRules;
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #isOverlong = false;
  maskedValues = 0;

  constructor(masks: MaskRules) {
    this.#masks = masks;
  }

  /** Something became too long to be read whole: nothing more is given. */
  get isOverlong(): boolean {
    return this.#isOverlong;
  }

  /** Something is kept back. */
  get isKeeping(): boolean {
    return this.#restBytes > 0;
  }

  addMasks(masks: MaskRules): void {
    this.#masks = bothMasks(this.#masks, masks);
  }

  /** What may go on now. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#isOverlong) return NOTHING;
    if (this.#masks.empty && !this.isKeeping) return bytes;
    const isLineEnded = bytes.includes(LINE_FEED);
    const all = isLineEnded && this.isKeeping ? Buffer.concat([...this.#rest, bytes]) : bytes;
    if (isLineEnded) this.#dropRest();
    const end = isLineEnded ? this.#endOfWhole(all) : 0;
    this.#keep(all.subarray(end));
    const shown = this.#mask(all.subarray(0, end));
    return this.#restBytes <= WHOLE_BYTES_MAX ? shown : this.#giveUp(shown);
  }

  /** All that was kept back. */
  end(): Uint8Array {
    const rest = Buffer.concat(this.#rest);
    this.#dropRest();
    return this.#mask(rest);
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest.push(Uint8Array.from(bytes));
    this.#restBytes += bytes.length;
    if (this.#rest.length > PIECES_MAX) this.#rest = [Buffer.concat(this.#rest)];
  }

  #dropRest(): void {
    this.#rest = [];
    this.#restBytes = 0;
  }

  #giveUp(shown: Uint8Array): Uint8Array {
    this.#isOverlong = true;
    this.maskedValues += 1;
    this.#dropRest();
    return Buffer.concat([shown, Buffer.from(MASKED)]);
  }

  /** Where what comes next can change nothing before: the last line's end, or the start of what a key belongs to that is not ended. */
  #endOfWhole(bytes: Uint8Array): number {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    const whole = bytes.subarray(0, end);
    if (passesMasks(whole, this.#masks)) return end;
    // One character for each byte: lengths of text are lengths of bytes.
    const text = Buffer.from(whole).toString('latin1');
    const keys = this.#keysIn(text);
    const isOpen = keys.at(-1)?.end === end;
    return isOpen ? end - (partsOf(text, keys).at(-1)?.length ?? 0) : end;
  }

  #keysIn(text: string): readonly Span[] {
    const isLooked = this.#masks.detect.some(({ detector }) => detector === 'PrivateKey');
    return isLooked ? findContent(text, ['PrivateKey']) : [];
  }

  #mask(bytes: Uint8Array): Uint8Array {
    const masks = this.#masks;
    if (masks.empty || bytes.length === 0 || passesMasks(bytes, masks)) return bytes;
    const maskPart = (part: string): string => {
      const shown = masks.maskJson(part);
      if (shown !== part) this.maskedValues += 1;
      return shown;
    };
    return changeText(bytes, (text) => partsOf(text, this.#keysIn(text)).map(maskPart).join('\n'));
  }
}

/** The lines of a text, without what ends them; those over which one of `spans` goes are one part. */
function partsOf(text: string, spans: readonly Span[]): readonly string[] {
  const parts: string[] = [];
  let open: string[] = [];
  let at = 0;
  let end = -1;
  for (const line of text.split('\n')) {
    end += line.length + 1;
    open.push(line);
    while ((spans[at]?.end ?? Number.POSITIVE_INFINITY) <= end) at += 1;
    if ((spans[at]?.start ?? Number.POSITIVE_INFINITY) <= end) continue;
    parts.push(open.join('\n'));
    open = [];
  }
  if (open.length > 0) parts.push(open.join('\n'));
  return parts;
}
