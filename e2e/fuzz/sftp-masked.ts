import * as fc from 'fast-check';
import type { Answer, Request } from '../../sidecar/src/protocols/ssh/sftp/codec.ts';
import { STATUS } from '../../sidecar/src/protocols/ssh/sftp/messages.ts';
import { Conversation, opening } from '../../sidecar/src/protocols/ssh/sftp/testing/conversation.ts';
import { writeRequest } from '../../sidecar/src/protocols/ssh/sftp/testing/packets.ts';
import { StreamMask } from '../../sidecar/src/protocols/ssh/stream-mask.ts';
import { MASKS } from '../../sidecar/src/protocols/ssh/testing/exhibit.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';

const SECRET = /ada@example|b@c\.de/;
const FAILURE: Answer = { kind: 'Status', code: STATUS.failure, text: 'Failure' };
const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };

type Act =
  | { readonly kind: 'Read'; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly kind: 'Close'; readonly file: number }
  /** The server answers the oldest read of the gate but so many, with so many bytes at most. */
  | { readonly kind: 'Answer'; readonly skip: number; readonly most: number; readonly fails: boolean }
  /** The agent takes nothing more, or does again. */
  | { readonly kind: 'Stall' }
  /** A policy is said again that says the same of masks. */
  | { readonly kind: 'Policy' };

const FILES = 2;
const file = fc.nat(FILES - 1);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('Read' as const), file, offset: fc.nat(200), length: fc.nat(90) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('Answer' as const),
      skip: fc.nat(3),
      most: fc.integer({ min: 1, max: 60 }),
      fails: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('Close' as const), file }),
  fc.constant({ kind: 'Stall' as const }),
  fc.constant({ kind: 'Policy' as const }),
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

/** Files that are open under the handles `0`, `1` ... */
class Talk {
  readonly conversation = Conversation.open({ masks: MASKS });
  /** What was asked for, by the agent's number. */
  readonly reads = new Map<number, Extract<Act, { readonly kind: 'Read' }>>();
  readonly #contents: readonly Buffer[];
  readonly #closed = new Set<number>();
  #id = FILES;

  constructor(files: readonly Buffer[]) {
    this.#contents = files;
    for (const at of files.keys()) {
      this.conversation.ask(at, opening(`/${at}`));
      this.conversation.answer({ kind: 'Handle', handle: String(at) });
    }
  }

  do(one: Act): void {
    if (one.kind === 'Answer') return this.#answer(one);
    if (one.kind === 'Policy') return this.conversation.session.addMasks({ ...MASKS }, { ...MASKS });
    if (one.kind === 'Stall') {
      this.conversation.isFull = !this.conversation.isFull;
      return this.conversation.session.pump();
    }
    const handle = String(one.file);
    if (this.#closed.has(one.file)) return;
    this.#id += 1;
    if (one.kind === 'Read') this.reads.set(this.#id, one);
    else this.#closed.add(one.file);
    const request: Request = one.kind === 'Read' ? { ...one, handle } : { kind: 'Close', handle };
    return this.conversation.agent(writeRequest(this.#id, request));
  }

  /** Lets all that waits come to its end. */
  drain(): void {
    if (this.conversation.isFull) this.do({ kind: 'Stall' });
    const { fetches, asked } = this.conversation;
    while (fetches.length + asked.length > 0) {
      this.#answer({ kind: 'Answer', skip: 0, most: 32_768, fails: false });
      while (asked.length > 0) this.conversation.answer(OK);
    }
  }

  #answer({ skip, most, fails }: Extract<Act, { readonly kind: 'Answer' }>): void {
    const { fetches } = this.conversation;
    const [next] = fetches.splice(skip % Math.max(1, fetches.length), 1);
    if (next === undefined) return;
    const data = this.#contents[Number(next.handle)]?.subarray(next.offset, next.offset + Math.min(next.length, most));
    const atEnd: Answer = { kind: 'Status', code: STATUS.eof, text: '' };
    const found: Answer = data === undefined || data.length === 0 ? atEnd : { kind: 'Data', data };
    this.conversation.answer(fails ? FAILURE : found, next.id);
  }
}

/** What is wrong with an answer to a read, or undefined. */
function wrongWith(
  answer: Answer,
  { offset, length }: { readonly offset: number; readonly length: number },
  whole: Buffer,
) {
  const part = whole.subarray(offset, offset + length);
  if (answer.kind === 'Data') return part.equals(answer.data) ? undefined : 'it is not that part of what masks show';
  if (answer.kind !== 'Status') return `it is a ${answer.kind}`;
  if (answer.code === STATUS.failure) return undefined;
  return answer.code === STATUS.eof && part.length === 0 ? undefined : `its status is ${answer.code}`;
}

function asStream(bytes: Buffer): Buffer {
  const mask = new StreamMask(MASKS);
  return Buffer.concat([mask.push(bytes), mask.end()]);
}

/** Reading of files through masks. */
export const SFTP_MASKED_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'sftp-masked',
    promise:
      'Each read of a file gives that part of what masks make of the whole, and nothing that is hidden is shown or recorded.',
    cases: fc.tuple(contents, fc.array(act, { maxLength: 30 })),
    check([files, acts]) {
      const talk = new Talk(files);
      for (const one of acts) talk.do(one);
      talk.drain();
      const { told, recorded, ended, said } = talk.conversation;
      if (ended !== undefined) return `the channel ended: ${ended.reason}`;
      if (said.length > 0) return `it was refused: ${said.join()}`;
      const answers = told.filter(({ id }) => talk.reads.has(id));
      if (answers.length !== talk.reads.size) return `${answers.length} of ${talk.reads.size} reads were answered`;
      const wholes = files.map(asStream);
      for (const { id, answer } of answers) {
        const read = talk.reads.get(id);
        const whole = read === undefined ? undefined : wholes[read.file];
        if (read === undefined || whole === undefined) return `nobody asked for ${id}`;
        const wrong = wrongWith(answer, read, whole);
        if (wrong !== undefined) return `the answer ${id}: ${wrong}`;
      }
      const all = Buffer.concat(recorded.map(({ bytes }) => bytes)).toString('latin1');
      return SECRET.test(all) ? 'the record shows what is hidden' : undefined;
    },
  }),
];
