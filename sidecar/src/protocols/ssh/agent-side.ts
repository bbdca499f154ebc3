import { assertNever } from '@sidegate/crds';
import type { Settlement } from '../protocol.ts';
import { type Asked, Channel, RunningCommand, type Waiting } from './channel.ts';
import { FORWARD } from './classify.ts';
import { exactText, type FrameReader, forwardTo, MessageReader, writeData, writeFrame, writePiece } from './codec.ts';
import { readDestination } from './destination.ts';
import { Flow } from './flow.ts';
import type { Lane } from './lane.ts';
import { recordedRequest } from './masked-request.ts';
import { MESSAGE, OPEN_FAILURE } from './messages.ts';
import { writeFarewell } from './refuse.ts';
import { asking, isSftp, judgedOf, readRequest, unmaskableIn, unsupportedIn, writeForward } from './request.ts';
import { Operation } from './sftp/operation.ts';
import { SftpChannel } from './sftp-channel.ts';
import { TypedInput } from './typed-input.ts';

/** The largest packet that the transport takes. */
const PACKET_BYTES_MAX = 32 * 1024;
/** env and pty-req of one channel, in bytes. */
const PREPARING_BYTES_MAX = 64 * 1024;
/** Variables that change the language and the look, and the one by which git chooses its protocol. */
const VARIABLES = /^(?:LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLORTERM|NO_COLOR|GIT_PROTOCOL)$/;
const VALUE = /^[\w.@:=+/-]{0,128}$/;
const WHILE_RUNNING = new Set(['window-change', 'signal', 'break', 'eow@openssh.com']);

/** What the agent of an open session sends (RFC 4254). */
export class AgentSide {
  readonly #lane: Lane;
  readonly #reader: FrameReader;

  constructor(lane: Lane, reader: FrameReader) {
    this.#lane = lane;
    this.#reader = reader;
  }

  /** Takes every whole message that is there. */
  pump(): void {
    const { deferred, stalled } = this.#lane;
    for (const channel of this.#lane.isFull ? [] : [...stalled]) {
      stalled.delete(channel);
      channel.sftp?.session.pump();
      channel.typed?.drain();
      channel.sftp?.grant();
      this.endInput(channel);
    }
    while (!this.#lane.over && !this.#lane.isJudging) {
      const next = this.#lane.isFull ? undefined : deferred.shift();
      if (next !== undefined) {
        // It may be gone by now.
        if (!next.channel.spent) this.#judge(next.channel, next.asked);
        continue;
      }
      const message = this.#reader.next();
      if (message === undefined) return;
      if (message === 'TooLarge') return this.#broken('a message that is too large');
      this.#take(message);
    }
  }

  settle(channel: Channel, waiting: Waiting, settlement: Settlement): void {
    const lane = this.#lane;
    switch (settlement.kind) {
      case 'Hold':
        lane.tell(channel, `sidegate: waiting: ${settlement.notice}`);
        return lane.tell(channel, `sidegate: waiting: ${settlement.hint}`);
      case 'Refuse':
        return lane.refuse(channel, settlement.refusal, waiting.wantsReply);
      case 'Forward':
        return this.#forward(channel, waiting, settlement);
      default:
        return assertNever(settlement);
    }
  }

  #take(message: Uint8Array): void {
    const type = message[0];
    if (type === MESSAGE.disconnect) return this.#lane.end('AgentLeft', 'The agent closed the connection.', undefined);
    if (type === MESSAGE.globalRequest) return this.#globalRequest(new MessageReader(message));
    if (type === MESSAGE.channelOpen) return this.#open(new MessageReader(message));
    const reader = new MessageReader(message);
    const channel = this.#lane.channels.get(reader.uint32());
    const isKnown = channel?.closed.byAgent === false && (channel.isOpen || !channel.isForward);
    if (!reader.whole || channel === undefined || !isKnown) {
      return this.#broken(`a message of type ${type ?? 0} for a channel that is not open`);
    }
    switch (type) {
      case MESSAGE.channelWindowAdjust:
        channel.toAgent.widen(reader.uint32());
        if (!reader.whole) return this.#broken('a message that is cut short');
        this.#lane.drainToAgent(channel);
        if (channel.sftp === undefined) return this.#lane.grantTarget(channel);
        channel.sftp.widened();
        return this.endInput(channel);
      case MESSAGE.channelData:
        return this.#data(channel, reader);
      case MESSAGE.channelEof:
        channel.ended.byAgent = true;
        return this.endInput(channel);
      case MESSAGE.channelClose:
        return this.#close(channel);
      case MESSAGE.channelRequest:
        return this.#request(channel, reader, message);
      default:
        return this.#broken(`a message of type ${type ?? 0}`);
    }
  }

  #globalRequest(reader: MessageReader): void {
    const name = reader.text();
    const wantsReply = reader.boolean();
    if (!reader.whole) return this.#broken('a message that is cut short');
    const isPlain = name === 'keepalive@openssh.com' || name === 'no-more-sessions@openssh.com';
    if (!isPlain) this.#lane.remark('RequestRefused', `The agent asked for ${name.slice(0, 64)}.`);
    if (wantsReply) this.#lane.toAgent(MESSAGE.requestFailure);
  }

  #open(reader: MessageReader): void {
    const lane = this.#lane;
    const type = reader.text();
    const agentNumber = reader.uint32();
    const window = reader.uint32();
    const packetMax = reader.uint32();
    if (!reader.whole || packetMax === 0) return this.#broken('a message that is cut short');
    const most = Math.min(packetMax, PACKET_BYTES_MAX);
    if (type === FORWARD) return this.#openForward(reader, agentNumber, window, most);
    if (type !== 'session') return this.#refuseType(type, agentNumber);
    const id = this.#takeId(agentNumber);
    if (id === undefined) return undefined;
    lane.channels.set(id, new Channel(id, agentNumber, new Flow(window, most)));
    // It carries nothing yet: what is to run in it is judged.
    return lane.toTarget(MESSAGE.channelOpen, 'session', { uint32: id }, { uint32: window }, { uint32: most });
  }

  /** Nothing is opened before it may lead where it is to lead. */
  #openForward(reader: MessageReader, agentNumber: number, window: number, most: number): void {
    const host = exactText(reader.bytes()) ?? '';
    const port = reader.uint32();
    // Where the agent says that it comes from is nothing that the gate can know, and goes no further.
    reader.bytes();
    reader.uint32();
    if (!reader.ended) return this.#broken('a message that is cut short');
    const destination = readDestination(host, port);
    if (destination === undefined) {
      const place = `${JSON.stringify(host.slice(0, 256))} ${port}`;
      return this.#refuseOpen(agentNumber, `${FORWARD} ${place}`, `${place} names no host and port.`);
    }
    const id = this.#takeId(agentNumber);
    if (id === undefined) return undefined;
    const channel = new Channel(id, agentNumber, new Flow(window, most), true);
    this.#lane.channels.set(id, channel);
    const message = writeForward(destination, { number: id, window, most });
    return this.#ask(channel, { request: { kind: 'Forward', ...destination }, message, wantsReply: false });
  }

  #takeId(agentNumber: number): number | undefined {
    const id = this.#lane.takeId();
    if (id === undefined) this.#refuseMore(agentNumber);
    return id;
  }

  #refuseMore(agentNumber: number): void {
    const reason = `${this.#lane.channels.size} channels are open in this connection, which is as many as there may be.`;
    this.#lane.remark('ChannelRefused', reason);
    this.#failOpen(agentNumber, OPEN_FAILURE.resourceShortage, `sidegate: denied: ${reason}`);
  }

  #refuseType(type: string, agentNumber: number): void {
    return this.#refuseOpen(agentNumber, type.slice(0, 256), `channels of type ${type} are not carried.`);
  }

  /** What was asked for is in the record. */
  #refuseOpen(agentNumber: number, asked: string, reason: string): void {
    this.#lane.remark('ForwardRefused', `The agent asked for a channel ${asked}.`);
    this.#failOpen(agentNumber, OPEN_FAILURE.prohibited, `sidegate: denied: ${reason}`);
  }

  #failOpen(agentNumber: number, code: number, text: string): void {
    this.#lane.toAgent(MESSAGE.channelOpenFailure, { uint32: agentNumber }, { uint32: code }, text, '');
  }

  #data(channel: Channel, reader: MessageReader): void {
    const data = reader.bytes();
    if (!reader.ended) return this.#broken('a message that is cut short');
    if (channel.toTarget?.take(data.length) !== true || channel.ended.byAgent) {
      return this.#broken('data that nobody has room for');
    }
    // What belongs to nothing that was judged, or to what was refused, is not kept.
    if (channel.closed.toTarget || channel.spent) return;
    if (channel.sftp !== undefined) return channel.sftp.receiveAgent(data);
    channel.toTarget.push({ isStderr: false, data, recorded: data });
    this.drainToTarget(channel);
  }

  /** Gives the target what it takes now, once the command may run. */
  drainToTarget(channel: Channel): void {
    const { command, toTarget, targetNumber, sftp, typed } = channel;
    if (sftp !== undefined || typed !== undefined) {
      (sftp ?? typed)?.drain();
      return this.endInput(channel);
    }
    if (command === undefined || toTarget === undefined || targetNumber === undefined) return;
    for (let piece = toTarget.next(); piece !== undefined; piece = toTarget.next()) {
      const shown = { ...piece, recorded: command.input.push(piece.data) };
      const [bytes, recorded] = writePiece(targetNumber, shown);
      this.#input(channel, command, bytes, recorded);
    }
    this.endInput(channel);
  }

  /** The end of its input goes to the target, once nothing of it waits any more. */
  endInput(channel: Channel): void {
    const { command, toTarget, targetNumber, ended, closed } = channel;
    if (!ended.byAgent || ended.toTarget || command === undefined || targetNumber === undefined || closed.toTarget)
      return;
    if (toTarget?.isEmpty !== true || channel.sftp?.session.isIdle === false || channel.typed?.isIdle === false) return;
    const rest = command.input.end();
    const eof = writeFrame(MESSAGE.channelEof, { uint32: targetNumber });
    const shown = rest.length === 0 ? eof : Buffer.concat([writeData(targetNumber, false, rest), eof]);
    ended.toTarget = true;
    this.#input(channel, command, eof, shown);
  }

  #input(channel: Channel, command: RunningCommand, bytes: Uint8Array, recorded: Uint8Array): void {
    if (channel.closed.toTarget) return;
    this.#lane.outbox.push({ kind: 'Input', commandId: command.id, permit: command.permit, bytes, recorded });
  }

  #close(channel: Channel): void {
    const lane = this.#lane;
    channel.closed.byAgent = true;
    const { command, sftp, typed, closed } = channel;
    if (command !== undefined && sftp === undefined && typed === undefined && !closed.toAgent) {
      // A status may come behind the end of the output, at which clients close: the channel is open to the agent until the target closes it.
      channel.toAgent.dropData();
      lane.closeTarget(channel);
      return lane.drainToAgent(channel);
    }
    if (!channel.closed.toAgent) {
      channel.closed.toAgent = true;
      lane.toAgent(MESSAGE.channelClose, { uint32: channel.agentNumber });
    }
    channel.toAgent.drop();
    lane.finish(channel, 'Lost', '', 'The agent closed the channel.');
    channel.spent = true;
    lane.closeTarget(channel);
    lane.forget(channel);
  }

  #request(channel: Channel, reader: MessageReader, message: Uint8Array): void {
    const type = reader.text();
    const wantsReply = reader.boolean();
    if (!reader.whole) return this.#broken('a message that is cut short');
    if (channel.closed.toAgent) return undefined;
    if (channel.isForward) return this.#refuseRequest(channel, type, wantsReply);
    const isFresh = !channel.isAsked && !channel.spent;
    if (isFresh && (type === 'env' || type === 'pty-req')) {
      return this.#prepare(channel, type, wantsReply, reader, message);
    }
    const request = readRequest(type, reader);
    if (request !== undefined && isFresh) {
      if (!reader.ended) return this.#broken('a message that is cut short');
      channel.isAsked = true;
      return this.#ask(channel, { request, message: Uint8Array.from(message), wantsReply });
    }
    const { command, targetNumber } = channel;
    if (command !== undefined && targetNumber !== undefined && WHILE_RUNNING.has(type)) {
      if (wantsReply) channel.owed.push('Agent');
      const bytes = forwardTo(targetNumber, message);
      return this.#input(channel, command, bytes, recordedRequest(bytes, command.masks[1]));
    }
    return this.#refuseRequest(channel, type, wantsReply);
  }

  #refuseRequest(channel: Channel, type: string, wantsReply: boolean): void {
    const isPlain = type === 'keepalive@openssh.com' || WHILE_RUNNING.has(type);
    if (!isPlain) this.#lane.remark('RequestRefused', `The agent asked for ${type.slice(0, 64)} in a channel.`);
    this.#reply(channel, wantsReply, false);
  }

  /** What is set up before a command belongs to it, and waits for its permit. */
  #prepare(channel: Channel, type: string, wantsReply: boolean, reader: MessageReader, message: Uint8Array): void {
    if (type === 'env') {
      const name = reader.text();
      const value = reader.text();
      if (!reader.ended) return this.#broken('a message that is cut short');
      if (!VARIABLES.test(name) || !VALUE.test(value)) {
        this.#lane.remark('VariableRefused', `The agent set the variable ${name.slice(0, 64)}.`);
        return this.#reply(channel, wantsReply, false);
      }
    }
    if (channel.preparingBytes + message.length > PREPARING_BYTES_MAX || (type === 'pty-req' && channel.hasTerminal)) {
      return this.#reply(channel, wantsReply, false);
    }
    channel.preparingBytes += message.length;
    channel.preparing.push(Uint8Array.from(message));
    if (type === 'pty-req') channel.hasTerminal = true;
    this.#reply(channel, wantsReply, true);
  }

  #reply(channel: Channel, wantsReply: boolean, isSuccess: boolean): void {
    if (!wantsReply) return;
    const type = isSuccess ? MESSAGE.channelSuccess : MESSAGE.channelFailure;
    this.#lane.toAgent(type, { uint32: channel.agentNumber });
  }

  #ask(channel: Channel, asked: Asked): void {
    if (this.#lane.isFull) this.#lane.deferred.push({ channel, asked });
    else this.#judge(channel, asked);
  }

  #judge(channel: Channel, asked: Asked): void {
    const lane = this.#lane;
    const judged = judgedOf(channel, asked.request, asked.message, lane);
    channel.waiting = { ...asked, judged };
    channel.commandId = lane.judge(channel, judged);
  }

  #forward(channel: Channel, waiting: Waiting, settlement: Extract<Settlement, { readonly kind: 'Forward' }>): void {
    const lane = this.#lane;
    const { commandId, targetNumber } = channel;
    if (commandId === undefined || (targetNumber === undefined && !channel.isForward)) return undefined;
    const cannotMask = unmaskableIn(channel, waiting);
    const refusal = unsupportedIn(channel, waiting.request) ?? (settlement.masks.empty ? undefined : cannotMask);
    if (refusal !== undefined) return lane.refuse(channel, refusal, waiting.wantsReply);
    const command = new RunningCommand(commandId, settlement.permit, { ...settlement, cannotMask });
    channel.waiting = undefined;
    channel.command = command;
    if (targetNumber === undefined) {
      channel.isOpening = true;
      return lane.outbox.push({ kind: 'ToTarget', commandId, permit: command.permit, bytes: waiting.message });
    }
    const frames = [...channel.preparing, waiting.message].map((message) => asking(forwardTo(targetNumber, message)));
    for (const _ of channel.preparing) channel.owed.push('Preparing');
    channel.owed.push(waiting.wantsReply ? 'Start' : 'StartUnasked');
    const bytes = Buffer.concat(frames);
    lane.outbox.push({ kind: 'ToTarget', commandId, permit: command.permit, bytes });
    if (frames.length > 1) {
      const prepared = frames.slice(0, -1).map((frame) => recordedRequest(frame, settlement.recordMasks));
      this.#input(channel, command, new Uint8Array(0), Buffer.concat(prepared));
    }
    const { toTarget, targetNumber: number } = channel;
    if (isSftp(waiting.request) && toTarget !== undefined && number !== undefined) {
      this.#openSftp(channel, { start: new Operation(commandId, settlement), toTarget, targetNumber: number });
    }
    if (waiting.request.kind === 'Shell' && channel.hasTerminal && toTarget !== undefined && number !== undefined) {
      channel.typed = new TypedInput(lane, channel, { command, toTarget, targetNumber: number });
    }
    this.drainToTarget(channel);
  }

  #openSftp(channel: Channel, start: ConstructorParameters<typeof SftpChannel>[2]): void {
    const early = start.toTarget.takeAll();
    const sftp = new SftpChannel(this.#lane, channel, start);
    channel.sftp = sftp;
    for (const { data } of early) sftp.receiveAgent(data);
  }

  #broken(what: string): void {
    const reason = `The agent sends ${what}.`;
    const refusal = { kind: 'Terminated', rule: 'protocol', reason, hint: '' } as const;
    this.#lane.end('Fault', reason, writeFarewell(refusal, 'Fault'));
  }
}
