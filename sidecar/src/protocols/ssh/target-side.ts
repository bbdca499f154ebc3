import type { Refusal } from '../protocol.ts';
import type { AgentSide } from './agent-side.ts';
import type { Channel, RunningCommand } from './channel.ts';
import { type FrameReader, forwardTo, MessageReader, writeFrame } from './codec.ts';
import { Flow } from './flow.ts';
import type { Lane } from './lane.ts';
import { maskedRequest } from './masked-request.ts';
import { MESSAGE, OPEN_FAILURE, STDERR } from './messages.ts';
import { writeFarewell } from './refuse.ts';
import { WHOLE_BYTES_MAX } from './stream-mask.ts';

const PACKET_BYTES_MAX = 32 * 1024;
/** What a server says without being asked, and nobody needs to know. */
const PLAIN_REQUESTS = new Set(['hostkeys-00@openssh.com', 'keepalive@openssh.com']);

/** Masks read values whole: what has no end that the gate can wait for goes no further. */
const OVERLONG: Refusal = {
  kind: 'Unsupported',
  rule: 'masks',
  reason: `Output cannot be masked: a line, or a private key, is longer than ${WHOLE_BYTES_MAX} bytes.`,
  hint: 'Write it in shorter lines, or have the mask taken away for this work.',
};

/** What the target of an open session sends (RFC 4254). */
export class TargetSide {
  readonly #lane: Lane;
  readonly #agent: AgentSide;
  readonly #reader: FrameReader;

  constructor(lane: Lane, agent: AgentSide, reader: FrameReader) {
    this.#lane = lane;
    this.#agent = agent;
    this.#reader = reader;
  }

  receive(bytes: Uint8Array): void {
    this.#reader.feed(bytes);
    this.pump();
  }

  pump(): void {
    while (this.#isFree) {
      // What waited for room gets it in the same place however the bytes came.
      if (this.#lane.isAwaited) this.#agent.pump();
      const message = this.#isFree ? this.#reader.next() : undefined;
      if (message === undefined) return;
      if (message === 'TooLarge') return this.#broken('a message that is too large');
      this.#take(message);
    }
  }

  get #isFree(): boolean {
    return !this.#lane.over && !this.#lane.isJudging;
  }

  masksAdded(): void {}

  #take(message: Uint8Array): void {
    const lane = this.#lane;
    const type = message[0];
    if (type === MESSAGE.disconnect) return this.#left('The target closed the connection.');
    const reader = new MessageReader(message);
    if (type === MESSAGE.globalRequest) {
      const name = reader.text();
      if (reader.boolean()) lane.toTarget(MESSAGE.requestFailure);
      if (!PLAIN_REQUESTS.has(name)) lane.remark('RequestRefused', `The target asked for ${name.slice(0, 64)}.`);
      return undefined;
    }
    if (type === MESSAGE.channelOpen) return this.#open(reader);
    const channel = lane.channels.get(reader.uint32());
    const isAnswer = type === MESSAGE.channelOpenConfirmation || type === MESSAGE.channelOpenFailure;
    const isEarly = isAnswer ? channel?.isOpening !== true : channel?.isOpen !== true;
    if (!reader.whole || channel === undefined || channel.closed.byTarget || isEarly) {
      return this.#broken(`a message of type ${type ?? 0} for a channel that is not open`);
    }
    switch (type) {
      case MESSAGE.channelOpenConfirmation:
        return this.#opened(channel, reader);
      case MESSAGE.channelOpenFailure:
        return this.#notOpened(channel, reader);
      case MESSAGE.channelWindowAdjust:
        return this.#widened(channel, reader.uint32());
      case MESSAGE.channelData:
        return this.#data(channel, false, reader);
      case MESSAGE.channelExtendedData:
        return this.#data(channel, reader.uint32() === STDERR, reader);
      case MESSAGE.channelEof:
        channel.ended.byTarget = true;
        return this.#endOutput(channel);
      case MESSAGE.channelClose:
        return this.#close(channel);
      case MESSAGE.channelRequest:
        return this.#request(channel, reader, message);
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return this.#replied(channel, type === MESSAGE.channelSuccess);
      default:
        return this.#broken(`a message of type ${type ?? 0}`);
    }
  }

  /** Nothing may be opened towards the agent: forwards, its keys, its screen. */
  #open(reader: MessageReader): void {
    const type = reader.text();
    const number = reader.uint32();
    this.#lane.remark('ForwardRefused', `The target asked for a channel ${type.slice(0, 64)}.`);
    const code = { uint32: OPEN_FAILURE.prohibited };
    this.#lane.toTarget(MESSAGE.channelOpenFailure, { uint32: number }, code, 'not carried', '');
  }

  #opened(channel: Channel, reader: MessageReader): void {
    const number = reader.uint32();
    const window = reader.uint32();
    const most = Math.min(reader.uint32(), PACKET_BYTES_MAX);
    if (!reader.whole || most === 0) return this.#broken('a broken channel');
    channel.isOpening = false;
    channel.targetNumber = number;
    channel.toTarget = new Flow(window, most);
    // A forward that was ended meanwhile.
    if (channel.isForward && channel.spent) return this.#lane.closeTarget(channel);
    const { agentNumber, id } = channel;
    const fields = [{ uint32: agentNumber }, { uint32: id }, { uint32: window }, { uint32: most }];
    const bytes = writeFrame(MESSAGE.channelOpenConfirmation, ...fields);
    if (channel.isForward) this.#lane.answer(channel, bytes);
    else this.#lane.outbox.push({ kind: 'ToAgent', bytes });
    return undefined;
  }

  #notOpened(channel: Channel, reader: MessageReader): void {
    const lane = this.#lane;
    const code = reader.uint32();
    const why = reader.text();
    if (!reader.whole) return this.#broken('a broken channel');
    channel.isOpening = false;
    lane.remark('ChannelNotOpened', `The target opens no channel (${code}).`);
    const text = channel.isForward ? `The target opens no channel: ${plain(why)}` : 'The target opens no channel.';
    if (!channel.closed.toAgent) lane.failOpen(channel, code, text);
    lane.finish(channel, 'Failed', `OPEN_FAILURE ${code}`, text);
    Object.assign(channel.closed, { byAgent: true, byTarget: true, toAgent: true, toTarget: true });
    channel.spent = true;
    return lane.forget(channel);
  }

  #widened(channel: Channel, bytes: number): void {
    const { toTarget } = channel;
    if (toTarget === undefined) return this.#broken('a broken channel');
    toTarget.widen(bytes);
    this.#agent.drainToTarget(channel);
    if (channel.sftp !== undefined) return channel.sftp.grant();
    const more = toTarget.grant();
    if (more === 0 || channel.closed.toAgent || channel.closed.byAgent) return undefined;
    this.#lane.toAgent(MESSAGE.channelWindowAdjust, { uint32: channel.agentNumber }, { uint32: more });
  }

  #data(channel: Channel, isStderr: boolean, reader: MessageReader): void {
    const data = reader.bytes();
    if (!reader.ended) return this.#broken('a message that is cut short');
    if (channel.ended.byTarget) return this.#broken('output behind the end of its output');
    if (!channel.toAgent.take(data.length)) return this.#broken('data that nobody has room for');
    const { command } = channel;
    if (channel.isForward && isStderr) return this.#broken('error output of a forward');
    if (channel.closed.toAgent || channel.closed.toTarget) return undefined;
    if (command === undefined) return this.#broken('data that nobody asked for');
    if (channel.sftp !== undefined && !isStderr) {
      channel.sftp.receiveTarget(data);
      return this.#agent.endInput(channel);
    }
    const refusal = command.meter?.take(0, data.length);
    if (refusal !== undefined) return this.#lane.refuse(channel, refusal, false);
    channel.typed?.see(data);
    const output = command.outputs[isStderr ? 1 : 0];
    channel.toAgent.push({ isStderr, ...output.push(data) });
    this.#lane.drainToAgent(channel);
    if (output.isOverlong) return this.#lane.refuse(channel, OVERLONG, false);
    this.#lane.grantTarget(channel);
  }

  /** Nothing more comes: what masks kept back goes out. */
  #endOutput(channel: Channel): void {
    this.#flush(channel);
    if (channel.closed.toAgent || channel.command === undefined) return;
    this.#lane.after(channel, () =>
      this.#lane.answer(channel, writeFrame(MESSAGE.channelEof, { uint32: channel.agentNumber })),
    );
  }

  #flush(channel: Channel): void {
    const { command, closed } = channel;
    if (closed.toAgent || command === undefined) return;
    if (!closed.byAgent) {
      for (const [index, output] of command.outputs.entries()) {
        channel.toAgent.push({ isStderr: index === 1, ...output.end() });
      }
      this.#lane.drainToAgent(channel);
    }
    this.#tellStatus(channel, command);
  }

  #tellStatus(channel: Channel, command: RunningCommand): void {
    const { status } = command;
    if (status === undefined) return;
    command.status = undefined;
    this.#lane.after(channel, () => this.#lane.answer(channel, ...status));
  }

  #close(channel: Channel): void {
    const lane = this.#lane;
    channel.closed.byTarget = true;
    this.#flush(channel);
    if (channel.isForward && channel.command !== undefined) {
      channel.command.tag = channel.closed.byAgent ? 'closed by agent' : 'closed by target';
    }
    lane.closeTarget(channel);
    if (channel.closed.toAgent) lane.forget(channel);
    else lane.after(channel, () => this.#finish(channel));
  }

  /** All output has gone to the agent. */
  #finish(channel: Channel): void {
    const lane = this.#lane;
    channel.closed.toAgent = true;
    lane.answer(channel, writeFrame(MESSAGE.channelClose, { uint32: channel.agentNumber }));
    const { tag = '', errorCode = '' } = channel.command ?? {};
    const isUntold = tag === '' && errorCode === '';
    // A forward has no status: that it was closed is all there is to tell.
    if (channel.isForward) lane.finish(channel, 'Done');
    else if (isUntold && channel.closed.byAgent) lane.finish(channel, 'Lost', '', 'The agent closed the channel.');
    else lane.finish(channel, isUntold || tag === 'exit 0' ? 'Done' : 'Failed', errorCode);
    channel.spent = true;
    lane.forget(channel);
  }

  #request(channel: Channel, reader: MessageReader, message: Uint8Array): void {
    const type = reader.text();
    const wantsReply = reader.boolean();
    const { command, agentNumber, targetNumber = 0 } = channel;
    if (wantsReply) this.#lane.toTarget(MESSAGE.channelFailure, { uint32: targetNumber });
    if (command === undefined || channel.closed.toAgent) return undefined;
    if (channel.isForward) return this.#remarkRequest(type);
    if (type === 'exit-status') {
      const status = reader.uint32();
      command.tag = `exit ${status}`;
      if (status !== 0) command.errorCode = String(status);
    } else if (type === 'exit-signal') {
      command.errorCode = `SIG${reader.text().slice(0, 16)}`;
      command.tag = command.errorCode;
    } else if (type !== 'eow@openssh.com' && type !== 'xon-xoff') {
      return this.#remarkRequest(type);
    }
    if (!reader.whole || wantsReply) return this.#broken('a broken request');
    const [frame, recorded] = maskedRequest(forwardTo(agentNumber, message), command.masks);
    if (!type.startsWith('exit-')) return this.#lane.after(channel, () => this.#lane.answer(channel, frame, recorded));
    // It stands behind the output that it is the status of. Servers send it when the program ends, and at times more output then: what masks keep back
    // can not go out yet.
    command.status = [frame, recorded];
    if (!command.isKeeping || channel.closed.byAgent) this.#tellStatus(channel, command);
    return undefined;
  }

  #remarkRequest(type: string): void {
    this.#lane.remark('RequestRefused', `The target asked for ${type.slice(0, 64)} in a channel.`);
  }

  #replied(channel: Channel, isSuccess: boolean): void {
    const lane = this.#lane;
    const owed = channel.owed.shift();
    if (owed === undefined) return this.#broken('an answer to nothing');
    if (owed === 'Preparing') {
      if (!isSuccess) lane.remark('NotPrepared', 'The target took no variable or no terminal that was asked for.');
      return undefined;
    }
    if (channel.closed.toAgent) return undefined;
    const type = isSuccess ? MESSAGE.channelSuccess : MESSAGE.channelFailure;
    if (owed !== 'StartUnasked') lane.answer(channel, writeFrame(type, { uint32: channel.agentNumber }));
    if (owed !== 'Agent' && !isSuccess) {
      lane.finish(channel, 'Failed', 'NotStarted', 'The target does not run it.');
      channel.spent = true;
    }
  }

  #left(reason: string): void {
    const refusal = { kind: 'TargetUnavailable', rule: 'target', reason, hint: '' } as const;
    this.#lane.end('TargetLeft', reason, writeFarewell(refusal, 'TargetLeft'));
  }

  #broken(what: string): void {
    const reason = `The target sends ${what}.`;
    const refusal = { kind: 'TargetUnavailable', rule: 'protocol', reason, hint: '' } as const;
    this.#lane.end('Fault', reason, writeFarewell(refusal, 'Fault'));
  }
}

/** What a target says for people, without what changes a terminal. */
function plain(text: string): string {
  return text.slice(0, 256).replaceAll(/\p{C}+/gu, ' ');
}
