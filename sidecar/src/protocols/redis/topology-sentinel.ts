import { memberOf, type ReplyValue, textOf } from './reply-value.ts';
import { COUNT, portOf, type Read, type TopologySight } from './topology-words.ts';
import { words } from './words.ts';
import { bulk, list, map, NOTHING, type WrittenReply } from './written-reply.ts';

/** What a Sentinel calls a master (redis.io, "High availability with Redis Sentinel"). */
const NAME = /^[\w.-]{1,256}$/;
/** `s_down`, `master`, `disconnected` and more of their kind. */
const FLAGS = /^[a-z_]{1,32}(?:,[a-z_]{1,32}){0,15}$/;
/** What Sentinel itself says of the master of a replica that has none. */
const UNKNOWN = ['?', '0'] as const;

/** Members that are a count, or milliseconds. */
const COUNTS =
  words(`link-pending-commands, link-refcount, last-ping-sent, last-ok-ping-reply, last-ping-reply, s-down-time, o-down-time,
  down-after-milliseconds, info-refresh, role-reported-time, config-epoch, num-slaves, num-other-sentinels, quorum, failover-timeout,
  parallel-syncs, master-link-down-time, slave-priority, slave-repl-offset, replica-announced, last-hello-message, voted-leader-epoch`);
const WORDS = words('flags, role-reported, master-link-status, failover-state');

/** SENTINEL GET-MASTER-ADDR-BY-NAME: host and port, or nothing for a name that is not known. */
export function addressOf(answer: ReplyValue, { doorTo }: TopologySight): Read<WrittenReply> {
  if (answer.kind === 'Null') return NOTHING;
  if (answer.kind !== 'List' || answer.items.length !== 2) return undefined;
  const [host, digits] = answer.items.map(textOf);
  const port = portOf(digits ?? '');
  if (host === undefined || host === '' || port === undefined) return undefined;
  const door = doorTo(host, port);
  return door === undefined ? 'NoDoor' : list([bulk(door.host), bulk(String(door.port))]);
}

/** A master, a replica or another Sentinel, as SENTINEL MASTER and its like describe it. What is not known of it is left out. */
export function instanceOf(instance: ReplyValue, { doorTo }: TopologySight): Read<WrittenReply> {
  const member = (name: string): string | undefined => {
    const value = memberOf(instance, name);
    return value === undefined ? undefined : textOf(value);
  };
  const [name, host, digits] = [member('name'), member('ip'), member('port')];
  const port = portOf(digits ?? '');
  if (instance.kind !== 'List' || name === undefined || host === undefined || port === undefined) return undefined;
  const door = doorTo(host, port);
  if (door === undefined) return 'NoDoor';
  const isAddress = name.endsWith(`:${port}`);
  if (!isAddress && !NAME.test(name)) return undefined;
  const members: [string, WrittenReply][] = [
    ['name', bulk(isAddress ? `${door.host}:${door.port}` : name)],
    ['ip', bulk(door.host)],
    ['port', bulk(String(door.port))],
  ];
  for (let at = 0; at + 1 < instance.items.length; at += 2) {
    const key = textOf(instance.items[at]);
    const text = textOf(instance.items[at + 1]);
    const form = formOf(key);
    if (form === undefined) continue;
    if (!form.test(text)) return undefined;
    members.push([key, bulk(text)]);
  }
  const master = member('master-host');
  if (master !== undefined) {
    const masterPort = portOf(member('master-port') ?? '');
    const known = masterPort === undefined ? undefined : doorTo(master, masterPort);
    const [shown, shownPort] = known === undefined ? UNKNOWN : [known.host, String(known.port)];
    members.push(['master-host', bulk(shown)], ['master-port', bulk(shownPort)]);
  }
  return map(members);
}

/** What the text of a member may be that is told as it is; undefined: it is not told so. */
function formOf(key: string): RegExp | undefined {
  if (COUNTS.has(key)) return COUNT;
  if (WORDS.has(key)) return FLAGS;
  // Of one that it has not yet spoken with it knows none.
  return key === 'runid' ? /^(?:[0-9a-f]{40})?$/ : undefined;
}
