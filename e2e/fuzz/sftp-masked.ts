import { createHash } from 'node:crypto';
import { buildContentMask, buildJsonMask, type MaskRules } from '@sidegate/policy';
import * as fc from 'fast-check';
import { type Answer, type Request, readAnswer } from '../../sidecar/src/protocols/ssh/sftp/codec.ts';
import { STATUS } from '../../sidecar/src/protocols/ssh/sftp/messages.ts';
import { Conversation, opening } from '../../sidecar/src/protocols/ssh/sftp/testing/conversation.ts';
import { writeRequest } from '../../sidecar/src/protocols/ssh/sftp/testing/packets.ts';
import { type Reader, StreamMask } from '../../sidecar/src/protocols/ssh/stream-mask.ts';
import { MASKS } from '../../sidecar/src/protocols/ssh/testing/exhibit.ts';
import { messagesIn } from '../../sidecar/src/protocols/ssh/testing/ssh-playback.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';

const FAILURE: Answer = { kind: 'Status', code: STATUS.failure, text: 'Failure' };
const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };
const PARTIAL = { rule: 'seen', with: { type: 'Partial', keepLast: 4 } } as const;
const seenInPart = buildContentMask([{ detector: 'Email', mask: PARTIAL }], Buffer.from('a key'));

interface Worn {
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  /** What the record must not show. */
  readonly secret: RegExp;
}

const ALIKE: Worn = { masks: MASKS, recordMasks: MASKS, secret: /ada@example|b@c\.de/ };
/** A policy in Observe mode hides all of what is shown in part. */
const WATCHED: Worn = {
  masks: { ...MASKS, digests: ['seen'], maskContent: seenInPart, maskJson: buildJsonMask([], seenInPart, Buffer.of()) },
  recordMasks: MASKS,
  secret: /ada@example|b@c\.de|\*\*\*/,
};

type Act =
  | { readonly kind: 'Open'; readonly file: number }
  /** Through one of the handles that the agent ever got, closed or not. */
  | { readonly kind: 'Read'; readonly handle: number; readonly offset: number; readonly length: number }
  /** The next of it, behind what was asked for last. */
  | { readonly kind: 'GoOn'; readonly handle: number; readonly length: number }
  | { readonly kind: 'Close'; readonly handle: number }
  /** The server answers the oldest read of the gate but so many, with so many bytes at most. */
  | { readonly kind: 'Answer'; readonly skip: number; readonly most: number; readonly fails: boolean }
  /** The server opens or closes what it was asked to first. */
  | { readonly kind: 'Serve'; readonly fails: boolean }
  /** The agent takes nothing more, or does again. */
  | { readonly kind: 'Stall' }
  /** A policy is said again that says the same of masks, or another. */
  | { readonly kind: 'Policy'; readonly isOther: boolean };

const FILES = 2;
const file = fc.nat(FILES - 1);
const handle = fc.nat(3);
const length = fc.nat(90);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('Read' as const), handle, offset: fc.nat(200), length }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('GoOn' as const), handle, length }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('Answer' as const),
      skip: fc.nat(3),
      most: fc.integer({ min: 1, max: 60 }),
      fails: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('Open' as const), file }),
  fc.record({ kind: fc.constant('Close' as const), handle }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('Serve' as const), fails: fc.boolean() }) },
  fc.constant({ kind: 'Stall' as const }),
  fc.record({
    kind: fc.constant('Policy' as const),
    isOther: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
  }),
);
const word = fc.constantFrom(
  'ada@example.com',
  'b@c.de',
  'x',
  ' of ',
  '\n',
  '\r\n',
  '@example',
  'é',
  '\u0000',
  '\ufeff',
);
const content = fc.array(word, { maxLength: 24 }).map((words) => Buffer.from(words.join('')));
const contents = fc.array(content, { minLength: FILES, maxLength: FILES });

/** One file that the agent has opened. */
interface Opened {
  readonly file: number;
  readonly commandId: number;
  readonly name: string;
  isClosed: boolean;
  /** Masks changed while it was open. */
  isSpoilt: boolean;
  next: number;
}

interface AskedRead {
  readonly of: Opened;
  readonly offset: number;
  readonly length: number;
  /** It was closed before. */
  readonly isLate: boolean;
}

/** Files that are opened, read and closed, at a server that gives handles again as soon as they are free. */
class Talk {
  readonly conversation: Conversation;
  /** What was asked for, by the agent's number. */
  readonly reads = new Map<number, AskedRead>();
  readonly opened: Opened[] = [];
  readonly #contents: readonly Buffer[];
  /** At the server. */
  readonly #open = new Map<string, number>();
  readonly #opens = new Map<number, number>();
  #id = 0;

  constructor(files: readonly Buffer[], { masks, recordMasks }: Worn) {
    this.conversation = Conversation.open({ masks, recordMasks });
    this.#contents = files;
    for (const at of files.keys()) this.do({ kind: 'Open', file: at });
    for (const _ of files) this.do({ kind: 'Serve', fails: false });
  }

  do(one: Act): void {
    switch (one.kind) {
      case 'Answer':
        return this.#answer(one);
      case 'Serve':
        return this.#serve(one.fails);
      case 'Policy':
        return this.#addMasks(one.isOther);
      case 'Stall':
        this.conversation.isFull = !this.conversation.isFull;
        return this.conversation.session.pump();
      case 'Open':
        this.#opens.set(this.#id + 1, one.file);
        return this.#ask(opening(`/${one.file}`));
      default: {
        const opened = this.opened[one.handle % Math.max(1, this.opened.length)];
        if (opened !== undefined) this.#through(opened, one);
      }
    }
  }

  /** Lets all that waits come to its end. */
  drain(): void {
    if (this.conversation.isFull) this.do({ kind: 'Stall' });
    const { fetches, asked } = this.conversation;
    while (fetches.length + asked.length > 0) {
      while (fetches.length > 0) this.#answer({ skip: 0, most: 32_768, fails: false });
      if (asked.length > 0) this.#serve(false);
    }
  }

  #through(opened: Opened, one: Extract<Act, { readonly kind: 'Read' | 'GoOn' | 'Close' }>): void {
    const { name } = opened;
    if (one.kind === 'Close') {
      if (opened.isClosed) return;
      opened.isClosed = true;
      return this.#ask({ kind: 'Close', handle: name });
    }
    // Under a name that was given again, or will be by the time that it is taken, another file is read.
    const isLate = opened.isClosed;
    const isGivenAgain = this.opened.some((other) => other.name === name && !other.isClosed);
    if (isLate && (isGivenAgain || this.conversation.isFull)) return;
    const offset = one.kind === 'Read' ? one.offset : opened.next;
    opened.next = offset + one.length;
    this.reads.set(this.#id + 1, { of: opened, offset, length: one.length, isLate });
    this.#ask({ kind: 'Read', handle: name, offset, length: one.length });
  }

  #ask(request: Request): void {
    this.#id += 1;
    this.conversation.agent(writeRequest(this.#id, request));
  }

  #addMasks(isOther: boolean): void {
    const more = { ...MASKS, digests: [isOther ? 'other' : 'exhibit'] };
    const same = { ...more, empty: !isOther };
    if (isOther) for (const opened of this.opened) opened.isSpoilt = true;
    this.conversation.session.addMasks(same, isOther ? more : { ...MASKS });
  }

  #serve(fails: boolean): void {
    const [next] = this.conversation.asked;
    if (next === undefined) return;
    const { request, commandId } = next;
    if (request.kind === 'Close') {
      this.#open.delete(request.handle);
      return this.conversation.answer(fails ? FAILURE : OK);
    }
    if (fails) return this.conversation.answer(FAILURE);
    let name = 0;
    while (this.#open.has(String(name))) name += 1;
    const before = this.conversation.told.length;
    this.conversation.answer({ kind: 'Handle', handle: String(name) });
    const named = this.#opens.get(this.conversation.told[before]?.id ?? 0) ?? 0;
    this.#open.set(String(name), named);
    const state = { isClosed: false, isSpoilt: false, next: 0 };
    this.opened.push({ file: named, commandId, name: String(name), ...state });
  }

  #answer({ skip, most, fails }: Omit<Extract<Act, { readonly kind: 'Answer' }>, 'kind'>): void {
    const { fetches } = this.conversation;
    const [next] = fetches.splice(skip % Math.max(1, fetches.length), 1);
    if (next === undefined) return;
    const open = this.#open.get(next.handle);
    const whole = open === undefined ? undefined : this.#contents[open];
    const data = whole?.subarray(next.offset, next.offset + Math.min(next.length, most));
    const atEnd: Answer = { kind: 'Status', code: STATUS.eof, text: '' };
    const found: Answer = data === undefined || data.length === 0 ? atEnd : { kind: 'Data', data };
    this.conversation.answer(fails || whole === undefined ? FAILURE : found, next.id);
  }
}

/** What is wrong with an answer to a read, or undefined. */
function wrongWith(answer: Answer, { of, offset, length: asked, isLate }: AskedRead, whole: Buffer) {
  const part = whole.subarray(offset, offset + asked);
  if (answer.kind === 'Data' && isLate) return 'it is read behind its close';
  if (answer.kind === 'Data') return part.equals(answer.data) ? undefined : 'it is not that part of what masks show';
  if (answer.kind !== 'Status') return `it is a ${answer.kind}`;
  if (answer.code === STATUS.failure) return undefined;
  if (answer.code === STATUS.permissionDenied && of.isSpoilt) return undefined;
  return answer.code === STATUS.eof && part.length === 0 ? undefined : `its status is ${answer.code}`;
}

function asStream(bytes: Buffer, masks: MaskRules, reader: Reader): Buffer {
  const mask = new StreamMask(masks, reader);
  return Buffer.concat([mask.push(bytes), mask.end()]);
}

/** What stands in frames of data, in their order. */
function dataOf(answers: readonly (Answer | undefined)[]): Buffer {
  return Buffer.concat(answers.flatMap((answer) => (answer?.kind === 'Data' ? [answer.data] : [])));
}

/** What is wrong with the record of one file, or undefined. */
function wrongWithRecord({ conversation }: Talk, { commandId, file: at, isSpoilt }: Opened, worn: Worn, whole: Buffer) {
  const got = dataOf(conversation.told.filter((one) => one.commandId === commandId).map(({ answer }) => answer));
  const recorded = dataOf(
    conversation.recorded
      .filter((one) => one.commandId === commandId)
      .flatMap(({ bytes }) => messagesIn(bytes).map((packet) => readAnswer(packet)?.answer)),
  );
  const { tag = '' } = conversation.endings.find((one) => one.commandId === commandId) ?? {};
  const hash = createHash('sha256').update(got).digest('hex');
  if (got.length > 0 && !tag.startsWith(`read ${got.length} bytes`)) return `the tag is ${tag}`;
  if (got.length > 0 && !tag.includes(hash)) return `the hash of file ${at} is another`;
  if (isSpoilt) return undefined;
  if (worn === ALIKE) return recorded.equals(got) ? undefined : 'the record is not what the agent got';
  const shown = asStream(whole, worn.recordMasks, 'Record');
  if (!shown.subarray(0, recorded.length).equals(recorded)) return 'the record shows something else';
  const isAll =
    recorded.length === shown.length || !tag.includes(`read ${asStream(whole, worn.masks, 'Agent').length} `);
  return isAll || tag.includes('not all in the record') ? undefined : 'the record lacks something and does not say so';
}

/** Reading of files through masks. */
export const SFTP_MASKED_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'sftp-masked',
    promise:
      'Each read of a file gives that part of what masks make of the whole, the record shows what the agent got, and nothing that is hidden is shown or recorded.',
    cases: fc.tuple(contents, fc.array(act, { maxLength: 40 }), fc.boolean(), fc.boolean()),
    check([files, acts, isWatched, isLost]) {
      const worn = isWatched ? WATCHED : ALIKE;
      const talk = new Talk(files, worn);
      const { conversation } = talk;
      for (const one of acts) talk.do(one);
      // The agent leaves in the middle.
      if (isLost) conversation.session.abandon('The channel is closed.');
      else talk.drain();
      const isSpoilt = talk.opened.some((one) => one.isSpoilt);
      const { told, recorded, ended, said } = conversation;
      if (ended !== undefined) return `the channel ended: ${ended.reason}`;
      if (said.some((line) => !line.includes('No such handle')) && !isSpoilt) return `it was refused: ${said.join()}`;
      const answers = told.filter(({ id }) => talk.reads.has(id));
      if (answers.length !== talk.reads.size && !isLost)
        return `${answers.length} of ${talk.reads.size} reads were answered`;
      const wholes = files.map((bytes) => asStream(bytes, worn.masks, 'Agent'));
      for (const { id, answer } of answers) {
        const read = talk.reads.get(id);
        const whole = read === undefined ? undefined : wholes[read.of.file];
        if (read === undefined || whole === undefined) return `nobody asked for ${id}`;
        const wrong = wrongWith(answer, read, whole);
        if (wrong !== undefined) return `the answer ${id}: ${wrong}`;
      }
      if (!isLost) {
        const open = talk.opened.filter(({ isClosed }) => !isClosed);
        for (const one of open) talk.do({ kind: 'Close', handle: talk.opened.indexOf(one) });
        talk.drain();
      }
      for (const one of talk.opened) {
        const wrong = wrongWithRecord(talk, one, worn, files[one.file] ?? Buffer.of());
        if (wrong !== undefined) return `the record of ${one.commandId}: ${wrong}`;
      }
      const all = Buffer.concat(recorded.map(({ bytes }) => bytes)).toString('latin1');
      return worn.secret.test(all) ? 'the record shows what is hidden' : undefined;
    },
  }),
];
