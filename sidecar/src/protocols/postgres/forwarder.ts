import type { Refusal, Settlement } from '../protocol.ts';
import { FRAME } from './codec.ts';
import { writeNamed } from './codec-writer.ts';
import type { Lane } from './lane.ts';
import { isPureRead } from './pure-read.ts';
import { sqlStateOf, writeRefusal } from './refuse.ts';
import { RunningCommand } from './running-command.ts';
import { withFormats } from './shape.ts';
import type { Portal, PreparedStatement } from './statements.ts';
import type { Waiting } from './waiting.ts';

type WaitingOf<Kind extends Waiting['kind']> = Extract<Waiting, { readonly kind: Kind }>;

/** Sends on what may pass and keeps the books of what the server then owes. */
export class Forwarder {
  readonly #lane: Lane;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** The gate lets a command pass. */
  forward(waiting: Waiting, { permit, masks, recordMasks, meter }: Extract<Settlement, { kind: 'Forward' }>): void {
    const lane = this.#lane;
    if (waiting.skipped) {
      lane.drop(
        waiting.commandId,
        'Failed',
        '',
        'An earlier command of the pipeline failed, so this one was not sent.',
      );
      return;
    }
    const command = new RunningCommand({
      id: waiting.commandId,
      permit,
      text: waiting.judged.text,
      reading: waiting.numbered?.reading,
      cycle: lane.cycle,
      masks,
      recordMasks,
      meter,
    });
    lane.running.add(command);
    switch (waiting.kind) {
      case 'Query':
      case 'FunctionCall':
        lane.executing(command);
        this.#send(command, waiting.frame);
        lane.expect({ kind: waiting.kind, command });
        this.#awaitCopy(command);
        break;
      case 'Parse':
        this.#parse(waiting, command);
        break;
      case 'Bind':
        this.#bind(waiting, command);
        break;
      case 'Execute':
        this.execute(waiting.portal, command, waiting.frame);
        break;
      default:
        waiting satisfies never;
    }
  }

  /** The gate refuses a command: the agent hears of it in its turn, and the rest of an extended cycle is dropped. */
  refuse(waiting: Waiting, refusal: Refusal): void {
    const lane = this.#lane;
    if (waiting.skipped) {
      lane.drop(waiting.commandId, 'Refused', sqlStateOf(refusal), refusal.reason);
      return;
    }
    const ready = waiting.kind === 'Query' || waiting.kind === 'FunctionCall';
    lane.expect({
      kind: 'Local',
      commandId: waiting.commandId,
      bytes: writeRefusal(refusal),
      ready,
      errorCode: sqlStateOf(refusal),
      errorText: refusal.reason,
    });
    if (!ready) lane.skipping = true;
    lane.flush();
    lane.deliverLocal();
  }

  execute(portal: Portal, command: RunningCommand, frame: Uint8Array): void {
    const lane = this.#lane;
    portal.executed = true;
    lane.executing(command);
    if (command.meter !== undefined && !isPureRead(command.reading)) lane.writingCycles.add(command.cycle);
    this.#learnShape(portal, command);
    this.#send(command, frame);
    lane.expect({ kind: 'Execute', command, portal });
    this.#extended();
    this.#awaitCopy(command);
  }

  describe(what: 'S' | 'P', name: string, frame: Uint8Array): void {
    const lane = this.#lane;
    const statement = what === 'S' ? lane.statements.statement(name) : undefined;
    const portal = what === 'P' ? lane.statements.portal(name) : undefined;
    if (statement !== undefined) statement.describedEpoch = lane.shapeEpoch;
    if (portal !== undefined) portal.described = true;
    lane.outbox.push({ kind: 'PaceTarget', bytes: frame });
    lane.expect({ kind: 'Describe', statement, portal, epoch: lane.shapeEpoch, swallow: false });
    this.#extended();
  }

  /**
   * A name that nobody made here. The server is asked in place of what the agent wanted to do with it, so that the error is its own and its
   * transaction fails as it would have; the rest of the cycle is dropped.
   */
  failAsUnknown(what: 'S' | 'P', name: string, error: Uint8Array): void {
    const lane = this.#lane;
    lane.outbox.push({ kind: 'PaceTarget', bytes: writeNamed(FRAME.describe, what, name) });
    lane.expect({
      kind: 'Describe',
      statement: undefined,
      portal: undefined,
      epoch: lane.shapeEpoch,
      swallow: true,
      unexpected: error,
    });
    lane.skipping = true;
    this.#extended();
  }

  close(what: 'S' | 'P', name: string, frame: Uint8Array): void {
    const lane = this.#lane;
    const { place } = lane;
    const undo = what === 'S' ? lane.statements.closeStatement(name, place) : lane.statements.closePortal(name, place);
    lane.outbox.push({ kind: 'PaceTarget', bytes: frame });
    lane.expect({ kind: 'Close', portal: what === 'P' ? name : undefined, undo });
    this.#extended();
  }

  #parse(waiting: WaitingOf<'Parse'>, command: RunningCommand): void {
    const lane = this.#lane;
    const { name, text, parameterTypes, frame, numbered, readable } = waiting;
    const statement: PreparedStatement = {
      name,
      text,
      whole: numbered,
      readable,
      prepareIndex: undefined,
      wire: Uint8Array.from(frame),
      memo: { key: lane.memoKey(), numbered },
      parameterTypes,
      shape: undefined,
      shapeEpoch: 0,
      describedEpoch: 0,
    };
    this.#send(command, frame);
    lane.expect({ kind: 'Parse', command, undo: lane.statements.addStatement(statement, lane.place) });
    this.#extended();
  }

  #bind(waiting: WaitingOf<'Bind'>, command: RunningCommand): void {
    const lane = this.#lane;
    const { name, statement, formats, binds, judged, frame, numbered } = waiting;
    const portal: Portal = {
      name,
      statement,
      numbered,
      formats,
      binds,
      wire: judged.wire,
      command,
      cycle: lane.cycle,
      rulesEpoch: lane.rulesEpoch,
      position: lane.position,
      executed: false,
      described: false,
      shape: undefined,
    };
    this.#send(command, frame);
    lane.expect({ kind: 'Bind', command, portal: name, undo: lane.statements.addPortal(portal, lane.place) });
    this.#extended();
  }

  /** Makes sure that the rows of an Execute can be told apart by column when anything is masked: if need be by asking the server. */
  #learnShape(portal: Portal, command: RunningCommand): void {
    const lane = this.#lane;
    const { statement } = portal;
    if (portal.shape === undefined && statement.shape !== undefined && statement.shapeEpoch === lane.shapeEpoch)
      portal.shape = withFormats(statement.shape, portal.formats);
    if (portal.shape !== undefined || portal.described || (command.masks.empty && command.recordMasks.empty)) return;
    if (statement.describedEpoch === lane.shapeEpoch || command.statement?.outputs?.length === 0) return;
    portal.described = true;
    lane.outbox.push({ kind: 'PaceTarget', bytes: writeNamed(FRAME.describe, 'P', portal.name) });
    lane.expect({ kind: 'Describe', statement: undefined, portal, epoch: lane.shapeEpoch, swallow: true });
  }

  #awaitCopy(command: RunningCommand): void {
    if (!command.copiesIn) return;
    this.#lane.copy = 'Awaited';
    this.#lane.copyCommand = command;
  }

  #send(command: RunningCommand, bytes: Uint8Array): void {
    this.#lane.outbox.push({ kind: 'ToTarget', commandId: command.id, permit: command.permit, bytes });
  }

  #extended(): void {
    this.#lane.cycleOpen = true;
    this.#lane.flushNeeded = true;
  }
}
