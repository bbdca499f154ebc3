import { type Field, MessageReader, writeFrame } from '../codec.ts';
import { PACKET, VERSION } from './messages.ts';

/**
 * Extensions that the gate understands, as OpenSSH describes them (its file PROTOCOL, section 4), each with the version that it understands. A server's
 * others are taken out of what it announces, so that no client uses them.
 */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['fstatvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'],
  ['expand-path@openssh.com', '1'],
  ['copy-data', '1'],
  ['home-directory', '1'],
  ['users-groups-by-id@openssh.com', '1'],
]);
const ANNOUNCED_MAX = 256;

/** How a conversation begins on either side. */
export interface Greeting {
  readonly version: number;
  readonly extensions: readonly (readonly [name: string, data: string])[];
}

/** Reads INIT or VERSION; undefined: malformed. `type` is which of them it must be. */
export function readGreeting(packet: Uint8Array, type: number): Greeting | undefined {
  if (packet[0] !== type) return undefined;
  const reader = new MessageReader(packet);
  const version = reader.uint32();
  const extensions: (readonly [string, string])[] = [];
  while (reader.whole && !reader.ended && extensions.length < ANNOUNCED_MAX) {
    extensions.push([reader.text(), reader.text()]);
  }
  return reader.ended ? { version, extensions } : undefined;
}

export function writeInit(): Uint8Array {
  return writeFrame(PACKET.init, { uint32: VERSION });
}

/** What the agent is told of a server: its version, and which of its extensions are carried. */
export function writeVersion({ extensions }: Greeting): Uint8Array {
  const known = extensions.filter(([name, data]) => KNOWN.get(name) === data);
  return writeFrame(PACKET.version, { uint32: VERSION }, ...known.flatMap((pair): readonly Field[] => pair));
}
