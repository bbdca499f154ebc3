import type { MaskRules } from '@sidegate/policy';
import { concatenate } from '../../../concatenate.ts';
import { StreamMask, WHOLE_BYTES_MAX } from '../stream-mask.ts';

/** How much of a file may be read ahead of the agent and kept for the record, in bytes: a part that is read whole, one that is kept back, and what is asked for ahead. */
const AHEAD_BYTES_MAX = 3 * WHOLE_BYTES_MAX;
const NOTHING = new Uint8Array(0);

/** A part of a file of which neither the agent's masks nor those of the record keep anything back. */
interface Part {
  /** How much of the file it is, in bytes. */
  bytes: number;
  shownBytes: number;
  readonly shown: Uint8Array[];
  readonly recorded: Uint8Array[];
}

/**
 * What the record shows of a file that is read through masks, where it hides more than they do: what its own masks make of the file, as far as the agent has got. What
 * others left of a value may be nothing that a mask finds, and a hash must not be hashed twice.
 */
export class MaskedRecord {
  readonly #mask: StreamMask;
  /** Of which the agent has not got all; of the last of them something may be kept back. */
  #parts: Part[] = [];
  #isOpen = false;
  /** How much the agent got of them, in bytes. */
  #given = 0;
  #aheadBytes = 0;
  #isOver = false;
  #isCut = false;
  #rest: Uint8Array = NOTHING;

  constructor(masks: MaskRules) {
    this.#mask = new StreamMask(masks, 'Record');
  }

  /** Not all that the agent got is in the record. */
  get hasGivenUp(): boolean {
    return this.#isCut || this.#mask.hasGivenUp;
  }

  /** What is kept of the file, in bytes. */
  get heldBytes(): number {
    return this.#aheadBytes + this.#mask.keptBytes;
  }

  addMasks(masks: MaskRules): void {
    this.#mask.addMasks(masks);
  }

  /** The next of the file, what the agent is to see of it, and how much is kept back from the agent. */
  see(bytes: Uint8Array, shown: Uint8Array, keptBytes: number): void {
    if (this.#isOver) return;
    this.#add(bytes.length, shown, this.#mask.push(bytes));
    this.#isOpen = this.#mask.keptBytes !== keptBytes;
    if (this.#aheadBytes > AHEAD_BYTES_MAX) this.#giveUp();
  }

  /** The end of the file, and the rest of what the agent is to see. */
  seeEnd(shown: Uint8Array): void {
    if (this.#isOver) return;
    this.#add(0, shown, this.#mask.end());
    this.#isOpen = false;
  }

  /** The agent got the next of it: what the record shows now. */
  push({ length }: Uint8Array): Uint8Array {
    if (this.#isOver) {
      this.#isCut ||= length > 0;
      return NOTHING;
    }
    this.#given += length;
    return this.#takeWhole();
  }

  /** The agent gets no more: what the record shows of the part that it did not get whole. */
  end(): Uint8Array {
    if (!this.#isOver) this.#giveUp();
    const rest = this.#rest;
    this.#rest = NOTHING;
    return rest;
  }

  #add(bytes: number, shown: Uint8Array, recorded: Uint8Array): void {
    const last = this.#isOpen ? this.#parts.at(-1) : undefined;
    const part = last ?? { bytes: 0, shownBytes: 0, shown: [], recorded: [] };
    if (last === undefined) this.#parts.push(part);
    part.bytes += bytes;
    part.shownBytes += shown.length;
    part.shown.push(shown);
    part.recorded.push(recorded);
    this.#aheadBytes += bytes;
  }

  /** Those parts that the agent has got whole. */
  #takeWhole(): Uint8Array {
    const whole: Uint8Array[] = [];
    for (let [first] = this.#parts; first !== undefined; [first] = this.#parts) {
      if (first.shownBytes > this.#given || (this.#isOpen && this.#parts.length === 1)) break;
      this.#parts.shift();
      this.#given -= first.shownBytes;
      this.#aheadBytes -= first.bytes;
      whole.push(...first.recorded);
    }
    return concatenate(whole);
  }

  #giveUp(): void {
    this.#isOver = true;
    // Where neither keeps more back than the other, what both keep back the agent has not got.
    if (this.#isOpen) this.#add(0, NOTHING, this.#mask.end());
    const whole = this.#takeWhole();
    const [part] = this.#parts.splice(0);
    if (part === undefined) {
      this.#rest = whole;
      return;
    }
    const { bytes, isCut } = beginningOf(part, this.#given);
    this.#rest = concatenate([whole, bytes]);
    this.#isCut = isCut;
  }
}

/** What the record shows of the first bytes of a part: whole lines as far as they go together, and of the one that is not whole what both see alike. */
function beginningOf(
  { shown, recorded }: Part,
  given: number,
): { readonly bytes: Uint8Array; readonly isCut: boolean } {
  const [seen, kept] = [linesOf(shown), linesOf(recorded)];
  let text = '';
  let left = given;
  for (const [index, line] of seen.entries()) {
    if (left <= 0) break;
    const isWhole = left > line.length;
    // Several lines may be hidden as one.
    const goTogether = line === kept[index] || (isWhole && seen.length === kept.length);
    if (!goTogether) break;
    text += isWhole ? `${kept[index] ?? ''}\n` : line.slice(0, left);
    left -= line.length + 1;
  }
  return { bytes: Buffer.from(text, 'latin1'), isCut: left > 0 };
}

function linesOf(pieces: readonly Uint8Array[]): readonly string[] {
  return Buffer.from(concatenate(pieces)).toString('latin1').split('\n');
}
