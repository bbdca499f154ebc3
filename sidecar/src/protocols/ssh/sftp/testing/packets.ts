import { type Field, writeFrame } from '../../codec.ts';
import type { Answer, NameEntry, Request } from '../codec.ts';
import { ATTRIBUTE, PACKET, VERSION } from '../messages.ts';

type Attributes = Extract<Answer, { readonly kind: 'Attributes' }>['attributes'];

const u32 = (uint32: number): Field => ({ uint32 });
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function u64(value: number): Field {
  const raw = Buffer.allocUnsafe(8);
  raw.writeBigUInt64BE(BigInt(value));
  return { raw };
}

function attributeFields({ size, owner, permissions, times, extended }: Attributes): readonly Field[] {
  const flags =
    (size === undefined ? 0 : ATTRIBUTE.size) |
    (owner === undefined ? 0 : ATTRIBUTE.owner) |
    (permissions === undefined ? 0 : ATTRIBUTE.permissions) |
    (times === undefined ? 0 : ATTRIBUTE.times) |
    (extended.length === 0 ? 0 : ATTRIBUTE.extended);
  return [
    u32(flags >>> 0),
    ...(size === undefined ? [] : [u64(size)]),
    ...(owner === undefined ? [] : [u32(owner.uid), u32(owner.gid)]),
    ...(permissions === undefined ? [] : [u32(permissions)]),
    ...(times === undefined ? [] : [u32(times.accessed), u32(times.modified)]),
    ...(extended.length === 0 ? [] : [u32(extended.length), ...extended.flatMap((name) => [name, 'x'])]),
  ];
}

/** Attributes as they stand in a packet. */
export function writeAttributes(attributes: Attributes): Uint8Array {
  return writeFrame(...attributeFields(attributes)).subarray(4);
}

const TYPE_OF = {
  Close: PACKET.close,
  Fstat: PACKET.fstat,
  Readdir: PACKET.readdir,
  lstat: PACKET.lstat,
  opendir: PACKET.opendir,
  remove: PACKET.remove,
  rmdir: PACKET.rmdir,
  realpath: PACKET.realpath,
  stat: PACKET.stat,
  readlink: PACKET.readlink,
  mkdir: PACKET.mkdir,
  setstat: PACKET.setstat,
  rename: PACKET.rename,
  symlink: PACKET.symlink,
} as const;

const EXTENSION_OF = {
  statvfs: 'statvfs@openssh.com',
  'expand-path': 'expand-path@openssh.com',
  lsetstat: 'lsetstat@openssh.com',
  'posix-rename': 'posix-rename@openssh.com',
  hardlink: 'hardlink@openssh.com',
  Fsync: 'fsync@openssh.com',
  Fstatvfs: 'fstatvfs@openssh.com',
} as const;

function headOf(name: keyof typeof TYPE_OF | keyof typeof EXTENSION_OF, id: number): readonly Field[] {
  if (name in TYPE_OF) return [TYPE_OF[name as keyof typeof TYPE_OF], u32(id)];
  return [PACKET.extended, u32(id), EXTENSION_OF[name as keyof typeof EXTENSION_OF]];
}

/** What an agent sends to begin. */
export function writeHello(version: number = VERSION): Uint8Array {
  return writeFrame(PACKET.init, u32(version));
}

/** What a server begins with. */
export function writeServerVersion(extensions: readonly (readonly [string, string])[] = [], version = VERSION) {
  return writeFrame(PACKET.version, u32(version), ...extensions.flatMap((pair): readonly Field[] => pair));
}

/** A request with its length, as a client writes it. */
export function writeRequest(id: number, request: Request): Uint8Array {
  switch (request.kind) {
    case 'Open': {
      const { path, flags, attributes } = request;
      return writeFrame(PACKET.open, u32(id), path, u32(flags), ...attributeFields(attributes));
    }
    case 'Path':
      return writeFrame(...headOf(request.operation, id), request.path);
    case 'Set':
      return writeFrame(...headOf(request.operation, id), request.path, ...attributeFields(request.attributes));
    case 'Pair':
      return writeFrame(...headOf(request.operation, id), ...request.paths);
    case 'Close':
    case 'Fstat':
    case 'Readdir':
    case 'Fsync':
    case 'Fstatvfs':
      return writeFrame(...headOf(request.kind, id), latin1(request.handle));
    case 'Fsetstat':
      return writeFrame(PACKET.fsetstat, u32(id), latin1(request.handle), ...attributeFields(request.attributes));
    case 'Read':
      return writeFrame(PACKET.read, u32(id), latin1(request.handle), u64(request.offset), u32(request.length));
    case 'Write':
      return writeFrame(PACKET.write, u32(id), latin1(request.handle), u64(request.offset), request.data);
    case 'CopyData': {
      const { from, to, length } = request;
      return writeFrame(PACKET.extended, u32(id), 'copy-data', latin1(from), u64(0), u64(length), latin1(to), u64(0));
    }
    case 'Limits':
      return writeFrame(PACKET.extended, u32(id), 'limits@openssh.com');
    case 'HomeDirectory':
      return writeFrame(PACKET.extended, u32(id), 'home-directory', request.user);
    case 'UsersGroups':
      return writeFrame(PACKET.extended, u32(id), 'users-groups-by-id@openssh.com', latin1('\0\0\0\0'), latin1(''));
    case 'Unsupported':
      return writeFrame(PACKET.extended, u32(id), request.what.replace('the extension ', ''));
    default:
      return request satisfies never;
  }
}

/** An answer with its length, as a server writes it. */
export function writeAnswer(id: number, answer: Answer): Uint8Array {
  switch (answer.kind) {
    case 'Status':
      return writeFrame(PACKET.status, u32(id), u32(answer.code), answer.text, 'en');
    case 'Handle':
      return writeFrame(PACKET.handle, u32(id), latin1(answer.handle));
    case 'Data':
      return writeFrame(PACKET.data, u32(id), answer.data);
    case 'Names':
      return writeFrame(PACKET.name, u32(id), u32(answer.names.length), ...answer.names.flatMap(entryFields));
    case 'Attributes':
      return writeFrame(PACKET.attributes, u32(id), ...attributeFields(answer.attributes));
    case 'Reply':
      return writeFrame(PACKET.extendedReply, u32(id), { raw: answer.body });
    default:
      return answer satisfies never;
  }
}

function entryFields({ name, long, attributes }: NameEntry): readonly Field[] {
  return [name, long, { raw: attributes }];
}
