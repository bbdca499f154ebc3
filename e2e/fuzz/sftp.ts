import { posix } from 'node:path';
import * as fc from 'fast-check';
import type { JudgedCommand, Refusal } from '../../sidecar/src/protocols/protocol.ts';
import type { Answer, PathOperation, Request } from '../../sidecar/src/protocols/ssh/sftp/codec.ts';
import {
  bytesOf,
  Conversation,
  NO_MASKS,
  nameAnswer,
} from '../../sidecar/src/protocols/ssh/sftp/testing/conversation.ts';
import { writeRequest } from '../../sidecar/src/protocols/ssh/sftp/testing/packets.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';

/** A server with a few links. */
const LINKS: Readonly<Record<string, string>> = {
  '/ok/way': '/denied',
  '/ok/file': '/denied/s',
  '/ok/round': '/ok',
  '/ok/over': '/ok/under',
  '/ok/under': '/ok/x',
  '/srv/me/out': '/',
};
const HOME = '/srv/me';
/** These stay where they are. */
const DIRECTORIES = ['/', '/ok', '/denied', '/srv', HOME];
/** Links that lead to links; a server gives up as well. */
const LINKS_MAX = 8;
const DENIED: Refusal = { kind: 'Denied', rule: 'data/guard/closed', reason: 'Nobody goes there.', hint: '' };

/** One thing that the agent does; `handle` counts among those that it was given. */
type Act =
  | { readonly kind: 'Path'; readonly operation: PathOperation; readonly path: string }
  | { readonly kind: 'Open'; readonly path: string; readonly flags: number }
  | {
      readonly kind: 'Pair';
      readonly operation: 'rename' | 'posix-rename' | 'symlink' | 'hardlink';
      readonly paths: readonly [string, string];
    }
  | { readonly kind: 'Set'; readonly operation: 'mkdir' | 'setstat' | 'lsetstat'; readonly path: string }
  | { readonly kind: 'Read' | 'Write' | 'Close' | 'Fsetstat' | 'Readdir'; readonly handle: number }
  /** The server answers the oldest question but so many. */
  | { readonly kind: 'Answer'; readonly skip: number; readonly fails: boolean };

const name = fc.constantFrom(
  'ok',
  'denied',
  'way',
  'file',
  'round',
  'over',
  'under',
  's',
  'x',
  '..',
  '.',
  '',
  '~',
  'out',
);
const anyPath = fc
  .tuple(fc.constantFrom('/', '', '//', '/ok/', '/denied/', '../'), fc.array(name, { maxLength: 4 }))
  .map(([start, names]) => start + names.join('/'));
/** What is moved, and what goes over it, must meet. */
const path = fc.oneof(anyPath, fc.constantFrom('/ok/over', '/ok/under', '/ok/way', '/ok/over/s', '/ok/under/s'));
const handle = fc.nat(3);
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constant('Path' as const),
    operation: fc.constantFrom(...(['stat', 'lstat', 'opendir', 'remove', 'rmdir', 'readlink', 'statvfs'] as const)),
    path,
  }),
  fc.record({ kind: fc.constant('Open' as const), path, flags: fc.nat(63) }),
  fc.record({
    kind: fc.constant('Pair' as const),
    operation: fc.constantFrom(...(['rename', 'posix-rename', 'symlink', 'hardlink'] as const)),
    paths: fc.tuple(path, path),
  }),
  fc.record({
    kind: fc.constant('Set' as const),
    operation: fc.constantFrom(...(['mkdir', 'setstat', 'lsetstat'] as const)),
    path,
  }),
  fc.record({ kind: fc.constantFrom(...(['Read', 'Write', 'Close', 'Fsetstat', 'Readdir'] as const)), handle }),
  fc.record({ kind: fc.constant('Answer' as const), skip: fc.nat(2), fails: fc.boolean() }),
);

/** The links of a server, which are moved and taken away by what it is sent: an oracle that shares nothing with what the gate does. */
class Links {
  readonly #links = new Map(Object.entries(LINKS));

  /** Where a path leads, name by name. `follows`: the last name too. */
  placeOf(written: string, follows: boolean): string {
    const names = (written.startsWith('/') ? written : `${HOME}/${written}`).split('/');
    let place = '/';
    for (const [at, one] of names.entries()) {
      if (one === '' || one === '.') continue;
      place = one === '..' ? posix.dirname(place) : posix.join(place, one);
      const isLast = names.slice(at + 1).every((rest) => rest === '' || rest === '.');
      if (!isLast || follows) place = this.#behind(place);
    }
    return place;
  }

  /** The server carries it out. */
  change(request: Request): void {
    const place = (bytes: Uint8Array): string => this.placeOf(Buffer.from(bytes).toString(), false);
    if (request.kind === 'Path' && request.operation === 'remove') this.#links.delete(place(request.path));
    if (request.kind !== 'Pair' || request.operation === 'symlink') return;
    const [from = '', to = ''] = request.paths.map(place);
    const target = this.#links.get(from);
    if (from === to || DIRECTORIES.includes(from) || DIRECTORIES.includes(to)) return;
    if (request.operation !== 'hardlink') this.#links.delete(from);
    this.#links.delete(to);
    if (target !== undefined) this.#links.set(to, target);
  }

  #behind(place: string): string {
    let reached = place;
    for (let left = LINKS_MAX; left > 0; left -= 1) {
      const next = this.#links.get(reached);
      if (next === undefined) return reached;
      reached = next;
    }
    return '/nowhere';
  }
}

const isDenied = (place: string): boolean => place === '/denied' || place.startsWith('/denied/');

class Talk {
  readonly conversation: Conversation;
  /** What is denied and reached the server all the same. */
  readonly breaches: (readonly string[])[] = [];
  readonly #links = new Links();
  readonly #given: string[] = [];
  #id = 0;

  constructor() {
    const decide = ({ command }: JudgedCommand): 'Forward' | Refusal =>
      command.protocol === 'SSH' && command.paths.some((use) => use.path === undefined || isDenied(use.path))
        ? DENIED
        : 'Forward';
    const realOf = (asked: string): string => this.#links.placeOf(asked, true);
    const sent = (request: Request): void => {
      const places = placesOf(request, this.#links);
      if (places.some(isDenied)) this.breaches.push(places);
      this.#links.change(request);
    };
    this.conversation = Conversation.open({ masks: NO_MASKS, home: HOME, decide, realOf, sent });
  }

  /** The bytes of what the agent does; an answer of the server's is given at once. */
  bytesOf(one: Act): Uint8Array {
    if (one.kind === 'Answer') {
      this.#answer(one);
      return new Uint8Array(0);
    }
    this.#id += 1;
    return writeRequest(this.#id, this.#requestOf(one));
  }

  get asked(): number {
    return this.#id;
  }

  #requestOf(one: Exclude<Act, { readonly kind: 'Answer' }>): Request {
    const attributes = { permissions: 0o600, extended: [] };
    switch (one.kind) {
      case 'Path':
        return { ...one, path: bytesOf(one.path) };
      case 'Open':
        return { ...one, path: bytesOf(one.path), attributes };
      case 'Pair':
        return { ...one, paths: [bytesOf(one.paths[0]), bytesOf(one.paths[1])] };
      case 'Set':
        return { ...one, path: bytesOf(one.path), attributes };
      default: {
        const handleName = this.#given[one.handle % Math.max(1, this.#given.length)] ?? 'none';
        const common = { handle: handleName, offset: 0, length: 4, data: bytesOf('data'), attributes };
        return { ...common, kind: one.kind };
      }
    }
  }

  #answer({ skip, fails }: Extract<Act, { readonly kind: 'Answer' }>): void {
    const { asked } = this.conversation;
    const next = asked[skip % Math.max(1, asked.length)];
    if (next === undefined) return;
    this.conversation.answer(fails ? FAILURE : this.#answerTo(next.request), next.id);
  }

  /** All that is owed, so that everything ends. */
  drain(): void {
    for (let next = this.conversation.asked[0]; next !== undefined; next = this.conversation.asked[0]) {
      this.conversation.answer(this.#answerTo(next.request), next.id);
    }
  }

  #answerTo(request: Request): Answer {
    const opens = request.kind === 'Open' || (request.kind === 'Path' && request.operation === 'opendir');
    if (opens) {
      const given = `h${this.#given.length}`;
      this.#given.push(given);
      return { kind: 'Handle', handle: given };
    }
    if (request.kind === 'Read') return { kind: 'Data', data: bytesOf('data') };
    if (request.kind === 'Readdir') return nameAnswer('x');
    if (request.kind !== 'Path') return { kind: 'Status', code: 0, text: '' };
    if (request.operation === 'stat' || request.operation === 'lstat')
      return { kind: 'Attributes', attributes: { extended: [] } };
    if (request.operation === 'readlink') return nameAnswer('/x');
    if (request.operation === 'statvfs') return { kind: 'Reply', body: new Uint8Array(88) };
    return { kind: 'Status', code: 0, text: '' };
  }
}

const FAILURE: Answer = { kind: 'Status', code: 4, text: 'Failure' };

/** The places that a request which reached the server is about. */
function placesOf(request: Request, links: Links): readonly string[] {
  const place = (bytes: Uint8Array, follows: boolean): string => links.placeOf(Buffer.from(bytes).toString(), follows);
  switch (request.kind) {
    case 'Open':
      return [place(request.path, true)];
    case 'Path':
      return [place(request.path, !['lstat', 'remove', 'rmdir', 'readlink'].includes(request.operation))];
    case 'Set':
      return [place(request.path, request.operation === 'setstat')];
    case 'Pair':
      return request.paths.map((one) => place(one, false));
    default:
      return [];
  }
}

interface Turn {
  readonly acts: readonly Act[];
  /** So many questions about paths the server answers then; undefined: all. */
  readonly answers: number | undefined;
}

function play(turns: readonly Turn[], cut: number): Talk {
  const talk = new Talk();
  const { conversation } = talk;
  for (const { acts, answers } of turns) {
    const bytes = Buffer.concat(acts.map((one) => talk.bytesOf(one)));
    // What the server says of a path comes when all of the turn is there, however that was cut.
    conversation.isSlow = true;
    const size = cut === 0 ? Math.max(1, bytes.length) : cut;
    for (let at = 0; at < bytes.length; at += size) conversation.agent(bytes.subarray(at, at + size));
    conversation.answerQuestions(answers);
  }
  conversation.answerQuestions();
  return talk;
}

const turn: fc.Arbitrary<Turn> = fc.record({
  acts: fc.array(act, { maxLength: 4 }),
  answers: fc.option(fc.nat(4), { nil: undefined }),
});
const turns = fc.array(turn, { maxLength: 8 });

/** SFTP by itself, without the channel around it. */
export const SFTP_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'sftp-guarded',
    promise: 'What is denied never reaches the server, by whatever path or link, and everything ends once.',
    cases: turns,
    check(acts) {
      const talk = play(acts, 0);
      const { conversation } = talk;
      talk.drain();
      const [breach] = talk.breaches;
      if (breach !== undefined) return `the server was asked for ${JSON.stringify(breach)}`;
      if (conversation.ended !== undefined) return `the channel ended: ${conversation.ended.reason}`;
      const answered = conversation.told.map(({ id }) => id);
      if (new Set(answered).size !== answered.length) return 'a request was answered twice';
      if (answered.length !== talk.asked) return `${answered.length} of ${talk.asked} requests were answered`;
      conversation.session.abandon('the end');
      const ends = conversation.endings.map(({ commandId }) => commandId);
      if (new Set(ends).size !== ends.length) return 'an operation ended twice';
      return ends.length === conversation.judgements.length ? undefined : 'an operation never ended';
    },
  }),
  defineFuzzer({
    name: 'sftp-split',
    promise: 'However the bytes of an agent are cut, the same is judged, asked and told.',
    cases: fc.tuple(turns, fc.integer({ min: 1, max: 40 })),
    check([acts, cut]) {
      const [whole, pieces] = [0, cut].map((size) => {
        const { judgements, seen, told, endings } = play(acts, size).conversation;
        const shown = (_key: string, value: unknown): unknown =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
        return JSON.stringify([judgements.map(({ judged }) => judged.text), seen, told, endings], shown);
      });
      return whole === pieces ? undefined : `${whole} is not ${pieces}`;
    },
  }),
];
