import { createHash } from 'node:crypto';
import type { MaskRules } from '@sidegate/policy';
import { StreamMask } from '../stream-mask.ts';

const NOTHING = new Uint8Array(0);

/** Makes what the record shows of what goes through. */
type RecordMask = Pick<StreamMask, 'push' | 'end' | 'addMasks' | 'hasGivenUp'>;

/** What went one way through one handle: how much, and its SHA-256 in the order in which it went. */
export class Transfer {
  readonly #verb: string;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #first: number | undefined;
  #next = 0;
  #isInSequence = true;
  #failures = 0;
  #isCopied = false;
  #mask: RecordMask | undefined;
  #masks: MaskRules | undefined;
  #isWithheld = false;

  constructor(verb: 'read' | 'wrote') {
    this.#verb = verb;
  }

  add(offset: number, data: Uint8Array): void {
    if (data.length === 0) return;
    this.#first ??= offset;
    if (this.#bytes > 0 && offset !== this.#next) this.#isInSequence = false;
    this.#next = offset + data.length;
    this.#bytes += data.length;
    this.#hash.update(data);
  }

  /** The target did not take a part of it. */
  addFailure(): void {
    this.#failures += 1;
  }

  /** The target itself copied from another file. */
  addCopy(): void {
    this.#isCopied = true;
  }

  /** The record shows what is made of it here, under these masks. */
  recordThrough(mask: RecordMask, masks: MaskRules): void {
    this.#mask = mask;
    this.#masks = masks;
  }

  /** What the record shows of what was added last: what masks cannot be sure of, because a part is missing before it, is left out. */
  recorded(data: Uint8Array, masks: MaskRules): Uint8Array {
    if (masks.empty && this.#mask === undefined) return data;
    if (!this.#isInSequence || this.#first !== 0) {
      this.#isWithheld = true;
      return NOTHING;
    }
    if (this.#mask === undefined) this.#mask = new StreamMask(masks, 'Record');
    else if (masks !== this.#masks) this.#mask.addMasks(masks);
    this.#masks = masks;
    const shown = this.#mask.push(data);
    this.#isWithheld ||= this.#mask.hasGivenUp;
    return shown;
  }

  /** What masks kept back for the record. */
  recordedRest(): Uint8Array {
    const rest = this.#mask?.end() ?? NOTHING;
    this.#isWithheld ||= this.#mask?.hasGivenUp === true;
    return rest;
  }

  /** Undefined when nothing went this way. */
  get summary(): string | undefined {
    if (this.#bytes === 0 && !this.#isCopied && this.#failures === 0) return undefined;
    const start = this.#first === undefined || this.#first === 0 ? '' : ` from ${this.#first}`;
    const hash = `sha256 ${this.#hash.copy().digest('hex')}`;
    return [
      `${this.#verb} ${this.#bytes} bytes${start} ${hash}`,
      ...(this.#isInSequence ? [] : ['not in sequence']),
      ...(this.#isCopied ? ['more was copied at the target'] : []),
      ...(this.#failures === 0 ? [] : [`${this.#failures} writes failed`]),
      ...(this.#isWithheld ? ['not all in the record'] : []),
    ].join(', ');
  }
}
