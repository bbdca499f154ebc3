import type { AgentSide } from './agent-side.ts';
import { AnswerFlow } from './answer-flow.ts';
import { asLatin1, TYPE, writeError } from './codec.ts';
import { type Incoming, incomingOf, namesIn, planOf, rowsOf, tagOf, UNKNOWN_PLAN } from './incoming-reply.ts';
import type { Lane } from './lane.ts';
import { AnswerMasker, maskText, nameBefore } from './mask.ts';
import { doorTo, redirected } from './redirect.ts';
import { writeFarewell } from './refuse.ts';
import { ReplyReader } from './reply-reader.ts';
import type { AnswerRules, RunningCommand } from './running-command.ts';
import { isConfirmation } from './subscriptions.ts';
import { TopologyAnswer } from './topology-answer.ts';

const MESSAGES = new Set(['message', 'pmessage', 'smessage']);
const ERROR_SHOWN_MAX = 512;

/** Takes what the server sends: gives each answer to its command, masked, and passes on what comes unasked. */
export class TargetSide {
  readonly #lane: Lane;
  readonly #agent: AgentSide;
  readonly #reader: ReplyReader;
  /** What the server sent waits until the gate has said something about a command of the agent's. */
  isHeldBack = false;
  #incoming: Incoming | undefined;
  /** The header of an array that may be a message: its first element tells. */
  #header: Uint8Array | undefined;

  constructor(lane: Lane, agent: AgentSide, frameBytesMax: number) {
    this.#lane = lane;
    this.#agent = agent;
    this.#reader = new ReplyReader(frameBytesMax);
  }

  get heldBytes(): number {
    return this.#reader.heldBytes;
  }

  receive(bytes: Uint8Array): void {
    this.#reader.feed(bytes);
    this.pump();
  }

  pump(): void {
    const lane = this.#lane;
    this.isHeldBack = false;
    while (!lane.over && !lane.isJudging) {
      const token = this.#reader.next();
      switch (token) {
        case 'More':
          return;
        case 'Malformed':
        case 'TooLarge':
          this.#broken(token === 'TooLarge' ? 'a value that is too large' : 'what is no reply');
          return;
        case 'Open':
          this.#open();
          break;
        case 'Leaf':
          this.#leaf();
          this.#reader.done();
          this.#ended();
          break;
        case 'Big':
          this.#big();
          break;
        case 'Piece':
          this.#piece();
          break;
        case 'Closed':
          this.#piece();
          this.#ended();
          break;
        default:
          token satisfies never;
      }
    }
    this.isHeldBack = lane.isJudging;
  }

  /** Masks were added: what is coming in gets them from its next value on. */
  masksAdded(): void {
    if (this.#incoming !== undefined) this.#incoming.maskers = undefined;
  }

  #open(): void {
    const { type, buffer, start, end, frames } = this.#reader;
    const lane = this.#lane;
    if (type === TYPE.attribute && this.#rewrites) return this.#broken('attributes, in which nothing can be masked');
    if (this.#header !== undefined) return;
    if (this.#incoming !== undefined) return this.#openIn(this.#incoming);
    if (frames.length === 1 && this.#mayBeEvent(type)) {
      this.#header = buffer.slice(start, end);
      return;
    }
    const incoming = this.#begin('');
    if (incoming === undefined) return;
    // Which command an element answers must be certain: its masks, what counts in it and what it does to the session go by that.
    if (incoming.isTransaction && frames[0]?.count !== lane.queued.length) {
      return this.#broken('an answer to EXEC with other elements than it put off');
    }
    this.#openIn(incoming);
    const { head } = lane;
    const count = frames[0]?.count;
    if (head?.kind === 'Forwarded' && frames.length === 1) this.#count(type === TYPE.map ? (count ?? 0) / 2 : count);
  }

  /** Some of what comes may not go on as it is. */
  get #rewrites(): boolean {
    const { masks, queued } = this.#lane;
    return !masks.empty || queued.some(({ plan }) => plan.kind === 'Topology');
  }

  #openIn(incoming: Incoming): void {
    // The frame that opens is among them.
    const topology = this.#topologyIn(incoming, this.#reader.frames.length - 1);
    if (topology === undefined) this.#pass();
    else topology.open();
  }

  #count(elements: number | undefined): void {
    if (this.#incoming !== undefined) this.#incoming.elements = elements;
  }

  #mayBeEvent(type: number): boolean {
    if (type === TYPE.push) return true;
    const { version, head, subscriptions } = this.#lane;
    if (version === 3 || type !== TYPE.array) return false;
    return subscriptions.isAny || (head?.kind === 'Forwarded' && head.command.confirmations !== undefined);
  }

  #leaf(): void {
    const reader = this.#reader;
    const { type, buffer, bodyStart, bodyEnd, frames, isNull } = reader;
    const body = buffer.subarray(bodyStart, bodyEnd);
    if (this.#header !== undefined) {
      const header = this.#header;
      this.#header = undefined;
      this.#begin(isNull ? '' : asLatin1(body), frames[0]?.type === TYPE.push);
      // Only messages and confirmations come so.
      if (this.#incoming?.command?.plan.kind === 'Topology') return this.#broken('an answer where it has none to give');
      this.#incoming?.flow.answer(header, header, header.length);
    } else if (this.#incoming === undefined) this.#begin('');
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    if (frames.length === 0) this.#topLevel(incoming, type, body, isNull);
    else {
      if (isConfirmation(incoming.event) && frames[0]?.index === 1 && !isNull) incoming.channel = body.slice();
      const putOff = incoming.isTransaction ? this.#lane.queued[frames[0]?.index ?? 0] : undefined;
      const isNamed = !incoming.isTransaction || putOff?.plan.kind === 'Names';
      if (isNamed) incoming.names += namesIn(type, body, isNull);
      if (frames.length === 1 && type === TYPE.simple) putOff?.onOk?.();
    }
    const isStray = incoming.status === 'QUEUED' && incoming.command?.isQueued === false;
    if (isStray && incoming.command?.plan.kind === 'Topology')
      return this.#broken('that it puts off what is in no transaction');
    const topology = this.#topologyIn(incoming, frames.length);
    if (topology === undefined) this.#value(incoming, type, body, isNull);
    else topology.leaf();
    if (incoming.flow.refusal !== undefined && incoming.flow.begun) this.#cut(incoming);
  }

  #topLevel(incoming: Incoming, type: number, body: Uint8Array, isNull: boolean): void {
    if (type === TYPE.error || type === TYPE.bulkError) incoming.error = asLatin1(body);
    else if (type === TYPE.simple) incoming.status = asLatin1(body.subarray(0, ERROR_SHOWN_MAX));
    incoming.isOk = incoming.error === '' && !isNull;
    incoming.names += namesIn(type, body, isNull);
  }

  /** One value, masked for the agent and for the record. */
  #value(incoming: Incoming, type: number, body: Uint8Array, isNull: boolean): void {
    const { buffer, start, end, frames } = this.#reader;
    const { flow } = incoming;
    const redirect =
      frames.length === 0 && incoming.error !== '' ? redirected(incoming.error, this.#lane.options) : undefined;
    if (redirect !== undefined) {
      incoming.error = redirect;
      const bytes = writeError(redirect);
      return flow.answer(bytes, bytes, end - start);
    }
    const { agent, record } = this.#maskersOf(incoming);
    if ((agent === undefined && record === undefined) || isNull) return flow.pass(buffer, start, end);
    const frame = frames.at(-1);
    const masked = agent?.mask(type, body, frames) ?? 'Same';
    const recorded = record === agent ? masked : (record?.mask(type, body, frames) ?? 'Same');
    if (frame !== undefined) frame.before = nameBefore(body);
    if (masked !== 'Same' && incoming.command !== undefined) incoming.command.maskedValues += 1;
    if (masked === 'Same' && recorded === 'Same') return flow.pass(buffer, start, end);
    const raw = buffer.subarray(start, end);
    flow.answer(masked === 'Same' ? raw : masked, recorded === 'Same' ? raw : recorded, end - start);
  }

  #maskersOf(incoming: Incoming): NonNullable<Incoming['maskers']> {
    const { isTransaction } = incoming;
    const element = isTransaction ? (this.#reader.frames[0]?.index ?? 0) : 0;
    if (incoming.maskers?.element === element) return incoming.maskers;
    const { command } = incoming;
    const rules: AnswerRules = (isTransaction ? this.#lane.queued[element] : undefined) ?? {
      plan: isTransaction ? UNKNOWN_PLAN : planOf(incoming),
      masks: command?.masks ?? this.#lane.masks,
      recordMasks: command?.recordMasks ?? this.#lane.recordMasks,
    };
    const base = isTransaction ? 1 : 0;
    const { version } = this.#lane;
    const open = (masks: AnswerRules['masks']): AnswerMasker | undefined =>
      masks.empty && rules.plan.kind !== 'Secrets' ? undefined : new AnswerMasker(rules.plan, masks, version, base);
    const agent = open(rules.masks);
    const record = rules.recordMasks === rules.masks ? agent : open(rules.recordMasks);
    incoming.maskers = { element, agent, record };
    return incoming.maskers;
  }

  /** A long string: masked as a whole, or passed on as it comes. */
  #big(): void {
    if (this.#header !== undefined) return this.#reader.whole();
    if (this.#incoming === undefined) this.#begin('');
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    const topology = this.#topologyIn(incoming, this.#reader.frames.length);
    if (topology !== undefined) return topology.big();
    const { agent, record } = this.#maskersOf(incoming);
    if (agent !== undefined || record !== undefined || incoming.flow.holds) return this.#reader.whole();
    incoming.isOk = true;
    this.#pass();
    this.#reader.stream();
  }

  #piece(): void {
    if (this.#incoming?.topology === undefined) this.#pass();
    else this.#incoming.topology.take();
  }

  /** The answer about nodes that the token at this depth belongs to. Errors, and the word that it is put off, go on as they are. */
  #topologyIn(incoming: Incoming, depth: number): TopologyAnswer | undefined {
    const { isTransaction, command, topology } = incoming;
    const { frames, type } = this.#reader;
    if (topology !== undefined || depth !== (isTransaction ? 1 : 0)) return topology;
    const element = isTransaction ? frames[0]?.index : undefined;
    const plan = element === undefined ? command?.plan : this.#lane.queued[element]?.plan;
    if (plan?.kind !== 'Topology' || type === TYPE.error || type === TYPE.bulkError) return undefined;
    if (incoming.status === 'QUEUED') return undefined;
    incoming.topology = new TopologyAnswer(this.#reader, plan.form, element);
    return incoming.topology;
  }

  #retell(incoming: Incoming, topology: TopologyAnswer): void {
    const { options, version } = this.#lane;
    const { targetTls, agentTls } = options;
    const sight = { doorTo: (name: string, port: number) => doorTo(name, port, options), targetTls, agentTls };
    const { bytes, error, elements } = topology.retell(sight, version);
    incoming.topology = undefined;
    if (!incoming.isTransaction) {
      incoming.error = error;
      incoming.isOk = error === '';
      incoming.status = '';
      incoming.elements = elements;
    }
    incoming.flow.answer(bytes, bytes, topology.bytes);
  }

  #pass(): void {
    const { buffer, start, end } = this.#reader;
    this.#incoming?.flow.pass(buffer, start, end);
    if (this.#incoming?.flow.refusal !== undefined && this.#incoming.flow.begun) this.#cut(this.#incoming);
  }

  /** Whose reply begins here. */
  #begin(event: string, isPush = false): Incoming | undefined {
    const lane = this.#lane;
    const { head, outbox } = lane;
    const command = head?.kind === 'Forwarded' ? head.command : undefined;
    // Only what says of the command's own kind that it is done answers it.
    const isOwn = command?.confirmations !== undefined && event === command.name.toLowerCase();
    const comesUnasked = MESSAGES.has(event) || isConfirmation(event);
    const isEvent = !isOwn && (isPush || (comesUnasked && lane.subscriptions.isAny));
    const answers = isEvent ? undefined : command;
    if (head?.kind === 'Own' && !isEvent) {
      this.#incoming = incomingOf(undefined, new AnswerFlow(outbox, 0, undefined, true, () => 0), '');
      this.#incoming.status = event.toUpperCase();
      return this.#incoming;
    }
    if (answers === undefined && !isEvent && this.#reader.type !== TYPE.error) {
      this.#broken('an answer to nothing');
      return undefined;
    }
    const isDropped = answers !== undefined && ((answers.isMuted && !isOwn) || answers.replacedBy !== undefined);
    const meter = answers === undefined ? lane.meter : answers.meter;
    const flow: AnswerFlow = new AnswerFlow(outbox, answers?.id ?? 0, meter, isDropped, () => this.#rows());
    lane.midAnswer = true;
    this.#incoming = incomingOf(answers, flow, isEvent || isOwn ? event : '');
    return this.#incoming;
  }

  #rows(): number {
    const incoming = this.#incoming;
    if (incoming?.command === undefined) return incoming?.event === '' ? 0 : 1;
    return rowsOf(incoming, incoming.command);
  }

  /** After a value: the reply may be whole now. */
  #ended(): void {
    const incoming = this.#incoming;
    if (incoming === undefined || this.#lane.over) return;
    if (incoming.topology?.isOver === true) this.#retell(incoming, incoming.topology);
    if (!this.#reader.isOver) return;
    const lane = this.#lane;
    incoming.flow.end();
    if (incoming.flow.refusal !== undefined && (incoming.flow.begun || incoming.command === undefined)) {
      return this.#cut(incoming);
    }
    this.#incoming = undefined;
    lane.midAnswer = false;
    if (lane.head?.kind === 'Own' && incoming.command === undefined && incoming.event === '') {
      return this.#answered(incoming, lane.head.expected);
    }
    if (incoming.channel !== undefined) lane.subscriptions.note(incoming.event, incoming.channel);
    const { command } = incoming;
    if (command === undefined || !this.#isLast(incoming, command)) return;
    this.#effects(incoming, command);
    this.#finish(incoming, command);
    this.#shift(command);
  }

  /** The head has been answered. What waited for that is read at once, so that it comes in the same place however the server's bytes are cut. */
  #shift(answered: RunningCommand | 'Login'): void {
    const lane = this.#lane;
    const { isHeldBack } = this.#agent;
    if (lane.barrier === answered) lane.barrier = undefined;
    lane.shift();
    if (isHeldBack) this.#agent.pump();
  }

  /** The server has said to the gate's own question what it must. */
  #answered({ status }: Incoming, expected: string): void {
    if (status !== expected) return this.#broken(`what is not the ${expected} that the gate asked for`);
    this.#shift('Login');
  }

  /** A subscription is answered once for each channel. */
  #isLast(incoming: Incoming, command: RunningCommand): boolean {
    if (!isConfirmation(incoming.event) || command.confirmations === undefined) return true;
    if (command.confirmations === 'All') {
      return incoming.channel === undefined || this.#lane.subscriptions.isEmptyOf(incoming.event);
    }
    command.confirmations -= 1;
    return command.confirmations <= 0;
  }

  /** What the answer says about the session. */
  #effects(incoming: Incoming, command: RunningCommand): void {
    const lane = this.#lane;
    const { plan, masks, recordMasks, onOk, keptBytes } = command;
    if (incoming.status === 'QUEUED') {
      if (command.isQueued) lane.putOff({ plan, masks, recordMasks, onOk, keptBytes });
    } else if (incoming.isOk) onOk?.();
    if (command.name === 'EXEC' || command.name === 'DISCARD') lane.forgetQueued();
    // Where nothing was read behind it: else a MULTI may have begun another.
    const isAborted = command.name === 'EXEC' && incoming.error.startsWith('EXECABORT');
    if (isAborted && lane.barrier === command) lane.abortTransaction();
  }

  #finish(incoming: Incoming, command: RunningCommand): void {
    const { outbox } = this.#lane;
    const { flow } = incoming;
    if (command.replacedBy !== undefined && !command.isMuted) outbox.answer(command.id, writeError(command.replacedBy));
    const error = flow.refusal === undefined ? (command.replacedBy ?? incoming.error) : `NOPERM ${flow.refusal.reason}`;
    const shown = error === '' ? '' : maskText(error.slice(0, ERROR_SHOWN_MAX), command.recordMasks);
    const tag = tagOf(incoming, command.recordMasks);
    outbox.push({
      kind: 'Finished',
      commandId: command.id,
      outcome: error === '' ? 'Done' : 'Failed',
      tag,
      errorCode: error === '' ? '' : (/^[A-Z]+/.exec(error)?.[0] ?? ''),
      errorText: shown,
      rows: rowsOf(incoming, command),
      maskedValues: command.maskedValues,
    });
  }

  /** A limit is used up in the middle of an answer, into which no error can be written: that is the end. */
  #cut({ flow }: Incoming): void {
    const { refusal } = flow;
    if (refusal === undefined) return;
    this.#lane.end('Refused', refusal.reason, writeFarewell(refusal));
  }

  #broken(what: string): void {
    const reason = `The server sent ${what}.`;
    const refusal = { kind: 'TargetUnavailable', rule: 'protocol', reason, hint: '' } as const;
    this.#lane.midAnswer &&= this.#incoming?.flow.begun === true;
    this.#lane.end('Fault', reason, writeFarewell(refusal));
  }
}
