import type { MaskRules } from '@sidegate/policy';
import type { Refusal } from '../../protocol.ts';
import { writeFrame } from '../codec.ts';
import { type Answer, type Request, readAnswer } from './codec.ts';
import { answerKindOf, type Expected, numbered, type SftpLane } from './lane.ts';
import { maskAnswer } from './mask.ts';
import { PACKET, STATUS } from './messages.ts';
import { type Asked, OpenHandle, type Operation } from './operation.ts';
import { unsupported } from './unsupported.ts';

type Given<Kind extends Request['kind']> = Extract<Request, { readonly kind: Kind }>;

/** Masks are put on a file from its start, and on nothing that was read of it, or may be written in between. */
export const MASKED = unsupported(
  'Masks are in force, which cannot reach what is read this way.',
  'Open the file again, for reading alone.',
);

/** What the target answers, once the conversation has begun. */
export class TargetSide {
  readonly #lane: SftpLane;

  constructor(lane: SftpLane) {
    this.#lane = lane;
  }

  take(packet: Uint8Array): void {
    const lane = this.#lane;
    const read = readAnswer(packet);
    if (read === undefined) return lane.broken('target', 'a malformed packet');
    const { id, answer } = read;
    const expected = lane.inFlight.get(id);
    if (expected === undefined) return lane.broken('target', 'an answer to nothing');
    const isStatus = answer.kind === 'Status';
    const fits = answer.kind === expected.kind || (isStatus && answer.code !== STATUS.ok);
    lane.inFlight.delete(id);
    if (!fits || !expected.take(answer, packet)) lane.broken('target', 'an answer to something else');
  }

  /** What comes of an operation that is judged by itself. */
  operation(asked: Asked, operation: Operation): Expected {
    return {
      kind: answerKindOf(asked.request),
      take: (answer, packet) => {
        if (answer.kind === 'Handle') return this.#opened(asked, operation, answer.handle, packet);
        const { commandId } = operation;
        const refusal = this.#whyNot(asked.request, operation, answer, packet);
        if (refusal !== undefined) {
          this.#lane.refuse(asked.id, commandId, refusal);
          this.#lane.finishRefused(commandId, 'Failed', refusal);
          return true;
        }
        this.relay(asked.id, operation, answer, packet);
        this.finish(operation, answer, '');
        return true;
      },
    };
  }

  /** What comes of a request on a handle, or of one that belongs to the start of the conversation. */
  ofHandle(asked: Asked, operation: Operation, handle?: OpenHandle): Expected {
    const { request, id } = asked;
    return {
      kind: answerKindOf(request),
      take: (answer, packet) => {
        if (request.kind === 'Close' && handle !== undefined) return this.#closed(id, handle, answer, packet);
        const refusal = handle?.refusal ?? this.#whyNot(request, operation, answer, packet);
        if (refusal !== undefined) {
          if (handle !== undefined && refusal !== MASKED) handle.refusal = refusal;
          this.#lane.refuse(id, operation.commandId, refusal);
          return true;
        }
        if (request.kind === 'Read' && answer.kind === 'Data') {
          return this.#data(id, request, { handle, operation, data: answer.data }, packet);
        }
        if (handle !== undefined) note(handle, request, answer);
        this.relay(id, operation, answer, packet);
        return true;
      },
    };
  }

  /** Gives the agent an answer, with its words masked for it and for the record. */
  relay(id: number, operation: Operation, answer: Answer, packet: Uint8Array): void {
    const { masks, recordMasks, commandId } = operation;
    const shown = maskAnswer(id, answer, masks);
    const recorded = masks === recordMasks ? shown : maskAnswer(id, answer, recordMasks);
    operation.maskedValues += shown.maskedValues;
    const withheld = answer.kind === 'Reply' && !recordMasks.empty;
    if (shown.bytes === undefined && recorded.bytes === undefined && !withheld) {
      return this.#lane.relay(id, commandId, packet);
    }
    const whole = numbered(id, packet);
    const kept = withheld ? writeFrame(PACKET.extendedReply, { uint32: id }) : (recorded.bytes ?? whole);
    this.#lane.answer(id, commandId, shown.bytes ?? whole, kept);
  }

  finish({ commandId, recordMasks }: Operation, answer: Answer, tag: string): void {
    const failed = answer.kind === 'Status' && answer.code !== STATUS.ok ? answer : undefined;
    this.#lane.finish({
      commandId,
      outcome: failed === undefined ? 'Done' : 'Failed',
      tag,
      errorCode: failed === undefined ? '' : `status ${failed.code}`,
      errorText: failed === undefined ? '' : recordMasks.maskContent(failed.text),
    });
  }

  #opened(asked: Asked, operation: Operation, name: string, packet: Uint8Array): boolean {
    const lane = this.#lane;
    if (lane.handles.has(name)) return false;
    lane.handles.set(name, new OpenHandle(name, operation, asked));
    lane.ports.opened(operation.commandId);
    lane.relay(asked.id, operation.commandId, packet);
    return true;
  }

  #closed(id: number, handle: OpenHandle, answer: Answer, packet: Uint8Array): boolean {
    const { operation, refusal } = handle;
    this.#lane.closing.delete(handle);
    const rest = handle.read.recordedRest();
    if (rest.length > 0) this.#lane.note(operation.commandId, writeFrame(PACKET.data, { uint32: id }, rest));
    this.relay(id, operation, answer, packet);
    if (refusal === undefined) this.finish(operation, answer, handle.summary);
    else this.#lane.finishRefused(operation.commandId, 'Failed', refusal, handle.summary);
    return true;
  }

  #data(
    id: number,
    { offset, length }: Given<'Read'>,
    { handle, operation, data }: { handle: OpenHandle | undefined; operation: Operation; data: Uint8Array },
    packet: Uint8Array,
  ): boolean {
    if (handle === undefined || data.length > length) return false;
    handle.read.add(offset, data);
    const recorded = handle.read.recorded(data, operation.recordMasks);
    const isSame = recorded === data;
    const kept = isSame ? undefined : [writeFrame(PACKET.data, { uint32: id }, recorded)];
    this.#lane.relay(id, operation.commandId, packet, kept);
    return true;
  }

  /** Limits count what is read: contents, names, attributes. Masks may have come since it was asked for. */
  #whyNot(request: Request, { meter, masks }: Operation, answer: Answer, packet: Uint8Array): Refusal | undefined {
    if (answer.kind === 'Status' || answer.kind === 'Handle') return undefined;
    if (isBeyondMasks(request, masks)) return MASKED;
    return meter?.take(0, answer.kind === 'Data' ? answer.data.length : packet.length);
  }
}

function note(handle: OpenHandle, request: Request, answer: Answer): void {
  if (answer.kind === 'Names') handle.names += answer.names.length;
  const isFailed = answer.kind === 'Status' && answer.code !== STATUS.ok;
  if (request.kind === 'Write' && isFailed) handle.wrote.addFailure();
  if (request.kind === 'CopyData' && !isFailed) handle.wrote.addCopy();
}

/** Masks cannot reach what such an answer says. */
export function isBeyondMasks(request: Request, masks: MaskRules): boolean {
  return !masks.empty && (request.kind === 'UsersGroups' || request.kind === 'Read' || request.kind === 'CopyData');
}
