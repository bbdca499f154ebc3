import type { CommandId, JudgedCommand, Refusal, Settlement } from '../../protocol.ts';
import { writeFrame } from '../codec.ts';
import { judgedCommand } from '../judged.ts';
import { commandOf, operationText, type Reading, read } from './classify.ts';
import { type HandleName, type Request, readRequest } from './codec.ts';
import { HEAD_BYTES, numbered, type SftpLane, writeFields, writeStatus } from './lane.ts';
import { lookUp } from './lookup.ts';
import { type AskedRead, MaskedReads } from './masked-reads.ts';
import { STATUS } from './messages.ts';
import { type Asked, changesNames, mustKeepOrder, type OpenHandle, Operation } from './operation.ts';
import { isBeyondMasks, MASKED, type TargetSide } from './target-side.ts';
import { unsupported } from './unsupported.ts';

/** Files and directories that one conversation may have open. */
const HANDLES_MAX = 1_024;
/** Files that may be open in one connection and are read through masks: a window of each is kept. */
const MASKED_MAX = 16;
const UNREADABLE = unsupported('It names what is no path: no text in UTF-8, or too long.');
const NO_HANDLE = unsupported('No such handle is open.');
const NOT_FOR_THAT = unsupported('The file was not opened for that.');
const TOO_MANY = unsupported(`More than ${HANDLES_MAX} files and directories are open.`);

const MOVED = unsupported('While it waited, its paths came to lead elsewhere.', 'Ask for it again.');
const TOO_MANY_MASKED = unsupported(`Masks are in force, and more than ${MASKED_MAX} files are open for reading.`);
const NOT_WHILE_MASKED = unsupported('Masks are in force, which cannot reach what it is answered.');

/** Where the conversation started, as the server says. */
export interface Home {
  readonly path: string;
  /** Answers a question for it. */
  readonly tell: (id: number) => void;
}

/** What the agent asks for, once the conversation has begun. */
export class AgentSide {
  readonly #lane: SftpLane;
  readonly #target: TargetSide;
  readonly #home: Home;
  readonly #maskedReads: MaskedReads;

  constructor(lane: SftpLane, target: TargetSide, home: Home) {
    this.#lane = lane;
    this.#target = target;
    this.#maskedReads = new MaskedReads(lane, target);
    this.#home = home;
  }

  /** What is kept of files that are read through masks, in bytes. */
  get heldBytes(): number {
    return this.#maskedReads.heldBytes;
  }

  take(packet: Uint8Array): void {
    const lane = this.#lane;
    const asked = readRequest(packet);
    if (asked === undefined) return lane.broken('agent', 'a malformed packet');
    const { id, request } = asked;
    if (lane.ids.has(id)) return lane.broken('agent', 'a number that is in use');
    lane.ids.add(id);
    if (request.kind === 'Unsupported') {
      const reason = `It is not understood: ${request.what}.`;
      lane.ports.remark('RequestRefused', `The agent asked for ${request.what} over SFTP.`);
      return lane.refuse(id, lane.start.commandId, unsupported(reason), STATUS.unsupported);
    }
    if (isHome(request)) return this.#home.tell(id);
    if (request.kind === 'Limits') return this.#passStart(this.#asked(id, request, packet, undefined, undefined));
    const handle = handleOf(request);
    const open = handle === undefined ? undefined : lane.handles.get(handle);
    if (handle !== undefined && open === undefined) return this.#noHandle(id);
    const reading = read(request, this.#home.path, open?.paths);
    if (reading === 'Unreadable') return lane.refuse(id, lane.start.commandId, UNREADABLE);
    return this.#queue(this.#asked(id, request, packet, open, reading === 'Handle' ? undefined : reading));
  }

  /** Answers one read through masks for which all is there. False: there is none. */
  readNext(): boolean {
    const answered = this.#maskedReads.answerNext();
    if (answered !== undefined) this.#leave(answered);
    return answered !== undefined;
  }

  /** Asks the gate about the next operation of which all is known. */
  judgeNext(): void {
    const asked = this.#lane.toJudge.shift();
    const { reading } = asked ?? {};
    if (asked === undefined || reading === undefined) return;
    this.#lane.flush();
    const judged = judgedOf(asked, reading, this.#lane, this.#home.path);
    const commandId = this.#lane.ports.judge(judged);
    this.#lane.judged.set(commandId, asked);
  }

  settle(asked: Asked, commandId: CommandId, settlement: Settlement): void {
    const lane = this.#lane;
    if (settlement.kind === 'Hold') {
      asked.wasHeld = true;
      lane.flush();
      lane.ports.say(`sidegate: waiting: ${settlement.notice}`);
      return lane.ports.say(`sidegate: waiting: ${settlement.hint}`);
    }
    if (settlement.kind === 'Refuse') {
      this.#refuse(asked, commandId, settlement.refusal);
      return this.#leave(asked);
    }
    const operation = new Operation(commandId, settlement);
    lane.running.set(commandId, operation);
    lane.judged.delete(commandId);
    this.#forwardAsFound(asked, operation, asked.wasHeld);
  }

  /**
   * What was judged is where its paths led when the server was asked. People may have been asked since, which may be long ago, and the agent itself may have
   * moved a link that they go over: then the server is asked again.
   */
  #forwardAsFound(asked: Asked, operation: Operation, isOld: boolean): void {
    const { reading, changesBefore } = asked;
    if (reading !== undefined && (isOld || changesBefore !== this.#lane.changes)) {
      return this.#lookAgain(asked, operation, reading);
    }
    this.#forward(asked, operation);
    return this.#leave(asked);
  }

  #lookAgain(asked: Asked, operation: Operation, { wanted }: Reading): void {
    asked.changesBefore = this.#lane.changes;
    lookUp(this.#lane, wanted, ({ paths, failed }) => {
      const { found } = asked;
      const isSame = paths.every(({ real, isTree }, at) => real === found[at]?.real && isTree === found[at]?.isTree);
      asked.failed = failed;
      if (isSame) return this.#forwardAsFound(asked, operation, false);
      this.#refuse(asked, operation.commandId, MOVED);
      return this.#leave(asked);
    });
  }

  #asked(
    id: number,
    request: Request,
    packet: Uint8Array,
    handle: OpenHandle | undefined,
    reading: Reading | undefined,
  ): Asked {
    const named = reading?.wanted.flatMap(({ path }) => (path === undefined ? [] : [path])) ?? [];
    const changes = reading?.wanted.some(({ access }) => access.includes('Write')) ?? false;
    return {
      id,
      request,
      packet,
      reading,
      handle,
      paths: handle?.paths ?? named,
      mutates: changes || request.kind === 'Write' || request.kind === 'CopyData',
      isBlocked: false,
      wasHeld: false,
      changesBefore: 0,
      found: [],
      failed: undefined,
    };
  }

  /** It waits only for earlier ones that may change what it is about, or that it may change. */
  #queue(asked: Asked): void {
    const { waiting } = this.#lane;
    asked.isBlocked = waiting.some((earlier) => mustKeepOrder(earlier, asked));
    if (asked.reading === undefined && !asked.isBlocked && !isMaskedRead(asked)) return this.#pass(asked);
    waiting.push(asked);
    if (!asked.isBlocked) this.#begin(asked);
  }

  #begin(asked: Asked): void {
    const { reading } = asked;
    if (isMaskedRead(asked) && this.#isOpen(asked.handle)) return this.#maskedReads.add(asked);
    if (reading === undefined) {
      this.#pass(asked);
      return this.#leave(asked);
    }
    const { wanted } = reading;
    asked.changesBefore = this.#lane.changes;
    return lookUp(this.#lane, wanted, ({ paths, failed }) => {
      asked.found = paths;
      asked.failed = failed;
      const real = paths.flatMap((one) => (one.real === undefined || one.real === '' ? [] : [one.real]));
      asked.paths = [...new Set([...asked.paths, ...real])];
      this.#lane.toJudge.push(asked);
    });
  }

  /** Nothing waits for it any more. */
  #leave(asked: Asked): void {
    const { waiting } = this.#lane;
    const at = waiting.indexOf(asked);
    if (at < 0) return;
    waiting.splice(at, 1);
    // What begins may leave at once, and let others begin.
    for (const one of waiting.filter(({ isBlocked }) => isBlocked)) {
      if (!one.isBlocked || waiting.find((other) => other === one || mustKeepOrder(other, one)) !== one) continue;
      one.isBlocked = false;
      this.#begin(one);
    }
  }

  #refuse({ id }: Asked, commandId: CommandId, refusal: Refusal): void {
    const lane = this.#lane;
    lane.refuse(id, commandId, refusal);
    lane.finishRefused(commandId, 'Refused', refusal);
  }

  #forward(asked: Asked, operation: Operation): void {
    const lane = this.#lane;
    const { commandId, masks } = operation;
    const { id, request, failed, handle } = asked;
    if (failed !== undefined) {
      lane.answer(id, commandId, writeStatus(id, failed.code, masks.maskContent(failed.text)));
      return this.#target.finish(operation, failed, '');
    }
    const access = request.kind === 'Open' ? (asked.reading?.wanted[0]?.access ?? []) : [];
    if (access.includes('Read') && !masks.empty) {
      if (access.includes('Write')) return this.#refuse(asked, commandId, MASKED);
      if (lane.ports.maskedFiles >= MASKED_MAX) return this.#refuse(asked, commandId, TOO_MANY_MASKED);
      operation.isMaskedReading = true;
    }
    if (isBeyondMasks(request, masks)) return this.#refuse(asked, commandId, NOT_WHILE_MASKED);
    if (handle !== undefined && !this.#isOpen(handle)) return this.#refuse(asked, commandId, NO_HANDLE);
    const opens = request.kind === 'Open' || (request.kind === 'Path' && request.operation === 'opendir');
    if (opens && lane.handles.size >= HANDLES_MAX) return this.#refuse(asked, commandId, TOO_MANY);
    if (changesNames(request)) lane.changes += 1;
    return lane.send({ kind: 'Start', operation }, asked.packet, this.#target.operation(asked, operation));
  }

  /** It may have been closed since it was asked about, and its name given again. */
  #isOpen(handle: OpenHandle): boolean {
    return this.#lane.handles.get(handle.name) === handle;
  }

  #noHandle(id: number): void {
    this.#lane.ports.remark('HandleRefused', 'The agent names a handle that is not open.');
    this.#lane.refuse(id, this.#lane.start.commandId, NO_HANDLE, STATUS.failure);
  }

  /** What belongs to the start of the conversation. */
  #passStart(asked: Asked): void {
    const { start } = this.#lane;
    this.#lane.send({ kind: 'More', operation: start }, asked.packet, this.#target.ofHandle(asked, start));
  }

  /** What belongs to a handle goes on under the permit that opened it. */
  #pass(asked: Asked): void {
    const lane = this.#lane;
    const { request, handle, id, packet } = asked;
    if (handle === undefined || !this.#isOpen(handle)) return this.#noHandle(id);
    const { operation } = handle;
    const way = { kind: 'More', operation } as const;
    const refusal = request.kind === 'Close' ? undefined : this.#whyNot(request, handle);
    if (refusal !== undefined) return lane.refuse(id, operation.commandId, refusal);
    if (request.kind === 'Close') {
      lane.handles.delete(handle.name);
      lane.closing.add(handle);
      this.#maskedReads.close(handle);
    }
    const expected = this.#target.ofHandle(asked, operation, handle);
    const { recordMasks } = operation;
    if (request.kind === 'Write') {
      const { offset, data } = request;
      handle.wrote.add(offset, data);
      const recorded = handle.wrote.recorded(data, recordMasks);
      const kept = recorded === data ? undefined : () => [writeFrame(...writeFields(id, request, recorded))];
      return lane.send(way, packet, expected, kept);
    }
    const rest = request.kind === 'Close' ? handle.wrote.recordedRest() : undefined;
    if (rest === undefined || rest.length === 0) return lane.send(way, packet, expected);
    const written = writeFrame(...writeFields(id, { handle: handle.name, offset: 0 }, rest));
    return lane.send(way, packet, expected, (head) => [written, head, packet.subarray(HEAD_BYTES)]);
  }

  #whyNot(request: Request, handle: OpenHandle): Refusal | undefined {
    if (handle.refusal !== undefined) return handle.refusal;
    if (isBeyondMasks(request, handle.operation.masks)) return MASKED;
    if (request.kind === 'Read') return handle.reads ? undefined : NOT_FOR_THAT;
    if (request.kind === 'Write') return handle.writes ? undefined : NOT_FOR_THAT;
    if (request.kind !== 'CopyData') return undefined;
    const from = this.#lane.handles.get(request.from);
    if (from === undefined) return NO_HANDLE;
    if (!from.reads || !handle.writes) return NOT_FOR_THAT;
    return from.refusal ?? (isBeyondMasks(request, from.operation.masks) ? MASKED : undefined);
  }
}

function isMaskedRead(asked: Asked): asked is AskedRead {
  return asked.request.kind === 'Read' && asked.handle?.operation.isMaskedReading === true;
}

function isHome(request: Request): boolean {
  if (request.kind !== 'Path' || request.operation !== 'realpath') return false;
  const { path } = request;
  return path.length === 0 || (path.length === 1 && path[0] === DOT);
}

const DOT = 46;

function handleOf(request: Request): HandleName | undefined {
  if (request.kind === 'CopyData') return request.to;
  return 'handle' in request ? request.handle : undefined;
}

function judgedOf({ packet, found }: Asked, reading: Reading, lane: SftpLane, home: string): JudgedCommand {
  const command = commandOf(reading, found, home);
  const text = operationText(reading);
  // The number says nothing about what is done.
  const wire = numbered(0, packet);
  return judgedCommand({ command, text, wire, verbs: ['sftp', reading.name] }, lane.start);
}
