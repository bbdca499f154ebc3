import { AnswerMasker } from './answer-masker.ts';
import { BodyReader, FRAME, type FrameScanner } from './codec.ts';
import { AnswerCut } from './cut.ts';
import { IDLE, type Lane } from './lane.ts';
import type { RunningCommand } from './running-command.ts';
import { readShape, type Shape } from './shape.ts';
import type { Portal } from './statements.ts';

/** Takes the server's frames in order, masks what must be masked, and keeps the books of what the server still owes. */
export class TargetSide {
  readonly #lane: Lane;
  readonly #scanner: FrameScanner;
  readonly #answers: AnswerMasker;
  readonly #cut: AnswerCut;
  #lastShape: { readonly frame: Uint8Array; readonly shape: Shape } | undefined;

  constructor(lane: Lane, scanner: FrameScanner) {
    this.#lane = lane;
    this.#scanner = scanner;
    this.#answers = new AnswerMasker(lane);
    this.#cut = new AnswerCut(lane);
  }

  /** Masks were added while answers are on their way. */
  masksAdded(): void {
    for (const command of this.#lane.running) this.#answers.renewCopy(command);
  }

  receive(): void {
    this.#receiveAll();
    this.#answers.received();
  }

  #receiveAll(): void {
    const lane = this.#lane;
    while (!lane.over) {
      const result = this.#scanner.next();
      if (result === 'More') return;
      if (result !== 'Frame') {
        const what = result === 'TooLarge' ? 'larger than the gate takes' : 'malformed';
        return lane.breach('Fault', `The target sent a frame that is ${what}.`);
      }
      if (!this.#take(this.#scanner.type))
        return lane.breach('Fault', 'The target sent a frame that does not belong here.');
      lane.deliverLocal();
    }
  }

  /** False: the frame does not belong here. */
  #take(type: number): boolean {
    const lane = this.#lane;
    const { head } = lane;
    if (this.#cut.drops(type) || !this.#admitted(type)) return true;
    switch (type) {
      case FRAME.notice:
      case FRAME.notification:
      case FRAME.parameterStatus:
        return this.#unasked(type);
      case FRAME.readyForQuery:
        return this.#ready();
      default:
        lane.reportFinished();
    }
    switch (type) {
      case FRAME.dataRow:
        return (head?.kind === 'Execute' || head?.kind === 'Query') && this.#answers.row(head.command, this.#scanner);
      case FRAME.rowDescription:
      case FRAME.noData:
        return this.#shape(type);
      case FRAME.parameterDescription:
        return this.#parameters();
      case FRAME.parseComplete:
        return head?.kind === 'Parse' && this.#small(head.command, 'PARSE');
      case FRAME.bindComplete:
        if (head?.kind !== 'Bind') return false;
        // Portals and cursors have their names in common: what had this one is gone.
        lane.state.forgetCursor(head.portal);
        this.#pass(head.command.id);
        lane.settled();
        return true;
      case FRAME.closeComplete:
        if (head?.kind !== 'Close') return false;
        if (head.portal !== undefined) lane.state.forgetCursor(head.portal);
        this.#pass(0);
        lane.settled();
        return true;
      case FRAME.commandComplete:
      case FRAME.emptyQuery:
        return this.#complete(type);
      case FRAME.portalSuspended:
        return head?.kind === 'Execute' && this.#small(head.command, '');
      case FRAME.error:
        return this.#error();
      case FRAME.functionResult:
        return head?.kind === 'FunctionCall' && this.#answers.functionResult(head.command, this.#scanner);
      case FRAME.copyIn:
        return this.#copyIn();
      case FRAME.copyOut:
        if (head?.kind !== 'Execute' && head?.kind !== 'Query') return false;
        this.#pass(head.command.id);
        this.#answers.beginCopy(head.command);
        return true;
      case FRAME.copyData:
      case FRAME.copyDone:
        return (head?.kind === 'Execute' || head?.kind === 'Query') && this.#answers.copy(head.command, this.#scanner);
      default:
        return false;
    }
  }

  /** False: a limit cut the answer at this frame. */
  #admitted(type: number): boolean {
    const { head } = this.#lane;
    if (head?.kind !== 'Query' && head?.kind !== 'Execute' && head?.kind !== 'FunctionCall') return true;
    if (head.command.meter === undefined) return true;
    const isRow = type === FRAME.dataRow || type === FRAME.copyData || type === FRAME.functionResult;
    if (!isRow && type !== FRAME.notice) return true;
    const { start, end } = this.#scanner;
    return this.#cut.admits(head.command, isRow ? 1 : 0, end - start);
  }

  /** One frame ends the command. */
  #small(command: RunningCommand, tag: string): boolean {
    this.#pass(command.id);
    this.#lane.settled();
    command.tag = tag;
    this.#lane.finish(command);
    return true;
  }

  #shape(type: number): boolean {
    const lane = this.#lane;
    const { head } = lane;
    const shape = type === FRAME.noData ? undefined : this.#readShape();
    if (shape === undefined && type === FRAME.rowDescription) return false;
    if (head?.kind === 'Query' && shape !== undefined) {
      head.command.shape = shape;
      head.command.rowPlan = undefined;
      this.#pass(head.command.id);
      return true;
    }
    if (head?.kind !== 'Describe') return false;
    lane.settled();
    if (head.portal !== undefined) head.portal.shape = shape;
    if (head.statement !== undefined) {
      head.statement.shape = shape;
      head.statement.shapeEpoch = head.epoch;
    }
    if (!head.swallow) this.#pass(described(head.portal)?.id ?? 0);
    if (head.unexpected !== undefined) lane.outbox.answer(0, head.unexpected);
    return true;
  }

  /** One that looks like the last one is the last one: what was worked out for it holds. */
  #readShape(): Shape | undefined {
    const { buffer, start, end } = this.#scanner;
    const last = this.#lastShape;
    const frame = buffer.subarray(start, end);
    if (last !== undefined && Buffer.compare(last.frame, frame) === 0) return last.shape;
    const shape = readShape(new BodyReader(buffer, start + 5, end));
    this.#lastShape = shape && { frame: Uint8Array.from(frame), shape };
    return shape;
  }

  #parameters(): boolean {
    const { head } = this.#lane;
    if (head?.kind !== 'Describe') return false;
    const { buffer, start, end } = this.#scanner;
    const body = new BodyReader(buffer, start + 5, end);
    const count = body.int16() & 0xffff;
    const types: number[] = [];
    for (let at = 0; at < count && !body.failed; at++) types.push(body.int32() >>> 0);
    if (!body.complete) return false;
    if (head.statement !== undefined) head.statement.parameterTypes = types;
    if (!head.swallow) this.#pass(0);
    return true;
  }

  #complete(type: number): boolean {
    const lane = this.#lane;
    const { head } = lane;
    if (head?.kind !== 'Query' && head?.kind !== 'Execute') return false;
    const { command } = head;
    const { buffer, start, end } = this.#scanner;
    const tag = type === FRAME.emptyQuery ? '' : new BodyReader(buffer, start + 5, end).string();
    command.tag = tag;
    this.#applied(command, tag);
    if (command.copyOut !== undefined) {
      command.copyOut = undefined;
      command.rows += Number(/^COPY (\d{1,15})$/u.exec(tag)?.[1] ?? 0);
    }
    this.#pass(command.id);
    command.statementIndex++;
    command.shape = undefined;
    command.rowPlan = undefined;
    if (head.kind === 'Execute') {
      lane.settled();
      lane.finish(command);
    }
    return true;
  }

  /** What the statement changes for those after it. */
  #applied(command: RunningCommand, tag: string): void {
    const lane = this.#lane;
    const { statement, reading } = command;
    if (statement === undefined) {
      // A command that could not be read whole was let through: whatever it did, nothing is known for certain from here on.
      if (reading === undefined || !reading.command.complete) {
        lane.state.applied({ kind: 'Unknown' }, tag);
        lane.catalogChanged();
      }
      return;
    }
    if (command.configures) lane.state.configured();
    if (statement.changesCatalog) lane.catalogChanged(statement);
    lane.state.redefined(statement);
    const effect = statement.sessionEffect;
    if (effect === undefined) return;
    if (effect.kind === 'Set' && effect.value !== undefined) lane.said.set(effect.name, effect.value);
    lane.state.applied(effect, tag);
    lane.shapeEpoch++;
    switch (effect.kind) {
      case 'Prepare':
        lane.preparedInSql(effect.name, effect.reading, command);
        break;
      case 'Deallocate':
        if (effect.name === undefined) lane.statements.clearStatements();
        else lane.statements.closeStatement(effect.name);
        break;
      case 'DiscardAll':
        lane.statements.clearStatements();
        lane.statements.clearPortals(lane.answered);
        break;
      case 'DeclareCursor':
        lane.statements.closePortal(effect.name);
        break;
      case 'CloseCursor':
        if (effect.name === undefined) lane.statements.clearPortals(lane.answered);
        else lane.statements.closePortal(effect.name);
        break;
      default:
    }
  }

  #error(): boolean {
    const lane = this.#lane;
    const { head } = lane;
    lane.state.failed();
    if (head === undefined) {
      this.#answers.error(undefined, this.#scanner, FRAME.error);
      return true;
    }
    switch (head.kind) {
      case 'Query':
      case 'FunctionCall':
        this.#answers.error(head.command, this.#scanner, FRAME.error);
        // ReadyForQuery follows; until it is there nothing else is sent, however the bytes are cut.
        if (lane.copyCommand === head.command) lane.copy = 'Awaited';
        return true;
      case 'Sync':
        // A commit that failed: what ran before has been answered already.
        this.#answers.error(undefined, this.#scanner, FRAME.error);
        return true;
      case 'Parse':
      case 'Bind':
      case 'Execute':
        this.#answers.error(head.command, this.#scanner, FRAME.error);
        break;
      case 'Describe':
        this.#answers.error(described(head.portal), this.#scanner, FRAME.error);
        break;
      case 'Close':
        this.#answers.error(undefined, this.#scanner, FRAME.error);
        break;
      case 'Local':
        return false;
      default:
        head satisfies never;
    }
    lane.failCycle();
    return true;
  }

  #ready(): boolean {
    const lane = this.#lane;
    const { head } = lane;
    const { buffer, start, end } = this.#scanner;
    if (end - start !== 6) return false;
    if (head?.kind !== 'Query' && head?.kind !== 'FunctionCall' && head?.kind !== 'Sync') return false;
    lane.settled();
    const status = buffer[start + 5] ?? IDLE;
    lane.status = status;
    lane.state.ready(status);
    if (status === IDLE) {
      lane.catalogWatch.committed();
      lane.statements.clearPortals(lane.answered);
    }
    if (head.kind === 'Sync') {
      this.#pass(lane.finishingId);
      lane.reportFinished();
      lane.endCycle(head.cycle);
      return true;
    }
    this.#pass(head.command.id);
    lane.finish(head.command);
    lane.reportFinished();
    return true;
  }

  #copyIn(): boolean {
    const lane = this.#lane;
    const { head } = lane;
    if (head?.kind !== 'Query' && head?.kind !== 'Execute') return false;
    this.#pass(head.command.id);
    lane.copy = 'In';
    lane.copyCommand = head.command;
    // The server skips a Sync that stands between the command and the rows.
    while (lane.queue[1]?.kind === 'Sync') lane.unexpectSecond();
    return true;
  }

  /** Frames that may come at any time. */
  #unasked(type: number): boolean {
    const lane = this.#lane;
    const { buffer, start, end } = this.#scanner;
    if (type === FRAME.notice) {
      const { head } = lane;
      this.#answers.error(
        head !== undefined && 'command' in head ? head.command : undefined,
        this.#scanner,
        FRAME.notice,
      );
      return true;
    }
    if (type === FRAME.notification) return this.#answers.notification(this.#scanner);
    const body = new BodyReader(buffer, start + 5, end);
    const name = body.string();
    const value = body.string();
    if (!body.complete) return false;
    lane.parameterReported(name, value);
    this.#answers.setting(name, value, this.#scanner);
    return true;
  }

  #pass(commandId: number): void {
    const { buffer, start, end } = this.#scanner;
    this.#lane.outbox.pass(commandId, buffer, start, end);
  }
}

/** The command that the description of a portal belongs to: the one that bound it, until that is over. */
function described(portal: Portal | undefined): RunningCommand | undefined {
  return portal?.command.finished === true ? undefined : portal?.command;
}
