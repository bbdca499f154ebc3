import { writeFrame } from '../codec.ts';
import { LENGTH_BYTES } from '../messages.ts';
import { mayBeDirectory } from './attributes.ts';
import { type FoundPath, pathOf, type WantedPath } from './classify.ts';
import type { Answer } from './codec.ts';
import type { SftpLane } from './lane.ts';
import { PACKET, STATUS } from './messages.ts';

type Status = Extract<Answer, { readonly kind: 'Status' }>;

/** Where the server says that paths are, or the first status that says that one of them is nowhere. */
export interface Found {
  readonly paths: readonly FoundPath[];
  readonly failed: Status | undefined;
}

const NOWHERE: FoundPath = { real: undefined, isTree: true };

/**
 * Asks the server where the paths of an operation lead, through its symbolic links, before it is judged. What an operation is about by name alone (the link, not what it leads to)
 * is looked for in the directory where it lies. Between this answer and the operation a link may be changed by others.
 */
export function lookUp(lane: SftpLane, wanted: readonly WantedPath[], done: (found: Found) => void): void {
  const paths: FoundPath[] = wanted.map(() => NOWHERE);
  let failed: Status | undefined;
  // One more than there is to ask, so that it ends once, at the end of this call when there is nothing.
  let open = wanted.length + 1;
  const settle = (): void => {
    open -= 1;
    if (open > 0) return;
    const isFirstTree = paths[0]?.isTree === true;
    done({
      paths: paths.map((one, at) => (wanted[at]?.isTree === 'AsFirst' ? { ...one, isTree: isFirstTree } : one)),
      failed,
    });
  };
  for (const [index, one] of wanted.entries()) {
    const isTree = one.isTree !== false;
    const { path } = one;
    if (path === undefined || one.isAsNamed) {
      paths[index] = { real: undefined, isTree };
      settle();
      continue;
    }
    locate(lane, one.written, one.follows, (real) => {
      if (typeof real === 'object') {
        paths[index] = { real: undefined, isTree };
        if (!one.mayBeMissing) failed ??= real;
        return settle();
      }
      paths[index] = { real, isTree };
      if (one.isTree !== 'IfDirectory') return settle();
      return askType(lane, one.written, (isDirectory) => {
        paths[index] = { real, isTree: isDirectory };
        settle();
      });
    });
  }
  settle();
}

/** Servers differ in whether the last name of what they are asked about must be there. */
function locate(lane: SftpLane, written: string, follows: boolean, done: (real: string | Status) => void): void {
  const trimmed = written.replace(/\/+$/, '');
  const last = trimmed.slice(trimmed.lastIndexOf('/') + 1);
  // What these mean only the server can say.
  const isPlain = last !== '' && last !== '.' && last !== '..';
  const inDirectory = (): void =>
    askReal(lane, trimmed.slice(0, trimmed.length - last.length).replace(/\/+$/, '') || '/', (directory) =>
      done(typeof directory === 'object' ? directory : joined(directory, last)),
    );
  if (!follows && isPlain) return inDirectory();
  return askReal(lane, written, (real) => {
    if (isPlain && typeof real === 'object' && real.code === STATUS.noSuchFile) inDirectory();
    else done(real);
  });
}

function joined(directory: string, name: string): string {
  if (directory === '') return directory;
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

function askReal(lane: SftpLane, path: string, done: (real: string | Status) => void): void {
  lane.send({ kind: 'Question' }, question(PACKET.realpath, path), {
    kind: 'Names',
    take(answer) {
      if (answer.kind === 'Status') {
        done(answer);
        return true;
      }
      const real = realOf(answer);
      if (real === undefined) return false;
      done(real);
      return true;
    },
  });
}

/** The path that REALPATH is answered with; empty: one that is no text; undefined: none. */
export function realOf(answer: Answer): string | undefined {
  if (answer.kind !== 'Names' || answer.names.length !== 1) return undefined;
  const [entry] = answer.names;
  return entry?.name[0] === SLASH ? (pathOf(entry.name, '/') ?? '') : undefined;
}

const SLASH = 47;

/** False only where the server says that it is something else than a directory. */
function askType(lane: SftpLane, path: string, done: (isDirectory: boolean) => void): void {
  lane.send({ kind: 'Question' }, question(PACKET.lstat, path), {
    kind: 'Attributes',
    take(answer) {
      done(answer.kind !== 'Attributes' || mayBeDirectory(answer.attributes));
      return true;
    },
  });
}

/** Without its length and with no number yet. */
export function question(type: number, path: string): Uint8Array {
  return writeFrame(type, { uint32: 0 }, path).subarray(LENGTH_BYTES);
}
