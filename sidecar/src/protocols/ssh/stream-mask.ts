import { findContent, MASKED, type MaskRules, type Span } from '@sidegate/policy';
import { concatenate } from '../../concatenate.ts';
import { bothMasks } from '../both-masks.ts';
import { passesMasks } from '../passes-masks.ts';
import { ByteQueue } from './byte-queue.ts';
import { changeText } from './codec.ts';
import { findDocuments, maskDocuments, OpenDocument } from './documents.ts';

/** A line, or a private key with its lines, is read whole up to so many bytes. */
export const WHOLE_BYTES_MAX = 1024 * 1024;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const NOTHING = new Uint8Array(0);

/**
 * Whom the text is for. Agents get nothing more behind what is too long to be read whole; a record goes on with the line behind it, for what follows must
 * stand in it. Keys of a terminal end their lines by a carriage return.
 */
export type Reader = 'Agent' | 'Record' | 'RecordOfKeys';

/**
 * Masks text that comes in any pieces: by lines, and private keys and documents by all of theirs. What may go on in the next piece is kept back. What becomes too long
 * for that reads `[masked]`, up to the end of its line at least: nobody knows any more where a value begins.
 */
export class StreamMask {
  #masks: MaskRules;
  readonly #reader: Reader;
  readonly #rest = new ByteQueue();
  /** What is kept back is more than the line that is not ended. */
  #isOpen = false;
  /** It is a document, which was read up to so many bytes of what is kept back. */
  #document: { readonly open: OpenDocument; readBytes: number } | undefined;
  #hasGivenUp = false;
  /** The end of a line that was too long is awaited: nothing of it is given. */
  #isSkipping = false;
  maskedValues = 0;

  constructor(masks: MaskRules, reader: Reader = 'Agent') {
    this.#masks = masks;
    this.#reader = reader;
  }

  /** Something became too long to be read whole: nothing more is given. */
  get isOverlong(): boolean {
    return this.#hasGivenUp && this.#reader === 'Agent';
  }

  /** Something was too long to be read whole. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Something is kept back. */
  get isKeeping(): boolean {
    return this.keptBytes > 0;
  }

  /** How much is kept back, in bytes. */
  get keptBytes(): number {
    return this.#rest.length;
  }

  addMasks(masks: MaskRules): void {
    this.#masks = bothMasks(this.#masks, masks);
    this.#document = undefined;
  }

  /** What may go on now. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.isOverlong) return NOTHING;
    if (this.#isSkipping) return this.#skip(bytes);
    if (this.#masks.empty && !this.isKeeping) return bytes;
    if (this.#documentGoesOn(bytes)) {
      this.#rest.push(Uint8Array.from(bytes));
      return this.keptBytes <= WHOLE_BYTES_MAX ? NOTHING : this.#giveUp(NOTHING);
    }
    const isLineEnded = this.#lineEnd(bytes) > 0;
    const all = isLineEnded && this.isKeeping ? concatenate([this.#takeRest(), bytes]) : bytes;
    const end = isLineEnded ? this.#endOfWhole(all) : 0;
    // A copy: a view would keep all that was read with it.
    this.#rest.push(Uint8Array.from(all.subarray(end)));
    const shown = this.#mask(all.subarray(0, end));
    return this.keptBytes <= WHOLE_BYTES_MAX ? shown : this.#giveUp(shown);
  }

  /** All that was kept back. */
  end(): Uint8Array {
    return this.#mask(this.#takeRest());
  }

  /** What is kept back is a document that is not at its end with these bytes either. */
  #documentGoesOn(bytes: Uint8Array): boolean {
    const document = this.#document;
    const end = this.#lineEnd(bytes);
    if (document === undefined || end === 0) return document !== undefined;
    const begun = this.#rest.peek(this.keptBytes, document.readBytes);
    document.readBytes = this.keptBytes + end;
    return document.open.goesOn(latin1Of(concatenate([begun, bytes.subarray(0, end)])));
  }

  #takeRest(): Uint8Array {
    this.#document = undefined;
    return this.#rest.take(this.#rest.length);
  }

  /** Up to which byte lines are whole. */
  #lineEnd(bytes: Uint8Array): number {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    return this.#reader === 'RecordOfKeys' ? Math.max(end, bytes.lastIndexOf(CARRIAGE_RETURN) + 1) : end;
  }

  /** Goes on at the end of the line. */
  #skip(bytes: Uint8Array): Uint8Array {
    const ends = this.#reader === 'RecordOfKeys' ? [LINE_FEED, CARRIAGE_RETURN] : [LINE_FEED];
    const at = bytes.findIndex((byte) => ends.includes(byte));
    if (at < 0) return NOTHING;
    this.#isSkipping = false;
    return this.push(bytes.subarray(at));
  }

  #giveUp(shown: Uint8Array): Uint8Array {
    this.#hasGivenUp = true;
    this.#isSkipping = !this.isOverlong;
    this.maskedValues += 1;
    this.#takeRest();
    return Buffer.concat([shown, Buffer.from(MASKED)]);
  }

  /** Where what comes next can change nothing before: the last line's end, or the start of what a key belongs to that is not ended. */
  #endOfWhole(bytes: Uint8Array): number {
    const end = this.#lineEnd(bytes);
    const whole = bytes.subarray(0, end);
    if (!this.#isOpen && passesMasks(whole, this.#masks)) return end;
    // One character for each byte: lengths of text are lengths of bytes.
    const text = latin1Of(whole);
    const wholes = this.#wholesIn(text);
    this.#isOpen = wholes.at(-1)?.end === end;
    if (!this.#isOpen) return end;
    const start = startOfLast(text, wholes);
    const open = new OpenDocument();
    const isDocument = open.goesOn(text.slice(wholes.at(-1)?.start));
    if (isDocument && this.#masks.fields.length > 0) this.#document = { open, readBytes: end - start };
    return start;
  }

  /** What is read with all of its lines: private keys and, where fields are masked, documents of JSON. */
  #wholesIn(text: string): readonly Span[] {
    const { detect, fields } = this.#masks;
    const keys = detect.some(({ detector }) => detector === 'PrivateKey') ? findContent(text, ['PrivateKey']) : [];
    if (fields.length === 0) return keys;
    const all: readonly Span[] = [...keys, ...findDocuments(text)].toSorted((a, b) => a.start - b.start);
    let reached = -1;
    // Some may stand in another.
    return all.filter(({ end }) => {
      const isOuter = end > reached;
      reached = Math.max(reached, end);
      return isOuter;
    });
  }

  #mask(bytes: Uint8Array): Uint8Array {
    const masks = this.#masks;
    if (masks.empty || bytes.length === 0 || passesMasks(bytes, masks)) return bytes;
    const maskPart = (part: string): string => {
      // What an agent sends itself is not hidden for a member without its document: a record must show it.
      const isSeen = masks.fields.length > 0 && this.#reader !== 'RecordOfKeys';
      const shown = isSeen ? maskDocuments(part, masks) : masks.maskJson(part);
      if (shown !== part) this.maskedValues += 1;
      return shown;
    };
    return changeText(bytes, (text) => partsOf(text, this.#wholesIn(text)).map(maskPart).join('\n'));
  }
}

function latin1Of({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/** Where the lines begin that the last of `spans` goes over, with those that others go over into them. */
function startOfLast(text: string, spans: readonly Span[]): number {
  let start = text.length;
  for (const span of spans.toReversed()) {
    if (span.end < start) break;
    if (span.start < start) start = text.lastIndexOf('\n', span.start - 1) + 1;
  }
  return start;
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
