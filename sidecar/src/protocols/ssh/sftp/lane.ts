import { concatenate } from '../../../concatenate.ts';
import type { CommandId, Refusal } from '../../protocol.ts';
import { type Field, writeFrame } from '../codec.ts';
import { LENGTH_BYTES } from '../messages.ts';
import { refusalText } from '../refuse.ts';
import type { Answer, HandleName, Request } from './codec.ts';
import { PACKET, STATUS } from './messages.ts';
import type { Asked, OpenHandle, Operation } from './operation.ts';
import type { Ending, Ports, Way } from './ports.ts';

/** Requests that the target may owe answers to at once. More wait in the channel's window. */
const IN_FLIGHT_MAX = 1_024;
/** Requests that may wait in the gate at once: for a decision, for what the server says of a path, for one before them. */
const WAITING_MAX = 256;
/** Refusals that are also said in words on the error output: most clients show none of a status but its number. */
const SAID_MAX = 64;
const ID_MAX = 0xffffffff;

/** What the target owes for a request. */
export interface Expected {
  /** Which answers there may be, besides a status. */
  readonly kind: Answer['kind'];
  /** False: it is no answer to this. */
  take(answer: Answer, packet: Uint8Array): boolean;
}

type Leave<Key> = (key: Key, bytes: Uint8Array, recorded: Uint8Array) => void;

/** Neighbouring packets that belong together leave as one piece. */
class Batch<Key> {
  #key: Key | undefined;
  #parts: Uint8Array[] = [];
  #recorded: Uint8Array[] | undefined;
  readonly #leave: Leave<Key>;
  readonly #same: (one: Key, other: Key) => boolean;

  constructor(same: (one: Key, other: Key) => boolean, leave: Leave<Key>) {
    this.#same = same;
    this.#leave = leave;
  }

  add(key: Key, parts: readonly Uint8Array[], recorded: readonly Uint8Array[] = parts): void {
    if (this.#key !== undefined && !this.#same(this.#key, key)) this.flush();
    this.#key = key;
    if (recorded !== parts) this.#recorded ??= [...this.#parts];
    this.#parts.push(...parts);
    this.#recorded?.push(...recorded);
  }

  flush(): void {
    const key = this.#key;
    if (key === undefined) return;
    const bytes = concatenate(this.#parts);
    const recorded = this.#recorded === undefined ? bytes : concatenate(this.#recorded);
    this.#key = undefined;
    this.#parts = [];
    this.#recorded = undefined;
    this.#leave(key, bytes, recorded);
  }
}

/** What both sides of a conversation of SFTP share: what was asked, what is open, what runs. */
export class SftpLane {
  readonly ports: Ports;
  /** All that runs before and between operations belongs to the command that started the subsystem. */
  readonly start: Operation;
  /** The agent's numbers of requests that are not answered. */
  readonly ids = new Set<number>();
  /** What the target owes, by the gate's number. */
  readonly inFlight = new Map<number, Expected>();
  /** Requests that are not sent on, in the order in which they came. */
  readonly waiting: Asked[] = [];
  /** Those of them that were given to the gate to decide. */
  readonly judged = new Map<CommandId, Asked>();
  /** All is known of them, and the gate is to decide, one after the other. */
  readonly toJudge: Asked[] = [];
  readonly handles = new Map<HandleName, OpenHandle>();
  /** Those that the target was asked to close and has not answered for: it may give their names again. */
  readonly closing = new Set<OpenHandle>();
  /** All that may run and is not finished. */
  readonly running = new Map<CommandId, Operation>();
  /** How what is no longer running ends, once the agent has its answer. */
  readonly ending = new Map<CommandId, Ending>();
  /** How many requests were sent on that may change where paths lead. */
  changes = 0;
  over = false;
  readonly #said = new Set<string>();
  readonly #toAgent: Batch<CommandId>;
  readonly #toTarget: Batch<Way>;
  #lastId = 0;

  constructor(ports: Ports, start: Operation) {
    this.ports = ports;
    this.start = start;
    this.#toAgent = new Batch<CommandId>(
      (one, other) => one === other,
      (commandId, bytes, recorded) => ports.toAgent(commandId, bytes, recorded),
    );
    this.#toTarget = new Batch<Way>(sameWay, (way, bytes, recorded) => ports.toTarget(way, bytes, recorded));
  }

  get isFull(): boolean {
    return this.inFlight.size >= IN_FLIGHT_MAX || this.waiting.length >= WAITING_MAX || this.ports.isFull;
  }

  /** How many files are open, or about to be, that are read through masks. */
  get maskedFiles(): number {
    return [...this.running.values()].filter(({ isMaskedReading }) => isMaskedReading).length;
  }

  /** Lets go of all that was gathered. */
  flush(): void {
    this.#toTarget.flush();
    this.#toAgent.flush();
  }

  /** Sends a request under a number of the gate's own, so that no number of the agent's meets one of the gate's questions. */
  send(way: Way, packet: Uint8Array, expected: Expected, recorded?: (head: Uint8Array) => readonly Uint8Array[]): void {
    const id = this.#takeId();
    this.inFlight.set(id, expected);
    const parts = partsOf(id, packet);
    this.#toTarget.add(way, parts, recorded?.(parts[0]) ?? parts);
  }

  /** Gives the agent a packet of the target's under the number that it asked with. */
  relay(id: number, commandId: CommandId, packet: Uint8Array, recorded?: readonly Uint8Array[]): void {
    const parts = partsOf(id, packet);
    this.ids.delete(id);
    this.#toAgent.add(commandId, parts, recorded ?? parts);
  }

  /** Gives the agent an answer of the gate's own, whole. */
  answer(id: number, commandId: CommandId, bytes: Uint8Array, recorded: Uint8Array = bytes): void {
    this.ids.delete(id);
    this.#toAgent.add(commandId, [bytes], recorded === bytes ? undefined : [recorded]);
  }

  /** More for the record alone. */
  note(commandId: CommandId, recorded: Uint8Array): void {
    this.#toAgent.add(commandId, [], [recorded]);
  }

  /** The agent is told in a status, and in words, that a request is not carried out. */
  refuse(id: number, commandId: CommandId, refusal: Refusal, code: number = STATUS.permissionDenied): void {
    const text = refusalText(refusal);
    this.answer(id, commandId, writeStatus(id, code, text));
    if (this.#said.has(text) || this.#said.size >= SAID_MAX) return;
    this.#said.add(text);
    this.flush();
    this.ports.say(text);
  }

  /** An operation is over; the record has its end behind its answer. */
  finish(ending: Ending): void {
    const { commandId } = ending;
    this.ending.set(commandId, ending);
    this.#toAgent.flush();
    this.ports.afterAgent(() => this.#close(commandId));
  }

  /** An operation is over by a refusal. `tag`: what had gone through it by then. */
  finishRefused(commandId: CommandId, outcome: 'Refused' | 'Failed', refusal: Refusal, tag = ''): void {
    this.finish({ commandId, outcome, tag, errorCode: refusal.rule, errorText: refusalText(refusal) });
  }

  /** The channel is gone: what is not finished never will be. */
  abandon(reason: string): void {
    if (this.over) return;
    this.over = true;
    const unclosed = [...this.handles.values(), ...this.closing];
    for (const handle of unclosed) this.#noteRest(handle);
    const lost = { outcome: 'Lost', tag: '', errorCode: '', errorText: reason } as const;
    const open = new Map(unclosed.map((handle) => [handle.operation.commandId, handle.summary]));
    for (const commandId of [...this.judged.keys(), ...this.running.keys()]) {
      if (commandId === this.start.commandId || this.ending.has(commandId)) continue;
      this.ending.set(commandId, { commandId, ...lost, tag: open.get(commandId) ?? '' });
    }
    for (const commandId of this.ending.keys()) this.#close(commandId);
  }

  /** What went through a file that is never closed, and waited for its line to end. */
  #noteRest({ name, operation, read, wrote }: OpenHandle): void {
    const [readRest, wroteRest] = [read.recordedRest(), wrote.recordedRest()];
    if (readRest.length > 0) this.ports.note('Agent', operation, writeFrame(PACKET.data, { uint32: 0 }, readRest));
    if (wroteRest.length === 0) return;
    this.ports.note('Target', operation, writeFrame(...writeFields(0, { handle: name, offset: 0 }, wroteRest)));
  }

  broken(who: 'agent' | 'target', what: string): void {
    const reason = `The ${who} sends ${what} over SFTP.`;
    const kind = who === 'agent' ? 'Terminated' : 'TargetUnavailable';
    this.flush();
    this.ports.remark('SftpBroken', reason);
    this.ports.end({ kind, rule: 'protocol', reason, hint: '' });
  }

  #close(commandId: CommandId): void {
    const ending = this.ending.get(commandId);
    if (ending === undefined) return;
    this.ending.delete(commandId);
    const maskedValues = this.running.get(commandId)?.maskedValues ?? 0;
    this.running.delete(commandId);
    this.judged.delete(commandId);
    this.ports.finish(ending, maskedValues);
  }

  #takeId(): number {
    do this.#lastId = this.#lastId === ID_MAX ? 0 : this.#lastId + 1;
    while (this.inFlight.has(this.#lastId));
    return this.#lastId;
  }
}

/** Type and number of a packet. */
export const HEAD_BYTES = 5;

/** A packet whole, with its length, under another number. */
export function numbered(id: number, packet: Uint8Array): Uint8Array {
  return concatenate(partsOf(id, packet));
}

function partsOf(id: number, packet: Uint8Array): readonly [head: Uint8Array, rest: Uint8Array] {
  return [headOf(packet, id), packet.subarray(HEAD_BYTES)];
}

/** Length, type and number, with this number. */
function headOf(packet: Uint8Array, id: number): Uint8Array {
  const head = Buffer.allocUnsafe(LENGTH_BYTES + HEAD_BYTES);
  head.writeUInt32BE(packet.length);
  head[LENGTH_BYTES] = packet[0] ?? 0;
  head.writeUInt32BE(id, LENGTH_BYTES + 1);
  return head;
}

function sameWay(one: Way, other: Way): boolean {
  // Each operation is said to be forwarded by itself.
  if (one.kind === 'Question' || other.kind === 'Question') return one.kind === other.kind;
  return one.kind === 'More' && other.kind === 'More' && one.operation === other.operation;
}

/** The fields of a write. */
export function writeFields(
  id: number,
  { handle, offset }: { readonly handle: HandleName; readonly offset: number },
  data: Uint8Array,
): readonly Field[] {
  return [PACKET.write, { uint32: id }, Buffer.from(handle, 'latin1'), uint64(offset), data];
}

/** A place in a file as a field. */
export function uint64(offset: number): Field {
  const raw = Buffer.allocUnsafe(8);
  raw.writeBigUInt64BE(BigInt(offset));
  return { raw };
}

export function writeStatus(id: number, code: number, text: string): Uint8Array {
  return writeFrame(PACKET.status, { uint32: id }, { uint32: code }, text, '');
}

/** What an answer to a request may be, besides a status. */
export function answerKindOf(request: Request): Answer['kind'] {
  switch (request.kind) {
    case 'Open':
      return 'Handle';
    case 'Read':
      return 'Data';
    case 'Fstat':
      return 'Attributes';
    case 'Readdir':
    case 'HomeDirectory':
      return 'Names';
    case 'Fstatvfs':
    case 'Limits':
    case 'UsersGroups':
      return 'Reply';
    case 'Path':
      return PATH_ANSWERS[request.operation];
    default:
      return 'Status';
  }
}

const PATH_ANSWERS = {
  lstat: 'Attributes',
  stat: 'Attributes',
  opendir: 'Handle',
  remove: 'Status',
  rmdir: 'Status',
  realpath: 'Names',
  readlink: 'Names',
  statvfs: 'Reply',
  'expand-path': 'Names',
} as const;
