import { isAscii, isUtf8 } from 'node:buffer';
import { concatenate } from '../../concatenate.ts';
import {
  type BindFrame,
  isWellFormed,
  readBind,
  readExecute,
  readFunctionCall,
  readNamed,
  readParse,
  readQuery,
} from './agent-frame.ts';
import { type CommandSource, classify, classifyFunctionCall } from './classify.ts';
import { asLatin1, asText, FRAME, type FrameScanner } from './codec.ts';
import { SYNC, TERMINATE } from './codec-writer.ts';
import { CopyInFlow } from './copy-in-flow.ts';
import type { Forwarder } from './forwarder.ts';
import type { Lane } from './lane.ts';
import type { NumberedReading } from './reading-cache.ts';
import { writeError } from './refuse.ts';
import { sameMeaning } from './sql-reading.ts';
import type { Portal } from './statements.ts';
import type { Waiting } from './waiting.ts';

/** Frames that wait for the server's answers, for every command that may. */
const FRAMES_PER_COMMAND = 8;
/** So much behind a command that waits, in bytes, and the agent is not read until that has gone on. */
const AHEAD_BYTES_MAX = 1024 * 1024;

/** Takes the agent's frames in order: what is a command is shown to the gate, the rest is passed on, and nothing overtakes. */
export class AgentSide {
  readonly #lane: Lane;
  readonly #scanner: FrameScanner;
  readonly #forwarder: Forwarder;
  readonly #copyIn: CopyInFlow;
  /** The scanner's current frame had to wait and is tried again. */
  #again = false;

  constructor(lane: Lane, scanner: FrameScanner, forwarder: Forwarder) {
    this.#lane = lane;
    this.#scanner = scanner;
    this.#forwarder = forwarder;
    this.#copyIn = new CopyInFlow(lane);
  }

  /** Takes as many frames as can be taken now. */
  pump(): void {
    const lane = this.#lane;
    const scanner = this.#scanner;
    while (!lane.over && lane.waiting === undefined && !lane.catalogAsked) {
      if (!this.#again) {
        const result = scanner.next();
        if (result === 'More') break;
        if (result !== 'Frame') {
          this.#copyIn.flush();
          const what = result === 'TooLarge' ? 'larger than the gate takes' : 'malformed';
          return lane.breach('Fault', `The client sent a frame that is ${what}.`);
        }
      }
      this.#again = !this.#take(scanner.type);
      if (this.#again) {
        // It waits for the server, which may wait for a Flush itself.
        if (!lane.catalogAsked) lane.flush();
        break;
      }
    }
    this.#copyIn.flush();
  }

  /** Something waits, for people, the server or the catalog, and much has come behind it. A frame that is not whole yet waits for nothing. */
  get isFull(): boolean {
    const { over, waiting, catalogAsked } = this.#lane;
    if (over || this.#scanner.heldBytes <= AHEAD_BYTES_MAX) return false;
    return this.#again || waiting !== undefined || catalogAsked;
  }

  /** Beside what the scanner has: the frame that waits. */
  get heldBytes(): number {
    if (this.#again) return this.#scanner.end - this.#scanner.start;
    return this.#lane.waiting?.judged.wire.length ?? 0;
  }

  /** False: the frame must wait for the server or the catalog. */
  #take(type: number): boolean {
    const lane = this.#lane;
    if (type !== FRAME.copyData) this.#copyIn.flush();
    const { buffer, start, end } = this.#scanner;
    if (!isWellFormed(type, buffer, start + 5, end)) return this.#malformed();
    if (type === FRAME.terminate) {
      lane.end('AgentLeft', 'The client said goodbye.', undefined, { kind: 'PaceTarget', bytes: TERMINATE });
      return true;
    }
    if (lane.cancelling) return false;
    if (lane.skipping && type !== FRAME.sync) return true;
    if (lane.copy === 'In') return this.#copyIn.take(type, this.#scanner);
    if (lane.copy === 'Awaited' && type !== FRAME.sync && type !== FRAME.flush) return false;
    if (lane.queue.length >= lane.limits.pendingCommandsMax * FRAMES_PER_COMMAND) return false;
    switch (type) {
      case FRAME.query:
        return this.#query();
      case FRAME.parse:
        return this.#parse();
      case FRAME.bind:
        return this.#bind();
      case FRAME.execute:
        return this.#execute();
      case FRAME.describe:
      case FRAME.close:
        return this.#named(type);
      case FRAME.flush:
        if (lane.cycleOpen) lane.flushNeeded = true;
        lane.flush();
        return true;
      case FRAME.sync:
        return this.#sync();
      case FRAME.functionCall:
        return this.#functionCall();
      case FRAME.copyData:
      case FRAME.copyDone:
      case FRAME.copyFail:
        // As the server does: what comes behind a COPY that failed is no error.
        return true;
      default:
        lane.breach('Fault', 'The client sent a frame of an unknown type.');
        return true;
    }
  }

  #query(): boolean {
    const { buffer, start, end } = this.#scanner;
    const bytes = readQuery(buffer, start + 5, end);
    if (bytes === undefined) return this.#malformed();
    if (!this.#mayBegin()) return false;
    const text = this.#text(bytes);
    const numbered = this.#lane.read(text);
    if (this.#unsettled(numbered)) return false;
    if (this.#lane.asksForMissingName(text, numbered)) return false;
    const frame = this.#scanner.frame();
    const judged = this.#classify(text, numbered, frame, this.#readable(bytes));
    this.#judge({ kind: 'Query', frame, judged, numbered });
    return true;
  }

  #parse(): boolean {
    const { buffer, start, end } = this.#scanner;
    const parse = readParse(buffer, start + 5, end);
    if (parse === undefined) return this.#malformed();
    if (this.#stuck()) return this.#fail('54000', 'too many portals wait to be executed');
    if (!this.#mayBegin()) return false;
    if (this.#lane.statements.full)
      return this.#fail('54000', 'too many prepared statements and portals in one session');
    const text = this.#text(parse.text);
    const numbered = this.#lane.read(text);
    if (this.#unsettled(numbered)) return false;
    if (this.#lane.asksForMissingName(text, numbered)) return false;
    const frame = this.#scanner.frame();
    const { name, parameterTypes } = parse;
    const readable = this.#readable(parse.text);
    const judged = classify({ ...this.#source(), text, numbered, wire: frame, prepares: name, readable });
    this.#judge({ kind: 'Parse', frame, judged, numbered, name, text, parameterTypes, readable });
    return true;
  }

  #bind(): boolean {
    const { buffer, start, end } = this.#scanner;
    const bind = readBind(buffer, start + 5, end);
    if (bind === undefined) return this.#malformed();
    if (this.#stuck()) return this.#fail('54000', 'too many portals wait to be executed');
    if (!this.#mayBegin()) return false;
    const { statements } = this.#lane;
    if (this.#lane.uncertain('S', bind.statement)) return false;
    const statement = statements.statement(bind.statement);
    if (statement === undefined) return this.#unknown('S', bind.statement);
    if (statements.full) return this.#fail('54000', 'too many prepared statements and portals in one session');
    return this.#judgeBind(bind, statement);
  }

  #judgeBind(bind: BindFrame, statement: NonNullable<ReturnType<Lane['statements']['statement']>>): boolean {
    const numbered = this.#lane.currentNumbered(statement);
    if (this.#unsettled(numbered)) return false;
    const frame = this.#scanner.frame();
    const { binds, resultFormats: formats, portal: name } = bind;
    const { text, readable, parameterTypes } = statement;
    const wire = concatenate([statement.wire, frame]);
    const judged = classify({ ...this.#source(), text, numbered, wire, binds, parameterTypes, readable });
    this.#judge({ kind: 'Bind', frame, judged, numbered, name, statement, formats, binds });
    return true;
  }

  #execute(): boolean {
    const { buffer, start, end } = this.#scanner;
    const execute = readExecute(buffer, start + 5, end);
    if (execute === undefined) return this.#malformed();
    if (this.#lane.uncertain('P', execute.portal)) return false;
    const portal = this.#lane.statements.portal(execute.portal);
    if (portal === undefined) return this.#unknown('P', execute.portal);
    // What runs may change what the portal means: a utility statement looks names up when it runs.
    if (this.#lane.changing) return false;
    const frame = this.#scanner.frame();
    if (this.#stillJudged(portal)) {
      this.#forwarder.execute(portal, portal.command, frame);
      return true;
    }
    if (!this.#mayBegin()) return false;
    return this.#judgeAgain(portal, frame);
  }

  /** Rows of a portal that was begun before: what holds now decides about them. */
  #judgeAgain(portal: Portal, frame: Uint8Array): boolean {
    const { statement, binds } = portal;
    const { text, readable, parameterTypes } = statement;
    const numbered = this.#lane.currentNumbered(statement);
    if (this.#unsettled(numbered)) return false;
    // The server keeps to what the names meant when the portal was bound.
    if (!numbered.reading.ofThisMoment && !sameMeaning(numbered.reading, portal.numbered.reading))
      return this.#fail('55000', `portal "${portal.name}" was bound when its names meant something else: bind it anew`);
    const wire = concatenate([portal.wire, frame]);
    const { id: continues } = portal.command;
    const judged = classify({ ...this.#source(), text, numbered, wire, binds, parameterTypes, continues, readable });
    this.#judge({ kind: 'Execute', frame, judged, numbered, portal });
    return true;
  }

  #named(type: number): boolean {
    const { buffer, start, end } = this.#scanner;
    const named = readNamed(buffer, start + 5, end);
    if (named === undefined) return this.#malformed();
    const frame = this.#scanner.frame();
    if (type === FRAME.close) this.#forwarder.close(named.what, named.name, frame);
    else this.#forwarder.describe(named.what, named.name, frame);
    return true;
  }

  #sync(): boolean {
    const lane = this.#lane;
    lane.outbox.push({ kind: 'PaceTarget', bytes: SYNC });
    lane.expect({ kind: 'Sync', cycle: lane.cycle });
    lane.cycle++;
    lane.cycleOpen = false;
    lane.flushNeeded = false;
    lane.skipping = false;
    return true;
  }

  #functionCall(): boolean {
    const { buffer, start, end } = this.#scanner;
    const oid = readFunctionCall(buffer, start + 5, end);
    if (oid === undefined) return this.#malformed();
    if (!this.#mayBegin()) return false;
    const frame = this.#scanner.frame();
    this.#judge({ kind: 'FunctionCall', frame, judged: classifyFunctionCall(oid, frame), numbered: undefined });
    return true;
  }

  /** The first Execute of a portal belongs to its Bind, as long as nothing has changed since that was judged. */
  #stillJudged({ executed, cycle, rulesEpoch, command, numbered, statement }: Portal): boolean {
    const lane = this.#lane;
    const means = numbered === lane.currentNumbered(statement);
    const fresh = cycle === lane.cycle && rulesEpoch === lane.rulesEpoch && means;
    return fresh && !executed && !command.finished && !numbered.reading.ofThisMoment;
  }

  /** It was read with the help of names that frames on their way may still change: it is read again when they are answered. */
  #unsettled({ reading }: NumberedReading): boolean {
    return reading.ofThisMoment && this.#lane.queue.length > 0;
  }

  /** So many portals were bound and not executed that no answer will ever make room. */
  #stuck(): boolean {
    const { running, queue, limits, changing } = this.#lane;
    return !changing && running.size >= limits.pendingCommandsMax && queue.length === 0;
  }

  /** A command may begin when nothing is under way that could change what it means. */
  #mayBegin(): boolean {
    const lane = this.#lane;
    if (lane.changing || lane.running.size >= lane.limits.pendingCommandsMax) return false;
    if (!lane.catalogWatch.lies) return true;
    lane.askCatalog();
    return false;
  }

  #judge(waiting: DistributiveOmit<Waiting, 'commandId' | 'skipped'>): void {
    const lane = this.#lane;
    const commandId = ++lane.lastCommandId;
    lane.waiting = { ...waiting, commandId, skipped: false };
    lane.outbox.push({ kind: 'Judge', commandId, judged: waiting.judged });
  }

  #classify(text: string, numbered: NumberedReading, wire: Uint8Array, readable: boolean): Waiting['judged'] {
    return classify({ ...this.#source(), text, numbered, wire, readable });
  }

  #source(): Pick<CommandSource, 'recordMasks' | 'place'> {
    const { state } = this.#lane;
    return { recordMasks: () => this.#lane.recordMasks, place: state.place };
  }

  #text(bytes: Uint8Array): string {
    return this.#lane.utf8 ? asText(bytes) : asLatin1(bytes);
  }

  #readable(bytes: Uint8Array): boolean {
    return this.#lane.utf8 ? isUtf8(bytes) : isAscii(bytes);
  }

  /** An error that the server would give too; the rest of the cycle is dropped. */
  #fail(sqlState: string, message: string): boolean {
    const lane = this.#lane;
    const bytes = writeError('ERROR', sqlState, message);
    lane.expect({ kind: 'Local', commandId: 0, bytes, ready: false, errorCode: sqlState, errorText: message });
    lane.skipping = true;
    lane.flush();
    lane.deliverLocal();
    return true;
  }

  #unknown(what: 'S' | 'P', name: string): boolean {
    const kind = what === 'S' ? 'prepared statement' : 'portal';
    const error = writeError('ERROR', what === 'S' ? '26000' : '34000', `${kind} "${name}" does not exist`);
    this.#forwarder.failAsUnknown(what, name, error);
    return true;
  }

  #malformed(): boolean {
    this.#lane.breach('Fault', 'The client sent a malformed frame.');
    return true;
  }
}

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;
