import { memberOf, type ReplyValue, textOf } from './reply-value.ts';
import { COUNT, ID, numberBelow, portOf, type Read, type TopologySight, withDoors } from './topology-words.ts';
import { bulk, integer, list, map, type WrittenReply } from './written-reply.ts';

const SLOTS = 16_384;
/** What the words of nodes may be, so that nothing else comes with them. */
const FLAGS = new Set('myself,master,slave,fail?,fail,handshake,noaddr,nofailover,noflags'.split(','));
const ROLES = new Set(['master', 'replica']);
const HEALTHS = new Set(['online', 'loading', 'fail', 'failed']);

/** First slot, last slot, master, replicas. */
export function slotsOf(entry: ReplyValue, sight: TopologySight): Read<WrittenReply> {
  if (entry.kind !== 'List') return undefined;
  const [first, last, master, ...replicas] = entry.items;
  const range = rangeOf(textOf(first), textOf(last));
  const led = master === undefined ? undefined : slotsNode(master, sight);
  const others = withDoors(replicas, (replica) => slotsNode(replica, sight));
  if (range === undefined || led === undefined || others === undefined) return undefined;
  return led === 'NoDoor' ? 'NoDoor' : list([...range.map(integer), led, ...others]);
}

/** Endpoint, port, since Redis 4 the id, since Redis 7 other names; what may come to be behind is to be ignored. */
function slotsNode(node: ReplyValue, sight: TopologySight): Read<WrittenReply> {
  if (node.kind !== 'List') return undefined;
  const [endpoint, port, id, names] = node.items;
  const name = endpointOf(endpoint);
  const number = portOf(textOf(port));
  if (name === undefined || number === undefined || (id !== undefined && !ID.test(textOf(id)))) return undefined;
  const door = sight.doorTo(name, number);
  if (door === undefined) return 'NoDoor';
  const told = id === undefined ? [] : [bulk(textOf(id))];
  return list([bulk(door.host), integer(door.port), ...told, ...(names === undefined ? [] : [map([])])]);
}

export function shardOf(shard: ReplyValue, sight: TopologySight): Read<WrittenReply> {
  const slots = memberOf(shard, 'slots');
  const nodes = memberOf(shard, 'nodes');
  if (slots?.kind !== 'List' || nodes?.kind !== 'List' || slots.items.length % 2 !== 0) return undefined;
  const numbers: number[] = [];
  for (let at = 0; at < slots.items.length; at += 2) {
    const range = rangeOf(textOf(slots.items[at]), textOf(slots.items[at + 1]));
    if (range === undefined) return undefined;
    numbers.push(...range);
  }
  const shown = withDoors(nodes.items, (node) => shardNode(node, sight));
  if (shown === undefined) return undefined;
  if (!shown.some(({ role }) => role === 'master')) return 'NoDoor';
  return map([
    ['slots', list(numbers.map(integer))],
    ['nodes', list(shown.map(({ told }) => told))],
  ]);
}

function shardNode(
  node: ReplyValue,
  { doorTo, targetTls, agentTls }: TopologySight,
): Read<{ readonly role: string; readonly told: WrittenReply }> {
  const member = (name: string): string => textOf(memberOf(node, name));
  const name = endpointOf(memberOf(node, 'endpoint'));
  // As MOVED has it for a connection like the gate's.
  const [plain, tls] = [memberOf(node, 'port'), memberOf(node, 'tls-port')];
  const port = portOf(textOf(targetTls ? (tls ?? plain) : (plain ?? tls)));
  const [id, role, offset, health] = [member('id'), member('role'), member('replication-offset'), member('health')];
  if (name === undefined || port === undefined || !ID.test(id)) return undefined;
  if (!ROLES.has(role) || !HEALTHS.has(health) || !COUNT.test(offset)) return undefined;
  const door = doorTo(name, port);
  if (door === undefined) return 'NoDoor';
  const told = map([
    ['id', bulk(id)],
    ['port', integer(door.port)],
    ...(agentTls ? [['tls-port', integer(door.port)] as const] : []),
    ['ip', bulk(door.host)],
    ['endpoint', bulk(door.host)],
    ['role', bulk(role)],
    ['replication-offset', integer(offset)],
    ['health', bulk(health)],
  ]);
  return { role, told };
}

interface NodeLine {
  readonly id: string;
  readonly flags: readonly string[];
  readonly master: string;
  readonly line: string;
}

/** A line a node; replicas of a master without a door go with it. */
export function nodesOf(text: string, sight: TopologySight): Read<WrittenReply> {
  const lines = text.split('\n').filter((line) => line !== '');
  const nodes = withDoors(lines, (line) => nodeOf(line, sight));
  if (nodes === undefined || lines.length === 0) return undefined;
  const masters = new Set(nodes.filter(({ flags }) => flags.includes('master')).map(({ id }) => id));
  const shown = nodes.filter(({ id, master }) => masters.has(id) || masters.has(master));
  if (shown.length === 0) return 'NoDoor';
  return { kind: 'Verbatim', text: shown.map(({ line }) => `${line}\n`).join('') };
}

/** Id, address, flags, the master's id, pings and pongs, epoch, state, slots (redis.io, "CLUSTER NODES"). */
function nodeOf(line: string, { doorTo }: TopologySight): Read<NodeLine> {
  const [id = '', address = '', flags = '', master = '', ping = '', pong = '', epoch = '', link = '', ...slots] =
    line.split(' ');
  const words = flags.split(',');
  const isUnderstood =
    ID.test(id) &&
    words.every((word) => FLAGS.has(word)) &&
    (master === '-' || ID.test(master)) &&
    [ping, pong, epoch].every((count) => COUNT.test(count)) &&
    (link === 'connected' || link === 'disconnected') &&
    // Each of them has its word once, and once more on its way.
    slots.length <= 2 * SLOTS &&
    slots.every(isSlotWord);
  const place = placeOf(address);
  if (!isUnderstood || place === undefined) return undefined;
  const door = doorTo(place.name, place.port);
  if (door === undefined) return 'NoDoor';
  // No port of the bus: no agent has a door to it.
  const told = [id, `${door.host}:${door.port}@0`, flags, master, ping, pong, epoch, link, ...slots].join(' ');
  return { id, flags: words, master, line: told };
}

/** `ip:port@bus,hostname`, and other names behind further commas. */
function placeOf(address: string): { readonly name: string; readonly port: number } | undefined {
  const [place = '', hostname = ''] = address.split(',');
  const [, ip, digits = ''] = /^(.*):(\d{1,5})(?:@\d{1,5})?$/.exec(place) ?? [];
  const port = portOf(digits);
  if (ip === undefined || port === undefined) return undefined;
  return { name: hostname === '' || hostname === '?' ? ip : hostname, port };
}

/** A slot, a range, or a slot on its way from or to a node. */
function isSlotWord(word: string): boolean {
  const [, moving] = /^\[(\d{1,5})-[<>]-[0-9a-f]{40}\]$/.exec(word) ?? [];
  const [first = '', last = first, ...more] = (moving ?? word).split('-');
  return more.length === 0 && rangeOf(first, last) !== undefined;
}

function rangeOf(first: string, last: string): readonly [first: number, last: number] | undefined {
  const [from, to] = [numberBelow(SLOTS, first), numberBelow(SLOTS, last)];
  return from !== undefined && to !== undefined && from <= to ? [from, to] : undefined;
}

/** Null: the node that was asked, at another port. */
function endpointOf(endpoint: ReplyValue | undefined): string | undefined {
  if (endpoint?.kind === 'Null') return '';
  return endpoint?.kind === 'Text' ? endpoint.text : undefined;
}
