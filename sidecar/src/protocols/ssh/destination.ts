/** Where a forward leads. */
export interface Destination {
  /** A name in lower case without a dot at its end, or an address in its shortest form (RFC 5952; one of IPv4 with its four numbers). */
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;
/** RFC 1035, section 2.3.4, as text without the last dot. */
const NAME_LENGTH_MAX = 253;
/** Also names with underscores, which hosts do not have and other records do. */
const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,62}(?<!-))(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}(?<!-)))*$/;
/** What resolvers take for an address of IPv4, in one to four numbers of base 8, 10 or 16. */
const NUMBERS = /(?:^|\.)(?:\d+|0x[\da-f]*)$/;
const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/;

/**
 * Reads the host and port of a direct-tcpip (RFC 4254, section 7.2). One host has one form, whatever the agent writes: the one that policy judges, the record
 * shows and the target is asked for. Undefined: no single place is named, as by port 0, an empty host, the unspecified address, which means the server itself,
 * or a zone.
 */
export function readDestination(host: string, port: number): Destination | undefined {
  if (port < 1 || port > PORT_MAX) return undefined;
  const read = host.includes(':') ? readAddress(`[${host}]`) : readName(host.toLowerCase().replace(/\.$/, ''));
  return read === undefined || read === '0.0.0.0' || read === '::' ? undefined : { host: read, port };
}

function readName(name: string): string | undefined {
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name)) return undefined;
  return NUMBERS.test(name) ? readAddress(name) : name;
}

/** An address as a URL may have it. */
function readAddress(text: string): string | undefined {
  if (!/^\[[\da-f:.]+\]$|^[\da-fx.]+$/i.test(text)) return undefined;
  if (!URL.canParse(`http://${text}`)) return undefined;
  const address = new URL(`http://${text}`).hostname.replaceAll(/[[\]]/g, '');
  const [, high, low] = MAPPED.exec(address) ?? [];
  return high === undefined || low === undefined
    ? address
    : dotted(Number.parseInt(high, 16), Number.parseInt(low, 16));
}

/** An address of IPv4 that is written as one of IPv6 leads to the same place. */
function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** What people write, `HOST:PORT`; undefined: it names no single place. */
export function parseDestination(text: string): Destination | undefined {
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  return readDestination(bracketed ?? plain, Number(digits));
}

/** As people write it, an address of IPv6 in brackets. */
export function destinationText({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
