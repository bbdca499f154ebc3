import type { CommandId, JudgedCommand, Refusal, Step } from '../protocol.ts';
import type { CarriedSftp, Channel } from './channel.ts';
import { writeData, writePiece } from './codec.ts';
import type { Flow, Piece } from './flow.ts';
import type { Lane } from './lane.ts';
import { MESSAGE } from './messages.ts';
import type { Operation } from './sftp/operation.ts';
import type { Ending, Ports, Way } from './sftp/ports.ts';
import { SftpSession } from './sftp/session.ts';

/** What the gate keeps of either direction of SFTP, in bytes: some of the largest packets. */
const ROOM_BYTES = 1024 * 1024;
const NOTHING = new Uint8Array(0);

interface Start {
  readonly start: Operation;
  readonly toTarget: Flow;
  readonly targetNumber: number;
}

/** The channel in which a conversation of SFTP runs: its packets go through the windows of the channel, each with what it belongs to. */
export class SftpChannel implements Ports, CarriedSftp {
  readonly session: SftpSession;
  readonly #lane: Lane;
  readonly #channel: Channel;
  readonly #toTarget: Flow;
  readonly #targetNumber: number;

  /** `start`: the command that started the subsystem. */
  constructor(lane: Lane, channel: Channel, { start, toTarget, targetNumber }: Start) {
    this.#lane = lane;
    this.#channel = channel;
    this.#toTarget = toTarget;
    this.#targetNumber = targetNumber;
    toTarget.room = ROOM_BYTES;
    channel.toAgent.room = ROOM_BYTES;
    this.session = new SftpSession(this, start);
  }

  receiveAgent(bytes: Uint8Array): void {
    this.session.receiveAgent(bytes);
    this.grant();
  }

  receiveTarget(bytes: Uint8Array): void {
    this.session.receiveTarget(bytes);
    this.grant();
  }

  get isFull(): boolean {
    if (this.#lane.isFull) this.#lane.stalled.add(this.#channel);
    // An agent that does not read what it is told may ask for nothing more.
    return this.#lane.isFull || this.#channel.toAgent.queued >= ROOM_BYTES;
  }

  get isJudging(): boolean {
    return this.#lane.isJudging;
  }

  get maskedFiles(): number {
    return [...this.#lane.channels.values()].reduce((sum, { sftp }) => sum + (sftp?.session.maskedFiles ?? 0), 0);
  }

  toAgent(commandId: CommandId, data: Uint8Array, recorded: Uint8Array): void {
    const leave: Piece['leave'] = (bytes, shown) => this.#lane.outbox.answer(commandId, bytes, shown);
    this.#channel.toAgent.push({ isStderr: false, data, recorded, leave });
    this.#lane.drainToAgent(this.#channel);
  }

  afterAgent(atItsTurn: () => void): void {
    this.#lane.after(this.#channel, atItsTurn);
  }

  toTarget(way: Way, data: Uint8Array, recorded: Uint8Array): void {
    const leave: Piece['leave'] = (bytes, shown) => this.#lane.outbox.push(stepOf(way, bytes, shown));
    this.#toTarget.push({ isStderr: false, data, recorded, leave });
    this.drain();
  }

  note(side: 'Agent' | 'Target', { commandId, permit }: Operation, data: Uint8Array): void {
    const { outbox } = this.#lane;
    if (side === 'Agent') return outbox.answer(commandId, NOTHING, writeData(this.#channel.agentNumber, false, data));
    const recorded = writeData(this.#targetNumber, false, data);
    return outbox.push({ kind: 'Input', commandId, permit, bytes: NOTHING, recorded });
  }

  judge(judged: JudgedCommand): CommandId {
    return this.#lane.judge(this.#channel, judged);
  }

  opened(commandId: CommandId): void {
    this.#lane.pending.delete(commandId);
  }

  finish(ending: Ending, maskedValues: number): void {
    this.#lane.pending.delete(ending.commandId);
    this.#lane.outbox.push({ kind: 'Finished', ...ending, rows: 0, maskedValues });
  }

  say(text: string): void {
    this.#lane.say(this.#channel, text);
  }

  remark(code: string, text: string): void {
    this.#lane.remark(code, text);
  }

  end(refusal: Refusal): void {
    this.#lane.refuse(this.#channel, refusal, false);
  }

  /** Gives the target what it takes now. */
  drain(): void {
    const { closed } = this.#channel;
    for (let piece = this.#toTarget.next(); piece !== undefined; piece = this.#toTarget.next()) {
      const [bytes, recorded] = writePiece(this.#targetNumber, piece);
      if (!closed.toTarget) piece.leave?.(bytes, recorded);
    }
  }

  /** The agent takes more. */
  widened(): void {
    this.session.pump();
    this.grant();
  }

  /** Grants both sides what there is room for. */
  grant(): void {
    const { closed, agentNumber } = this.#channel;
    this.#lane.grantTarget(this.#channel, this.session.keptOfTarget);
    const more = closed.toAgent ? 0 : this.#toTarget.grant(this.session.kept);
    if (more > 0) this.#lane.toAgent(MESSAGE.channelWindowAdjust, { uint32: agentNumber }, { uint32: more });
  }
}

function stepOf(way: Way, bytes: Uint8Array, recorded: Uint8Array): Step {
  if (way.kind === 'Question') return { kind: 'PaceTarget', bytes };
  const { commandId, permit } = way.operation;
  return way.kind === 'Start'
    ? { kind: 'ToTarget', commandId, permit, bytes }
    : { kind: 'Input', commandId, permit, bytes, recorded };
}
