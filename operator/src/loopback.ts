import { createHash } from 'node:crypto';

const ADDRESSES = 2 ** 16;

/**
 * Loopback addresses 127.64.x.y, one for each name, as far as possible the same whatever else is asked for: a client may have resolved a
 * name before. Never the first or last address.
 */
export function loopbackAddresses(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<number>([0, ADDRESSES - 1]);
  return new Map(
    names.toSorted().map((name) => {
      let number = createHash('sha256').update(name).digest().readUInt16BE();
      while (taken.has(number)) number = (number + 1) % ADDRESSES;
      taken.add(number);
      return [name, `127.64.${number >> 8}.${number & 255}`];
    }),
  );
}
