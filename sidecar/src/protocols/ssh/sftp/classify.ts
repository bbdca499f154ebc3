import { assertNever } from '@sidegate/crds';
import { type PathUse, resolvePath, type SshCommand } from '@sidegate/policy';
import { exactText } from '../codec.ts';
import { attributeWords } from './attributes.ts';
import type { Request } from './codec.ts';
import { OPEN } from './messages.ts';

/** The longest path that is taken, in bytes; Linux takes no longer one either. */
const PATH_BYTES_MAX = 4_096;
const WRITES = OPEN.write | OPEN.append | OPEN.create | OPEN.truncate;

/** A path that a request names, and how it is used. */
export interface WantedPath {
  /** From the root, with `.` and `..` taken out by text alone; undefined where only the server could tell. */
  readonly path: string | undefined;
  /** As it was written, made absolute: behind a link `..` is somewhere else for the server than for the text. */
  readonly written: string;
  readonly access: readonly PathUse['access'][];
  /** The operation reaches all below it. `IfDirectory`: if it is a directory, which the server says; `AsFirst`: if the first path is one. */
  readonly isTree: boolean | 'IfDirectory' | 'AsFirst';
  /** The operation goes where a symbolic link of that name leads; otherwise it is about the link. */
  readonly follows: boolean;
  /** Nothing needs to be there. */
  readonly mayBeMissing: boolean;
  /** Where it leads is not asked for before: the operation itself asks, or it was asked when the handle was opened. */
  readonly isAsNamed: boolean;
}

/** A request that is judged by itself: one operation of SFTP as policy names it. */
export interface Reading {
  /** Requests that do the same under two names have one here, so that no rule is passed by the other. */
  readonly name: string;
  readonly words: readonly string[];
  readonly wanted: readonly WantedPath[];
}

/** Where the server says that a wanted path is. */
export interface FoundPath {
  /** Undefined: it does not say. Empty: it says what is no text. */
  readonly real: string | undefined;
  readonly isTree: boolean;
}

/** `Handle`: it belongs to what was judged when its handle was opened. `Unreadable`: it names what is no path. */
export type Read = Reading | 'Handle' | 'Unreadable';

/** Reads a request as policy judges it. `home`: the directory that relative paths start from. `ofHandle`: the paths of the handle that it names. */
export function read(request: Request, home: string, ofHandle: readonly string[] = []): Read {
  switch (request.kind) {
    case 'Open': {
      const { path, flags, attributes } = request;
      const names = Object.entries(OPEN).flatMap(([name, flag]) => ((flags & flag) === 0 ? [] : [name]));
      const access = accessOf(flags);
      return onPath('open', nameOf(path, home), access, true, [...names, ...attributeWords(attributes)]);
    }
    case 'Path':
      return readPath(request, home);
    case 'Set': {
      const name = request.operation === 'mkdir' ? 'mkdir' : 'setstat';
      const words = attributeWords(request.attributes);
      return onPath(name, nameOf(request.path, home), ['Write'], request.operation === 'setstat', words);
    }
    case 'Fsetstat': {
      const wanted = ofHandle.map((path) => wantedPath({ path, written: path, access: ['Write'], isAsNamed: true }));
      return { name: 'setstat', words: [ofHandle[0] ?? '', ...attributeWords(request.attributes)], wanted };
    }
    case 'Pair':
      return readPair(request, home);
    case 'HomeDirectory':
      return { name: 'home-directory', words: [request.user], wanted: [] };
    case 'UsersGroups':
      return { name: 'users-groups-by-id', words: [], wanted: [] };
    case 'Close':
    case 'Fstat':
    case 'Readdir':
    case 'Fsync':
    case 'Fstatvfs':
    case 'Read':
    case 'Write':
    case 'CopyData':
    case 'Limits':
    case 'Unsupported':
      return 'Handle';
    default:
      return assertNever(request);
  }
}

/** What a file is opened for. With no word of either it is opened for reading. */
function accessOf(flags: number): readonly PathUse['access'][] {
  const writes = (flags & WRITES) !== 0;
  const reads = (flags & OPEN.read) !== 0 || (flags & (OPEN.write | OPEN.append)) === 0;
  return [...(reads ? (['Read'] as const) : []), ...(writes ? (['Write'] as const) : [])];
}

function readPath({ operation, path }: Extract<Request, { readonly kind: 'Path' }>, home: string): Read {
  const text = nameOf(path, home);
  switch (operation) {
    case 'opendir':
    case 'statvfs':
      return onPath(operation, text, ['Read'], true);
    case 'stat':
    case 'lstat':
      return onPath('stat', text, ['Read'], operation === 'stat');
    case 'realpath':
      return onPath(operation, text, ['Read'], true, [], true);
    case 'readlink':
      return onPath(operation, text, ['Read'], false);
    case 'remove':
    case 'rmdir':
      return onPath(operation, text, ['Write'], false);
    case 'expand-path':
      return readExpansion(path, home);
    default:
      return assertNever(operation);
  }
}

/** The server puts homes in the place of `~` and `~user`. */
function readExpansion(bytes: Uint8Array, home: string): Read {
  const text = pathOf(bytes, '/');
  if (text === undefined) return 'Unreadable';
  const written = Buffer.from(bytes).toString();
  const isOther = /^~[^/]/.test(written);
  const path = isOther ? undefined : pathOf(Buffer.from(written.replace(/^~\/?/, '')), home);
  const wanted = wantedPath({ path, written: written, access: ['Read'], isAsNamed: true });
  return { name: 'expand-path', words: [written], wanted: [wanted] };
}

function readPair({ operation, paths }: Extract<Request, { readonly kind: 'Pair' }>, home: string): Read {
  const [first, second] = paths.map((path) => nameOf(path, home));
  if (first === undefined || second === undefined) return 'Unreadable';
  const both = ['Read', 'Write'] as const;
  const words = [first.path, second.path];
  switch (operation) {
    case 'rename':
    case 'posix-rename':
      // What was kept from reading or from writing must not lie where it is not.
      return {
        name: 'rename',
        words,
        wanted: [
          ...wantedPaths({ ...first, access: both, isTree: 'IfDirectory' }),
          ...wantedPaths({ ...second, access: ['Write'], isTree: 'AsFirst' }),
        ],
      };
    case 'hardlink':
      return {
        name: 'hardlink',
        words,
        // Systems differ in whether a second name of a link is one of what it leads to.
        wanted: [
          wantedPath({ ...first, access: both }),
          wantedPath({ ...first, access: both, follows: true }),
          ...wantedPaths({ ...second, access: ['Write'] }),
        ],
      };
    case 'symlink': {
      // Servers do not agree which of the two is the link, and what it points to is read from where it lies.
      const fromOther = [placeBeside(second, paths[0]), placeBeside(first, paths[1])];
      const wanted = [first, second, ...fromOther].map((one) =>
        wantedPath({ ...one, access: both, isTree: true, follows: true, mayBeMissing: true }),
      );
      return { name: 'symlink', words, wanted };
    }
    default:
      return assertNever(operation);
  }
}

function onPath(
  name: string,
  named: NamedPath | undefined,
  access: WantedPath['access'],
  follows: boolean,
  words: readonly string[] = [],
  isAsNamed = false,
): Read {
  if (named === undefined) return 'Unreadable';
  return { name, words: [named.path, ...words], wanted: wantedPaths({ ...named, access, follows, isAsNamed }) };
}

type WantedParts = Pick<WantedPath, 'path' | 'written' | 'access'> & Partial<WantedPath>;

/** With a slash behind it, servers differ in whether the name of a link means the link. */
function wantedPaths(parts: WantedParts): readonly WantedPath[] {
  const one = wantedPath(parts);
  const isEither = !one.follows && !one.isAsNamed && parts.written.endsWith('/');
  return isEither ? [one, { ...one, follows: true, mayBeMissing: true }] : [one];
}

function wantedPath(parts: WantedParts): WantedPath {
  return { isTree: false, follows: false, mayBeMissing: false, isAsNamed: false, ...parts };
}

/** A path that is read from the directory in which another lies. */
function placeBeside(other: NamedPath, bytes: Uint8Array): NamedPath {
  const text = Buffer.from(bytes).toString();
  const path = resolvePath(parentOf(other.path), literal(text)) ?? '/';
  return { path, written: absolute(other.written.slice(0, other.written.lastIndexOf('/')), text) };
}

/** SFTP knows no `~`: a file may be called so. */
function literal(text: string): string {
  return text.startsWith('~') ? `./${text}` : text;
}

interface NamedPath {
  readonly path: string;
  readonly written: string;
}

function nameOf(bytes: Uint8Array, home: string): NamedPath | undefined {
  const path = pathOf(bytes, home);
  return path === undefined ? undefined : { path, written: absolute(home, Buffer.from(bytes).toString()) };
}

function absolute(from: string, text: string): string {
  return text.startsWith('/') ? text : `${from}/${text}`;
}

/** From the root; undefined when the bytes are no text, or more than a path holds. */
export function pathOf(bytes: Uint8Array, home: string): string | undefined {
  const text = exactText(bytes);
  if (text === undefined || bytes.length > PATH_BYTES_MAX || text.includes('\0')) return undefined;
  return resolvePath(home, literal(text));
}

/** The directory that a path lies in. */
export function parentOf(path: string): string {
  return resolvePath(path, '..') ?? '/';
}

/** The command that policy judges: the paths as they were named, and where the server says that they are. */
export function commandOf({ name, words, wanted }: Reading, found: readonly FoundPath[], home: string): SshCommand {
  const paths = wanted.flatMap(({ path, access }, index): readonly PathUse[] => {
    const { real, isTree = true } = found[index] ?? {};
    const elsewhere = real === '' ? [undefined] : real === undefined || real === path ? [] : [real];
    const named = [path, ...elsewhere];
    return named.flatMap((one) =>
      access.map((use): PathUse => ({ path: one, access: use, by: 0, ...(isTree ? { isTree } : {}) })),
    );
  });
  const commands = [{ name, args: words, pathsKnown: true } as const];
  const once = [...new Map(paths.map((use) => [JSON.stringify(use), use])).values()];
  return { protocol: 'SSH', channel: 'sftp', commands, paths: once, complete: true, incomplete: [], home };
}

/** One operation as one line: words with anything but plain characters are in quotes. */
export function operationText({ name, words }: Reading): string {
  return [name, ...words].map((word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
