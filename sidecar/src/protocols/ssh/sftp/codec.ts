import { MessageReader } from '../codec.ts';
import { type Attributes, readAttributes } from './attributes.ts';
import { OPEN, PACKET } from './messages.ts';

const HANDLE_BYTES_MAX = 256;
/** Entries of one listing. */
const NAMES_MAX = 65_536;
/** Ids that one request asks the names of. */
const IDS_MAX = 65_536;
const OPEN_FLAGS = Object.values(OPEN).reduce((all, flag) => all | flag, 0);

/** A handle as a server gave it: its bytes, one character each. */
export type HandleName = string;

/** Operations on one path that say nothing else. */
export type PathOperation =
  | 'lstat'
  | 'opendir'
  | 'remove'
  | 'rmdir'
  | 'realpath'
  | 'stat'
  | 'readlink'
  | 'statvfs'
  | 'expand-path';

/** What an agent asks for. Paths are the bytes as they came. */
export type Request =
  | { readonly kind: 'Open'; readonly path: Uint8Array; readonly flags: number; readonly attributes: Attributes }
  | { readonly kind: 'Path'; readonly operation: PathOperation; readonly path: Uint8Array }
  | {
      readonly kind: 'Set';
      readonly operation: 'mkdir' | 'setstat' | 'lsetstat';
      readonly path: Uint8Array;
      readonly attributes: Attributes;
    }
  | {
      readonly kind: 'Pair';
      readonly operation: 'rename' | 'posix-rename' | 'symlink' | 'hardlink';
      readonly paths: readonly [Uint8Array, Uint8Array];
    }
  | { readonly kind: 'Close' | 'Fstat' | 'Readdir' | 'Fsync' | 'Fstatvfs'; readonly handle: HandleName }
  | { readonly kind: 'Fsetstat'; readonly handle: HandleName; readonly attributes: Attributes }
  | { readonly kind: 'Read'; readonly handle: HandleName; readonly offset: number; readonly length: number }
  | { readonly kind: 'Write'; readonly handle: HandleName; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'CopyData'; readonly from: HandleName; readonly to: HandleName; readonly length: number }
  | { readonly kind: 'Limits' }
  | { readonly kind: 'HomeDirectory'; readonly user: string }
  | { readonly kind: 'UsersGroups' }
  /** Nothing that the gate understands; what it is. */
  | { readonly kind: 'Unsupported'; readonly what: string };

/** Reads a request; undefined: malformed, or with more behind it. */
export function readRequest(packet: Uint8Array): { readonly id: number; readonly request: Request } | undefined {
  const reader = new MessageReader(packet);
  const id = reader.uint32();
  if (!reader.whole) return undefined;
  const request = readFields(packet[0] ?? 0, reader);
  if (request === undefined) return undefined;
  return request.kind === 'Unsupported' || reader.ended ? { id, request } : undefined;
}

function readFields(type: number, reader: MessageReader): Request | undefined {
  switch (type) {
    case PACKET.open:
      return readOpen(reader);
    case PACKET.close:
      return { kind: 'Close', handle: handleOf(reader) };
    case PACKET.read:
      return { kind: 'Read', handle: handleOf(reader), offset: reader.uint64(), length: reader.uint32() };
    case PACKET.write:
      return { kind: 'Write', handle: handleOf(reader), offset: reader.uint64(), data: reader.bytes() };
    case PACKET.fstat:
      return { kind: 'Fstat', handle: handleOf(reader) };
    case PACKET.readdir:
      return { kind: 'Readdir', handle: handleOf(reader) };
    case PACKET.fsetstat: {
      const handle = handleOf(reader);
      const attributes = readAttributes(reader);
      if (attributes === undefined) return undefined;
      return withoutExtended(attributes) ?? { kind: 'Fsetstat', handle, attributes };
    }
    case PACKET.setstat:
      return readSet('setstat', reader);
    case PACKET.mkdir:
      return readSet('mkdir', reader);
    case PACKET.rename:
      return { kind: 'Pair', operation: 'rename', paths: [reader.bytes(), reader.bytes()] };
    case PACKET.symlink:
      return { kind: 'Pair', operation: 'symlink', paths: [reader.bytes(), reader.bytes()] };
    case PACKET.extended:
      return readExtended(reader);
    default: {
      const operation = PATH_OPERATIONS.get(type);
      if (operation === undefined) return { kind: 'Unsupported', what: `a packet of type ${type}` };
      return { kind: 'Path', operation, path: reader.bytes() };
    }
  }
}

const PATH_OPERATIONS: ReadonlyMap<number, PathOperation> = new Map([
  [PACKET.lstat, 'lstat'],
  [PACKET.opendir, 'opendir'],
  [PACKET.remove, 'remove'],
  [PACKET.rmdir, 'rmdir'],
  [PACKET.realpath, 'realpath'],
  [PACKET.stat, 'stat'],
  [PACKET.readlink, 'readlink'],
]);

function readExtended(reader: MessageReader): Request | undefined {
  const name = reader.text();
  switch (name) {
    case 'posix-rename@openssh.com':
      return { kind: 'Pair', operation: 'posix-rename', paths: [reader.bytes(), reader.bytes()] };
    case 'hardlink@openssh.com':
      return { kind: 'Pair', operation: 'hardlink', paths: [reader.bytes(), reader.bytes()] };
    case 'statvfs@openssh.com':
      return { kind: 'Path', operation: 'statvfs', path: reader.bytes() };
    case 'expand-path@openssh.com':
      return { kind: 'Path', operation: 'expand-path', path: reader.bytes() };
    case 'fstatvfs@openssh.com':
      return { kind: 'Fstatvfs', handle: handleOf(reader) };
    case 'fsync@openssh.com':
      return { kind: 'Fsync', handle: handleOf(reader) };
    case 'lsetstat@openssh.com':
      return readSet('lsetstat', reader);
    case 'limits@openssh.com':
      return { kind: 'Limits' };
    case 'home-directory':
      return { kind: 'HomeDirectory', user: reader.text() };
    case 'users-groups-by-id@openssh.com': {
      const most = IDS_MAX * 4;
      return reader.bytes().length <= most && reader.bytes().length <= most ? { kind: 'UsersGroups' } : undefined;
    }
    case 'copy-data':
      return readCopy(reader);
    default:
      return reader.whole ? { kind: 'Unsupported', what: `the extension ${name.slice(0, 64)}` } : undefined;
  }
}

function readOpen(reader: MessageReader): Request | undefined {
  const path = reader.bytes();
  const flags = reader.uint32();
  const attributes = readAttributes(reader);
  if (attributes === undefined) return undefined;
  if ((flags & ~OPEN_FLAGS) !== 0) return { kind: 'Unsupported', what: `an open with flags 0x${flags.toString(16)}` };
  return withoutExtended(attributes) ?? { kind: 'Open', path, flags, attributes };
}

function readSet(operation: 'mkdir' | 'setstat' | 'lsetstat', reader: MessageReader): Request | undefined {
  const path = reader.bytes();
  const attributes = readAttributes(reader);
  if (attributes === undefined) return undefined;
  return withoutExtended(attributes) ?? { kind: 'Set', operation, path, attributes };
}

/** What an attribute of a name that nobody knows does to a file, nobody knows either. */
function withoutExtended({ extended: [name] }: Attributes): Request | undefined {
  return name === undefined ? undefined : { kind: 'Unsupported', what: `the attribute ${name.slice(0, 64)}` };
}

function readCopy(reader: MessageReader): Request {
  const from = handleOf(reader);
  reader.uint64();
  const length = reader.uint64();
  const to = handleOf(reader);
  reader.uint64();
  return { kind: 'CopyData', from, to, length };
}

/** A handle that is too long is none that a server gave. */
function handleOf(reader: MessageReader): HandleName {
  return Buffer.from(reader.bytes()).toString('latin1');
}

/** One entry of a listing, or the path that a question about one is answered with. */
export interface NameEntry {
  readonly name: Uint8Array;
  /** The line of a listing for people. */
  readonly long: Uint8Array;
  /** As they came. */
  readonly attributes: Uint8Array;
}

/** What a server answers. */
export type Answer =
  | { readonly kind: 'Status'; readonly code: number; readonly text: string }
  | { readonly kind: 'Handle'; readonly handle: HandleName }
  | { readonly kind: 'Data'; readonly data: Uint8Array }
  | { readonly kind: 'Names'; readonly names: readonly NameEntry[] }
  | { readonly kind: 'Attributes'; readonly attributes: Attributes }
  /** To a request of an extension; what is in it goes by that. */
  | { readonly kind: 'Reply'; readonly body: Uint8Array };

/** Reads an answer; undefined: malformed, or no answer at all. */
export function readAnswer(packet: Uint8Array): { readonly id: number; readonly answer: Answer } | undefined {
  const reader = new MessageReader(packet);
  const id = reader.uint32();
  if (!reader.whole) return undefined;
  const answer = readAnswerFields(packet, reader);
  return answer === undefined || !reader.ended ? undefined : { id, answer };
}

function readAnswerFields(packet: Uint8Array, reader: MessageReader): Answer | undefined {
  switch (packet[0]) {
    case PACKET.status: {
      const code = reader.uint32();
      // Old servers say no more than this.
      const text = reader.ended ? '' : reader.text();
      if (!reader.ended) reader.text();
      return { kind: 'Status', code, text };
    }
    case PACKET.handle: {
      const bytes = reader.bytes();
      if (bytes.length > HANDLE_BYTES_MAX) return undefined;
      return { kind: 'Handle', handle: Buffer.from(bytes).toString('latin1') };
    }
    case PACKET.data:
      return { kind: 'Data', data: reader.bytes() };
    case PACKET.name:
      return readNames(packet, reader);
    case PACKET.attributes: {
      const attributes = readAttributes(reader);
      return attributes === undefined ? undefined : { kind: 'Attributes', attributes };
    }
    case PACKET.extendedReply:
      return { kind: 'Reply', body: reader.rest() };
    default:
      return undefined;
  }
}

function readNames(packet: Uint8Array, reader: MessageReader): Answer | undefined {
  const count = reader.uint32();
  if (count > NAMES_MAX) return undefined;
  const names: NameEntry[] = [];
  for (let index = 0; index < count && reader.whole; index += 1) {
    const name = reader.bytes();
    const long = reader.bytes();
    const start = reader.at;
    if (readAttributes(reader) === undefined) return undefined;
    names.push({ name, long, attributes: packet.subarray(start, reader.at) });
  }
  return { kind: 'Names', names };
}
