import type { MaskRules } from '@sidegate/policy';
import type { Outbox } from '../outbox.ts';
import type { CloseCode, CommandId, JudgedCommand, Refusal, Step } from '../protocol.ts';
import type { Asked, Channel, RunningCommand } from './channel.ts';
import { type Field, writeData, writeFrame, writePiece } from './codec.ts';
import { MESSAGE, OPEN_FAILURE } from './messages.ts';
import { refusalText, writeRefusedEnd } from './refuse.ts';

const NOTHING = new Uint8Array(0);
/** Channels open at once in one connection. */
const CHANNELS_MAX = 2_048;

interface LaneOptions {
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  /** Commands that may run or wait at once. */
  readonly pendingMax: number;
}

/** What both sides of an open session share: its channels, and how a command on one ends. */
export class Lane {
  readonly outbox: Outbox;
  readonly channels = new Map<number, Channel>();
  /** The channels whose command is judged and not finished, by command. */
  readonly pending = new Map<CommandId, Channel>();
  /** What was asked for while too many commands ran. */
  readonly deferred: { readonly channel: Channel; readonly asked: Asked }[] = [];
  masks: MaskRules;
  recordMasks: MaskRules;
  /** Channels whose operations wait because too many commands run. */
  readonly stalled = new Set<Channel>();
  /** The gate is asked about a command, and answers before anything else is taken: what comes of it keeps its place. */
  isJudging = false;
  over = false;
  #lastCommandId: CommandId = 0;
  readonly #pendingMax: number;
  readonly #free: number[] = [];
  #nextId = 0;

  constructor(outbox: Outbox, { masks, recordMasks, pendingMax }: LaneOptions) {
    this.outbox = outbox;
    this.#pendingMax = pendingMax;
    this.masks = masks;
    this.recordMasks = recordMasks;
  }

  get running(): readonly Pick<RunningCommand, 'addMasks'>[] {
    return [...this.channels.values()].flatMap(({ command, sftp }) =>
      [command, sftp?.session].filter((one) => one !== undefined),
    );
  }

  get isFull(): boolean {
    return this.pending.size >= this.#pendingMax;
  }

  /** What its channels hold in memory, in bytes. */
  get heldBytes(): number {
    let bytes = 0;
    for (const channel of this.channels.values()) bytes += channel.heldBytes;
    return bytes;
  }

  /** Something of the agent's waits until less runs. */
  get isAwaited(): boolean {
    return this.deferred.length > 0 || this.stalled.size > 0;
  }

  /** Asks the gate about what runs in the channel, or about one operation of it. */
  judge(channel: Channel, judged: JudgedCommand): CommandId {
    this.#lastCommandId += 1;
    const commandId = this.#lastCommandId;
    this.pending.set(commandId, channel);
    this.isJudging = true;
    this.outbox.push({ kind: 'Judge', commandId, judged });
    return commandId;
  }

  /** A number for a new channel; undefined when there are too many. */
  takeId(): number | undefined {
    if (this.channels.size >= CHANNELS_MAX) return undefined;
    return this.#free.pop() ?? this.#nextId++;
  }

  toAgent(...fields: readonly Field[]): void {
    this.outbox.push({ kind: 'ToAgent', bytes: writeFrame(...fields) });
  }

  toTarget(...fields: readonly Field[]): void {
    this.outbox.push({ kind: 'PaceTarget', bytes: writeFrame(...fields) });
  }

  remark(code: string, text: string): void {
    this.outbox.push({ kind: 'Remark', code, text });
  }

  /** Bytes for the agent that belong to what the channel runs. */
  answer(channel: Channel, bytes: Uint8Array, recorded: Uint8Array = bytes): void {
    this.outbox.answer(channel.commandId ?? 0, bytes, recorded);
  }

  /** Gives the agent what it takes now. */
  drainToAgent(channel: Channel): void {
    const { toAgent, agentNumber } = channel;
    for (let piece = toAgent.next(); piece !== undefined; piece = toAgent.next()) {
      piece.atItsTurn?.();
      const [bytes, recorded] = writePiece(agentNumber, piece);
      if (bytes.length + recorded.length === 0) continue;
      if (piece.leave === undefined) this.answer(channel, bytes, recorded);
      else piece.leave(bytes, recorded);
    }
  }

  /** A line of the gate's own on the error output, which takes its room like all output. */
  say(channel: Channel, text: string): void {
    // A terminal in raw mode needs the carriage return.
    const data = Buffer.from(`${oneLine(text)}\r\n`);
    channel.toAgent.push({ isStderr: true, data, recorded: data });
    this.drainToAgent(channel);
  }

  /** A word about what waits, or why it ends: a forward has no error output, so its agent is told beside it (RFC 4253, section 11.3). */
  tell(channel: Channel, text: string): void {
    if (channel.isForward) this.toAgent(MESSAGE.debug, true, oneLine(text), '');
    else this.say(channel, text);
  }

  /** Behind all output that waits. */
  after(channel: Channel, atItsTurn: () => void): void {
    channel.toAgent.push({ isStderr: false, data: NOTHING, recorded: NOTHING, atItsTurn });
    this.drainToAgent(channel);
  }

  /** Grants the target what the agent takes, and no more. `kept`: what the gate has of it and did not queue, in bytes. */
  grantTarget(channel: Channel, kept = 0): void {
    if (channel.targetNumber === undefined || channel.closed.toTarget) return;
    const more = channel.toAgent.grant(kept);
    if (more > 0) this.toTarget(MESSAGE.channelWindowAdjust, { uint32: channel.targetNumber }, { uint32: more });
  }

  /** What a channel runs is refused, or may go on no longer: a line that says why, then its end on both sides. */
  refuse(channel: Channel, refusal: Refusal, wantsReply: boolean): void {
    const { agentNumber } = channel;
    channel.toAgent.drop();
    if (channel.isForward) this.#refuseForward(channel, refusal);
    else if (!channel.closed.toAgent) {
      if (wantsReply) this.answer(channel, writeFrame(MESSAGE.channelSuccess, { uint32: agentNumber }));
      this.say(channel, refusalText(refusal));
      this.answer(channel, Buffer.concat(writeRefusedEnd(agentNumber)));
      channel.closed.toAgent = true;
    }
    channel.toAgent.drop();
    channel.toTarget?.drop();
    this.finish(channel, channel.command === undefined ? 'Refused' : 'Failed', refusal.rule, refusalText(refusal));
    channel.spent = true;
    this.closeTarget(channel);
    this.forget(channel);
  }

  #refuseForward(channel: Channel, refusal: Refusal): void {
    const { closed, isOpen, agentNumber } = channel;
    const text = refusalText(refusal);
    if (isOpen) {
      this.tell(channel, text);
      if (!closed.toAgent) this.answer(channel, writeFrame(MESSAGE.channelClose, { uint32: agentNumber }));
      closed.toAgent = true;
      return;
    }
    const asked = channel.waiting?.judged.maskedText() ?? '';
    this.remark('ForwardRefused', `The agent asked for a channel ${asked}.`);
    this.failOpen(channel, OPEN_FAILURE.prohibited, text);
    // Where the target was asked already, its answer is still to come.
    if (!channel.isOpening) Object.assign(closed, { byTarget: true, toTarget: true });
  }

  /** The agent gets no channel. */
  failOpen(channel: Channel, code: number, text: string): void {
    const fields = [{ uint32: channel.agentNumber }, { uint32: code }, oneLine(text), ''];
    const bytes = writeFrame(MESSAGE.channelOpenFailure, ...fields);
    if (channel.commandId === undefined) this.outbox.push({ kind: 'ToAgent', bytes });
    else this.answer(channel, bytes);
    Object.assign(channel.closed, { byAgent: true, toAgent: true });
  }

  closeTarget(channel: Channel): void {
    const { targetNumber, closed } = channel;
    if (targetNumber === undefined || closed.toTarget) return;
    closed.toTarget = true;
    this.toTarget(MESSAGE.channelClose, { uint32: targetNumber });
  }

  finish(
    channel: Channel,
    outcome: Extract<Step, { readonly kind: 'Finished' }>['outcome'],
    errorCode = '',
    errorText = '',
  ): void {
    const { commandId, command, sftp, typed } = channel;
    if (commandId === undefined) return;
    if (command !== undefined) this.#recordKept(channel, command);
    sftp?.session.abandon(errorText === '' ? 'The channel is closed.' : errorText);
    channel.sftp = undefined;
    typed?.abandon(errorText === '' ? 'The channel is closed.' : errorText);
    channel.typed = undefined;
    this.pending.delete(commandId);
    channel.commandId = undefined;
    channel.command = undefined;
    channel.waiting = undefined;
    const { tag = '', maskedValues = 0 } = command ?? {};
    this.outbox.push({ kind: 'Finished', commandId, outcome, tag, errorCode, errorText, rows: 0, maskedValues });
  }

  /** What has crossed and waits for the rest of its line has no more to wait for. */
  #recordKept({ agentNumber, targetNumber = 0 }: Channel, command: RunningCommand): void {
    const { id: commandId, permit, input, outputs } = command;
    for (const [index, output] of outputs.entries()) {
      const kept = output.endRecord();
      if (kept.length > 0) this.outbox.answer(commandId, NOTHING, writeData(agentNumber, index === 1, kept));
    }
    const kept = input.end();
    if (kept.length === 0) return;
    this.outbox.push({
      kind: 'Input',
      commandId,
      permit,
      bytes: NOTHING,
      recorded: writeData(targetNumber, false, kept),
    });
  }

  /** The channel's number is free once both sides have closed it. */
  forget(channel: Channel): void {
    const { byAgent, byTarget, toAgent, toTarget } = channel.closed;
    const isTargetDone = channel.targetNumber === undefined ? channel.spent && byTarget : byTarget && toTarget;
    if (!byAgent || !toAgent || !isTargetDone || !this.channels.delete(channel.id)) return;
    this.#free.push(channel.id);
  }

  /** The end: what runs is lost, both sides close. */
  end(code: CloseCode, reason: string, farewell: Uint8Array | undefined): void {
    if (this.over) return;
    this.over = true;
    for (const channel of this.channels.values()) this.finish(channel, 'Lost', '', reason);
    this.channels.clear();
    if (farewell !== undefined) this.outbox.push({ kind: 'ToAgent', bytes: farewell });
    this.outbox.push({ kind: 'Close', code, reason });
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}
