import type { Refusal } from '../../protocol.ts';
import { writeFrame } from '../codec.ts';
import { LENGTH_BYTES } from '../messages.ts';
import type { Request } from './codec.ts';
import { Fetch } from './fetch.ts';
import { numbered, type SftpLane, writeStatus } from './lane.ts';
import { MaskedFile, type MaskedPart } from './masked-file.ts';
import { MaskedRecord } from './masked-record.ts';
import { PACKET, STATUS } from './messages.ts';
import type { Asked, OpenHandle } from './operation.ts';
import type { TargetSide } from './target-side.ts';
import { unsupported } from './unsupported.ts';

/** What one answer gives at most, in bytes, as with OpenSSH: its packet must fit. */
const ANSWER_BYTES_MAX = 255 * 1024;

const CHANGED = unsupported('Masks changed while it was open.', 'Open it again.');
const WHY_NOT: Readonly<Record<'Passed' | 'Overlong', Refusal>> = {
  Passed: unsupported('Masks are in force: a file is read forward, and at most 1 MiB back.', 'Open it again.'),
  Overlong: unsupported('A line of it is too long to be masked.', 'Read it with a command that cuts its lines.'),
};

/** A read of a file that is open. */
export type AskedRead = Asked & {
  readonly request: Extract<Request, { readonly kind: 'Read' }>;
  readonly handle: OpenHandle;
};

/** A file that is open for reading, as it is and as the agent sees it. */
interface Reading {
  readonly fetch: Fetch;
  readonly file: MaskedFile;
}

/** What agents read of files through masks: the gate reads the files by itself, and answers out of what masks make of them. */
export class MaskedReads {
  readonly #lane: SftpLane;
  readonly #target: TargetSide;
  /** One of each file at most: those behind it wait for it. */
  readonly #waiting = new Set<AskedRead>();
  readonly #readings = new Map<OpenHandle, Reading>();

  constructor(lane: SftpLane, target: TargetSide) {
    this.#lane = lane;
    this.#target = target;
  }

  /** What is kept of the files, in bytes. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { file } of this.#readings.values()) bytes += file.heldBytes;
    return bytes;
  }

  add(asked: AskedRead): void {
    this.#lane.flush();
    this.#lane.ports.note('Target', asked.handle.operation, numbered(asked.id, asked.packet));
    this.#waiting.add(asked);
  }

  /** It is closed: nothing of it is kept, and what was read ahead is for nobody. */
  close(handle: OpenHandle): void {
    handle.operation.isMaskedReading = false;
    this.#readings.get(handle)?.fetch.stop();
    this.#readings.delete(handle);
  }

  /** Answers one for which all is there, and gives it back. */
  answerNext(): Asked | undefined {
    // An agent that does not take what it asked for gets no more of it.
    if (this.#waiting.size === 0 || this.#lane.ports.isFull) return undefined;
    for (const asked of this.#waiting) {
      if (!this.#answer(asked)) continue;
      this.#waiting.delete(asked);
      return asked;
    }
    return undefined;
  }

  /** False: more of the file must be there first. */
  #answer({ id, request, handle }: AskedRead): boolean {
    const { operation } = handle;
    const { file, fetch } = this.#readingOf(handle);
    const isSame = file.masks === operation.masks;
    const part = isSame ? file.read(request.offset, Math.min(request.length, ANSWER_BYTES_MAX)) : 'Awaited';
    const refusal = handle.refusal ?? (isSame ? this.#whyNot(part, handle) : CHANGED);
    if (refusal !== undefined) {
      // What lies behind is gone; what lies before can still be read.
      if (part !== 'Passed') handle.refusal = refusal;
      this.#lane.refuse(id, operation.commandId, refusal);
      return true;
    }
    if (typeof part !== 'string') {
      this.#give(id, request.offset, part, handle);
      return true;
    }
    const failure = fetch.takeFailure();
    if (failure === undefined) {
      fetch.more();
      return false;
    }
    const status = writeStatus(id, failure.code, failure.text);
    this.#target.relay(id, operation, failure, status.subarray(LENGTH_BYTES));
    return true;
  }

  /** From its first read on. */
  #readingOf(handle: OpenHandle): Reading {
    const { name, operation } = handle;
    const known = this.#readings.get(handle);
    if (known !== undefined) return known;
    const file = new MaskedFile(operation.masks, recordOf(handle));
    const counted = (act: () => void): void => {
      const before = file.maskedValues;
      act();
      operation.maskedValues += file.maskedValues - before;
    };
    const fetch = new Fetch(this.#lane, name, {
      push: (bytes) => counted(() => file.push(bytes)),
      end: () => counted(() => file.end()),
    });
    const reading = { fetch, file };
    this.#readings.set(handle, reading);
    return reading;
  }

  #whyNot(part: MaskedPart, { operation: { meter } }: OpenHandle): Refusal | undefined {
    if (typeof part !== 'string') return meter?.take(0, part.length);
    return part === 'Awaited' ? undefined : WHY_NOT[part];
  }

  #give(id: number, offset: number, part: Uint8Array, { operation, read }: OpenHandle): void {
    const { commandId, masks, recordMasks } = operation;
    if (part.length === 0) return this.#lane.answer(id, commandId, writeStatus(id, STATUS.eof, 'End of file'));
    read.add(offset, part);
    const recorded = masks === recordMasks ? part : read.recorded(part, recordMasks);
    const bytes = dataFrame(id, part);
    return this.#lane.answer(id, commandId, bytes, recorded === part ? bytes : dataFrame(id, recorded));
  }
}

/** Undefined: the record shows the same as the agent sees. */
function recordOf({ operation: { masks, recordMasks }, read }: OpenHandle): MaskedRecord | undefined {
  if (masks === recordMasks) return undefined;
  const record = new MaskedRecord(recordMasks);
  read.recordThrough(record, recordMasks);
  return record;
}

function dataFrame(id: number, data: Uint8Array): Uint8Array {
  return writeFrame(PACKET.data, { uint32: id }, data);
}
