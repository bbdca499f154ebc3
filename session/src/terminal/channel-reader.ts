/** What a recorded message of an SSH channel says. */
export type ChannelItem =
  | { readonly kind: 'Data'; readonly isStderr: boolean; readonly data: Uint8Array }
  | { readonly kind: 'Terminal'; readonly type: string; readonly columns: number; readonly rows: number }
  | { readonly kind: 'Resized'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'Variable'; readonly name: string; readonly value: string }
  | { readonly kind: 'Signal'; readonly name: string }
  | { readonly kind: 'End' }
  | { readonly kind: 'ExitStatus'; readonly status: number }
  /** By a signal, named without SIG. */
  | { readonly kind: 'ExitSignal'; readonly name: string }
  /** From here on nothing can be read. */
  | { readonly kind: 'Unreadable'; readonly bytes: number };

/** Message numbers (RFC 4250, section 4.1.2). */
const DATA = 94;
const EXTENDED_DATA = 95;
const EOF = 96;
const REQUEST = 98;

const LENGTH_BYTES = 4;
/** A gate takes no message of half this size. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

/**
 * Reads what one direction of one channel carried (RFC 4254, sections 5.2, 6 and 8) from pieces that are cut anywhere: each message after its length in four
 * bytes, as a record holds them. Messages that say nothing about what was seen (windows, answers to requests) are left out. Never throws.
 */
export class ChannelReader {
  #rest: Uint8Array = new Uint8Array(0);
  #isBroken = false;

  /** What became readable with this piece. */
  *add(piece: Uint8Array): Generator<ChannelItem> {
    if (this.#isBroken) return;
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + uint32(bytes, at);
      const isTooLarge = end - at > MESSAGE_BYTES_MAX;
      if (!isTooLarge && end > bytes.length) break;
      const items = isTooLarge ? undefined : readMessage(bytes.subarray(at + LENGTH_BYTES, end));
      if (items === undefined) {
        this.#isBroken = true;
        yield { kind: 'Unreadable', bytes: bytes.length - at };
        return;
      }
      yield* items;
      at = end;
    }
    this.#rest = Uint8Array.from(bytes.subarray(at));
  }
}

/** Undefined: it is cut short. */
function readMessage(message: Uint8Array): readonly ChannelItem[] | undefined {
  const fields = new Fields(message);
  const items = itemsOf(message[0], fields);
  return fields.isWhole ? items : undefined;
}

function itemsOf(type: number | undefined, fields: Fields): readonly ChannelItem[] {
  switch (type) {
    case DATA:
      fields.skip(4);
      return [{ kind: 'Data', isStderr: false, data: fields.bytes() }];
    case EXTENDED_DATA:
      // The channel, and the kind of data: there is only one.
      fields.skip(8);
      return [{ kind: 'Data', isStderr: true, data: fields.bytes() }];
    case EOF:
      return [{ kind: 'End' }];
    case REQUEST:
      return requestItems(fields);
    default:
      return [];
  }
}

function requestItems(fields: Fields): readonly ChannelItem[] {
  fields.skip(4);
  const name = fields.text();
  fields.skip(1);
  switch (name) {
    case 'pty-req':
      return [{ kind: 'Terminal', type: fields.text(), columns: fields.uint32(), rows: fields.uint32() }];
    case 'window-change':
      return [{ kind: 'Resized', columns: fields.uint32(), rows: fields.uint32() }];
    case 'env':
      return [{ kind: 'Variable', name: fields.text(), value: fields.text() }];
    case 'signal':
      return [{ kind: 'Signal', name: fields.text() }];
    case 'exit-status':
      return [{ kind: 'ExitStatus', status: fields.uint32() }];
    case 'exit-signal':
      return [{ kind: 'ExitSignal', name: fields.text() }];
    default:
      return [];
  }
}

/** The fields of one message, behind its number. Once one is cut short, `isWhole` is false and what is read is empty. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 1;
  isWhole = true;

  constructor(message: Uint8Array) {
    this.#bytes = message;
  }

  skip(bytes: number): boolean {
    if (this.#at + bytes > this.#bytes.length) this.isWhole = false;
    else this.#at += bytes;
    return this.isWhole;
  }

  uint32(): number {
    return this.skip(4) ? uint32(this.#bytes, this.#at - 4) : 0;
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    return this.skip(length) ? this.#bytes.subarray(this.#at - length, this.#at) : new Uint8Array(0);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
