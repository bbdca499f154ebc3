import type { MessageReader } from '../codec.ts';
import { ATTRIBUTE } from './messages.ts';

/** Attributes of a file that an answer or a request may hold, at most; the protocol names no number. */
const EXTENDED_MAX = 64;
const KNOWN = ATTRIBUTE.size | ATTRIBUTE.owner | ATTRIBUTE.permissions | ATTRIBUTE.times | ATTRIBUTE.extended;

/** Attributes of a file (draft-ietf-secsh-filexfer-02, section 5). What is absent is not named. */
export interface Attributes {
  /** In bytes. */
  readonly size?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** With the type of the file in its high bits, as POSIX has them. */
  readonly permissions?: number;
  /** In seconds since the epoch. */
  readonly times?: { readonly accessed: number; readonly modified: number };
  /** Names of attributes beyond these. */
  readonly extended: readonly string[];
}

/** Undefined: flags that nobody knows, or more than fits. That all was there says the reader. */
export function readAttributes(reader: MessageReader): Attributes | undefined {
  const flags = reader.uint32();
  if ((flags & ~KNOWN) >>> 0 !== 0) return undefined;
  const size = (flags & ATTRIBUTE.size) === 0 ? undefined : reader.uint64();
  const owner = (flags & ATTRIBUTE.owner) === 0 ? undefined : { uid: reader.uint32(), gid: reader.uint32() };
  const permissions = (flags & ATTRIBUTE.permissions) === 0 ? undefined : reader.uint32();
  const times = (flags & ATTRIBUTE.times) === 0 ? undefined : { accessed: reader.uint32(), modified: reader.uint32() };
  const extended: string[] = [];
  const count = (flags & ATTRIBUTE.extended) === 0 ? 0 : reader.uint32();
  if (count > EXTENDED_MAX) return undefined;
  for (let index = 0; index < count && reader.whole; index += 1) {
    extended.push(reader.text());
    reader.bytes();
  }
  return {
    ...(size === undefined ? {} : { size }),
    ...(owner === undefined ? {} : { owner }),
    ...(permissions === undefined ? {} : { permissions }),
    ...(times === undefined ? {} : { times }),
    extended,
  };
}

/** What is set, as words for policy, people and the record. */
export function attributeWords({ size, owner, permissions, times }: Attributes): readonly string[] {
  return [
    ...(size === undefined ? [] : [`size=${size}`]),
    ...(owner === undefined ? [] : [`owner=${owner.uid}:${owner.gid}`]),
    ...(permissions === undefined ? [] : [`mode=${(permissions & 0o7777).toString(8).padStart(4, '0')}`]),
    ...(times === undefined ? [] : [`modified=${times.modified}`]),
  ];
}

const TYPE_MASK = 0o170000;
const DIRECTORY = 0o040000;

/** False only where the server says that it is something else. */
export function mayBeDirectory({ permissions }: Attributes): boolean {
  return permissions === undefined || (permissions & TYPE_MASK) === DIRECTORY || (permissions & TYPE_MASK) === 0;
}
