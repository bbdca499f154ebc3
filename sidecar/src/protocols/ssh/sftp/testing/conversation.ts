import type { MaskRules } from '@sidegate/policy';
import { openMint } from '../../../../permit.ts';
import type { AnswerMeter, CommandId, JudgedCommand, Refusal } from '../../../protocol.ts';
import { FrameReader } from '../../codec.ts';
import { MASKS } from '../../testing/exhibit.ts';
import { type Answer, type Request, readAnswer, readRequest } from '../codec.ts';
import { OPEN, PACKET_BYTES_MAX, STATUS } from '../messages.ts';
import { Operation } from '../operation.ts';
import type { Ending, Ports, Way } from '../ports.ts';
import { SftpSession } from '../session.ts';
import { writeAnswer, writeHello, writeRequest, writeServerVersion } from './packets.ts';

export interface ConversationOptions {
  readonly masks: MaskRules;
  readonly recordMasks?: MaskRules;
  readonly meter?: AnswerMeter;
  /** What the gate says of an operation. */
  readonly decide?: (judged: JudgedCommand) => 'Forward' | 'Hold' | Refusal;
  /** Where sessions start. */
  readonly home?: string;
  /** Links on the server: what REALPATH makes of a path. Default: itself. */
  readonly links?: Readonly<Record<string, string>>;
  /** What the gate finds in any file that it reads by itself, in answers of so many bytes at most (default: as many as it asks for). Without it the test answers. */
  readonly content?: Uint8Array;
  readonly answerBytesMax?: number;
  /** The same as a function, in place of `links`. */
  readonly realOf?: (path: string) => string;
  /** Told of each request of the agent's when it is sent on: the server carries out what it is sent in that order. */
  readonly sent?: (request: Request) => void;
}

/** Text as bytes of a path. */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** The answer that names one path. */
export function nameAnswer(path: string): Answer {
  return { kind: 'Names', names: [{ name: bytesOf(path), long: bytesOf(path), attributes: Buffer.alloc(4) }] };
}

/** Nothing is hidden. */
export const NO_MASKS: MaskRules = { ...MASKS, empty: true, detect: [], maskContent: (text) => text };

/** An open. */
export const opening = (path: string, flags: number = OPEN.read): Request => ({
  kind: 'Open',
  path: bytesOf(path),
  flags,
  attributes: { extended: [] },
});
/** An operation on one path. */
export const on = (operation: Extract<Request, { kind: 'Path' }>['operation'], path: string): Request => ({
  kind: 'Path',
  operation,
  path: bytesOf(path),
});
/** An operation on two. */
export const pair = (
  operation: Extract<Request, { kind: 'Pair' }>['operation'],
  one: string,
  other: string,
): Request => ({
  kind: 'Pair',
  operation,
  paths: [bytesOf(one), bytesOf(other)],
});

const START: CommandId = 1;

/** A conversation with everything around it played: a channel without windows, a gate that decides at once, and the questions of the gate answered. */
export class Conversation implements Ports {
  readonly session: SftpSession;
  /** What the target was asked on the agent's behalf, and not yet answered, by the gate's number. */
  readonly asked: { readonly id: number; readonly request: Request; readonly commandId: CommandId }[] = [];
  /** All of that, answered or not. */
  readonly seen: Request[] = [];
  /** What the agent was told. */
  readonly told: { readonly id: number; readonly answer: Answer; readonly commandId: CommandId }[] = [];
  readonly recorded: { readonly commandId: CommandId; readonly bytes: Uint8Array }[] = [];
  readonly judgements: { readonly commandId: CommandId; readonly judged: JudgedCommand }[] = [];
  readonly endings: Ending[] = [];
  /** Of each ending. */
  readonly maskedValues: number[] = [];
  readonly said: string[] = [];
  readonly remarks: string[] = [];
  ended: Refusal | undefined;
  isFull = false;
  isJudging = false;
  /** Questions of the gate wait until the test answers them. */
  isSlow = false;
  readonly questions: { readonly id: number; readonly path: string; readonly answer: Answer }[] = [];
  /** What the gate asks of a file by itself, and is not answered. */
  readonly fetches: {
    readonly id: number;
    readonly handle: string;
    readonly offset: number;
    readonly length: number;
  }[] = [];
  readonly #options: ConversationOptions;
  readonly #mint = openMint();
  #lastId: CommandId = START;
  /** So many questions are answered although `isSlow`. */
  #mayAnswer = 0;
  #unanswered: { readonly commandId: CommandId; readonly judged: JudgedCommand }[] = [];

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.session = new SftpSession(this, new Operation(START, this.#terms(START)));
  }

  /** Through the greeting. */
  static open(options: ConversationOptions): Conversation {
    const conversation = new Conversation(options);
    conversation.session.receiveAgent(writeHello());
    conversation.session.receiveTarget(writeServerVersion([['posix-rename@openssh.com', '1']]));
    conversation.#run();
    conversation.recorded.length = 0;
    conversation.asked.length = 0;
    return conversation;
  }

  ask(id: number, request: Request): void {
    this.agent(writeRequest(id, request));
  }

  agent(bytes: Uint8Array): void {
    this.session.receiveAgent(bytes);
    this.#run();
  }

  /** Answers the oldest request that waits for one, or that with this number. */
  answer(answer: Answer, id: number | undefined = this.asked[0]?.id): void {
    if (id === undefined) throw new Error('nothing was asked');
    const at = this.asked.findIndex((one) => one.id === id);
    if (at >= 0) this.asked.splice(at, 1);
    this.target(writeAnswer(id, answer));
  }

  target(bytes: Uint8Array): void {
    this.session.receiveTarget(bytes);
    this.#run();
  }

  /** A held operation may go on. */
  approve(commandId: CommandId): void {
    this.session.settle(commandId, { kind: 'Forward', ...this.#terms(commandId) });
    this.#run();
  }

  /** Answers the questions that waited, or so many of them. */
  answerQuestions(most?: number): void {
    this.isSlow = most !== undefined;
    this.#mayAnswer = most ?? 0;
    this.#run();
    this.#mayAnswer = 0;
  }

  get maskedFiles(): number {
    return this.session.maskedFiles;
  }

  toAgent(commandId: CommandId, bytes: Uint8Array, recorded: Uint8Array): void {
    this.recorded.push({ commandId, bytes: recorded });
    for (const packet of packetsOf(bytes)) {
      const read = readAnswer(packet);
      if (read !== undefined) this.told.push({ ...read, commandId });
    }
  }

  afterAgent(atItsTurn: () => void): void {
    atItsTurn();
  }

  toTarget(way: Way, bytes: Uint8Array, recorded: Uint8Array): void {
    if (way.kind === 'More') this.recorded.push({ commandId: way.operation.commandId, bytes: recorded });
    for (const packet of packetsOf(bytes)) {
      const read = readRequest(packet);
      if (read === undefined) continue;
      const { id, request } = read;
      if (way.kind !== 'Question') {
        this.seen.push(request);
        this.#options.sent?.(request);
        this.asked.push({ id, request, commandId: way.operation.commandId });
      } else if (request.kind === 'Path') {
        const path = Buffer.from(request.path).toString();
        this.questions.push({ id, path, answer: this.#answerTo(path, request.operation === 'lstat') });
      } else if (request.kind === 'Read') this.fetches.push({ id, ...request });
    }
  }

  note(_side: 'Agent' | 'Target', { commandId }: Operation, bytes: Uint8Array): void {
    this.recorded.push({ commandId, bytes });
  }

  judge(judged: JudgedCommand): CommandId {
    this.#lastId += 1;
    this.isJudging = true;
    this.judgements.push({ commandId: this.#lastId, judged });
    this.#unanswered.push({ commandId: this.#lastId, judged });
    return this.#lastId;
  }

  opened(): void {}

  finish(ending: Ending, maskedValues: number): void {
    this.endings.push(ending);
    this.maskedValues.push(maskedValues);
  }

  say(text: string): void {
    this.said.push(text);
  }

  remark(_code: string, text: string): void {
    this.remarks.push(text);
  }

  end(refusal: Refusal): void {
    this.ended = refusal;
    this.session.abandon(refusal.reason);
  }

  #terms(commandId: CommandId) {
    const { masks, recordMasks = masks, meter } = this.#options;
    return { permit: this.#mint.mint(commandId), masks, recordMasks, ...(meter === undefined ? {} : { meter }) };
  }

  /** What the surroundings owe: answers of the gate, then of the server to the gate's questions. */
  #run(): void {
    for (;;) {
      const next = this.#unanswered.shift();
      if (next !== undefined) {
        this.isJudging = false;
        this.#settle(next.commandId, next.judged);
        continue;
      }
      if (this.isSlow && this.#mayAnswer === 0) return;
      if (this.isSlow) this.#mayAnswer -= 1;
      const fetched = this.#options.content === undefined ? undefined : this.fetches.shift();
      if (fetched !== undefined) {
        this.session.receiveTarget(writeAnswer(fetched.id, this.#partOf(fetched)));
        continue;
      }
      const question = this.questions.shift();
      if (question === undefined) return;
      this.session.receiveTarget(writeAnswer(question.id, question.answer));
    }
  }

  /** As it is when the question is sent, whenever the answer comes. */
  #answerTo(asked: string, isType: boolean): Answer {
    const { links = {}, realOf = (one: string) => links[one] ?? one, home = '/srv/me' } = this.#options;
    const path = asked === '.' ? home : realOf(asked);
    if (isType) {
      const permissions = path.endsWith('dir') ? 0o40755 : 0o100644;
      return { kind: 'Attributes', attributes: { permissions, extended: [] } };
    }
    return path === '' ? { kind: 'Status', code: 2, text: 'No such file' } : nameAnswer(path);
  }

  #partOf({ offset, length }: { readonly offset: number; readonly length: number }): Answer {
    const { content = Buffer.alloc(0), answerBytesMax = length } = this.#options;
    const data = content.subarray(offset, offset + Math.min(length, answerBytesMax));
    return data.length === 0 ? { kind: 'Status', code: STATUS.eof, text: '' } : { kind: 'Data', data };
  }

  #settle(commandId: CommandId, judged: JudgedCommand): void {
    const decision = this.#options.decide?.(judged) ?? 'Forward';
    if (decision === 'Forward') {
      this.session.settle(commandId, { kind: 'Forward', ...this.#terms(commandId) });
    } else if (decision === 'Hold') {
      this.session.settle(commandId, { kind: 'Hold', notice: 'It waits.', hint: 'Wait.' });
    } else this.session.settle(commandId, { kind: 'Refuse', refusal: decision });
  }
}

function packetsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const reader = new FrameReader(PACKET_BYTES_MAX);
  reader.feed(bytes);
  const packets: Uint8Array[] = [];
  for (let next = reader.next(); next !== undefined && next !== 'TooLarge'; next = reader.next()) packets.push(next);
  return packets;
}
