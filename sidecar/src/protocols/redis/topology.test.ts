import { describe, expect, test } from '@jest/globals';
import type { Refusal } from '../protocol.ts';
import { NO_MASKS, Talk } from './testing/talk.ts';
import { redirect, shown, told, wire } from './testing/topology-talk.ts';
import { TOPOLOGY_BYTES_MAX } from './topology-answer.ts';
import { bulk, integer, list, map, type WrittenReply } from './written-reply.ts';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];
/** What no agent may see. */
const ADDRESSES = /10\.0\.0\.|node-\d|6379|6380|6381|16379|internal/;
const NO_DOOR =
  '-NOPERM topology: no node that it names is a Target of this agent: nodes must announce host names (cluster-announce-hostname, cluster-preferred-endpoint-type hostname).';
const UNKNOWN = "-NOPERM topology: the server's answer is not understood, so what it says of nodes is kept back.";

type Node = readonly [name: string | null, port: number, id: string];

const nodeOf = ([name, port, id]: Node): WrittenReply =>
  list([
    ...(name === null ? [] : [bulk(name)]),
    integer(port),
    bulk(id),
    map([
      ['ip', bulk('10.0.0.1')],
      ['hostname', bulk('node-9.internal')],
    ]),
  ]);
const slots = (first: number, last: number, ...nodes: readonly Node[]): WrittenReply =>
  list([integer(first), integer(last), ...nodes.map(nodeOf)]);
const shardNode = (name: string, ports: Readonly<Record<string, number>>, role: string, id: string): WrittenReply =>
  map([
    ['id', bulk(id)],
    ...Object.entries(ports).map(([port, number]) => [port, integer(number)] as const),
    ['ip', bulk('10.0.0.1')],
    ['endpoint', bulk(name)],
    ['hostname', bulk('node-9.internal')],
    ['role', bulk(role)],
    ['replication-offset', integer(14)],
    ['health', bulk('online')],
    ['availability-zone', bulk('internal')],
  ]);
const shard = (numbers: readonly number[], ...nodes: readonly WrittenReply[]): WrittenReply =>
  map([
    ['slots', list(numbers.map((number) => integer(number)))],
    ['nodes', list(nodes)],
  ]);
const nodes = (...lines: readonly string[]): WrittenReply => ({
  kind: 'Verbatim',
  text: lines.map((line) => `${line}\n`).join(''),
});

describe.each([2, 3] as const)('in RESP%d', (version) => {
  test('CLUSTER SLOTS: doors in place of nodes; without a door a replica is left out, a master leaves its slots uncovered', () => {
    const reply = list([
      slots(0, 99, ['node-1', 6379, A], ['node-2', 6380, C], ['node-3', 6379, C]),
      slots(100, 199, ['node-3', 6379, B], ['node-1', 6379, A]),
      slots(200, 16_383, ['node-2', 6379, B]),
    ]);
    const at = (port: number, id: string): WrittenReply => list([bulk('127.64.0.9'), integer(port), bulk(id), map([])]);
    const expected = list([
      list([integer(0), integer(99), at(7001, A), at(7102, C)]),
      list([integer(200), integer(16_383), at(7002, B)]),
    ]);
    expect(told('CLUSTER SLOTS', reply, version)).toBe(shown(expected, version));
  });

  test.each<[string, string]>([
    ['an unknown endpoint', version === 3 ? '_\r\n' : '$-1\r\n'],
    ['no endpoint', '$0\r\n\r\n'],
    ['a name that is not known', '$1\r\n?\r\n'],
  ])('CLUSTER SLOTS with %s means the node that was asked, at that port', (_, endpoint) => {
    const reply = `*1\r\n*3\r\n:5\r\n:5\r\n*3\r\n${endpoint}:6381\r\n$40\r\n${A}\r\n`;
    expect(told('CLUSTER SLOTS', reply, version)).toBe(`*1 *3 :5 :5 *3 $10 127.64.0.9 :7003 $40 ${A}`);
  });

  test('CLUSTER SLOTS of a server that tells no ids', () => {
    const reply = '*1\r\n*3\r\n:0\r\n:9\r\n*2\r\n$6\r\nnode-1\r\n:6379\r\n';
    expect(told('CLUSTER SLOTS', reply, version)).toBe('*1 *3 :0 :9 *2 $10 127.64.0.9 :7001');
  });

  test.each(['CLUSTER SLOTS', 'CLUSTER SHARDS'])('%s of an empty cluster is empty', (command) => {
    expect(told(command, '*0\r\n', version)).toBe('*0');
  });

  test('CLUSTER SHARDS', () => {
    const reply = list([
      shard([], shardNode('node-2', { port: 6379 }, 'master', B)),
      shard(
        [0, 5, 7, 7],
        shardNode('node-3', { port: 6379 }, 'replica', C),
        shardNode('node-1', { port: 6379 }, 'master', A),
      ),
      shard(
        [8, 9],
        shardNode('node-3', { port: 6379 }, 'master', C),
        shardNode('node-2', { port: 6380 }, 'replica', B),
      ),
    ]);
    const at = (port: number, id: string): WrittenReply =>
      map([
        ['id', bulk(id)],
        ['port', integer(port)],
        ['ip', bulk('127.64.0.9')],
        ['endpoint', bulk('127.64.0.9')],
        ['role', bulk('master')],
        ['replication-offset', integer(14)],
        ['health', bulk('online')],
      ]);
    const expected = list([shard([], at(7002, B)), shard([0, 5, 7, 7], at(7001, A))]);
    expect(told('CLUSTER SHARDS', reply, version)).toBe(shown(expected, version));
  });

  test('CLUSTER SHARDS names the port that MOVED would', () => {
    const both = list([shard([0, 5], shardNode('node-2', { port: 6379, 'tls-port': 6380 }, 'master', B))]);
    expect(told('CLUSTER SHARDS', both, version)).toContain(':7002');
    const talk = new Talk({ version, unopened: true, target: { redirect, tls: true } });
    talk.agent(`HELLO ${version}`);
    talk.server('*0\r\n');
    talk.agent('CLUSTER SHARDS');
    talk.server(wire(both, version));
    // The gate's doors take TLS too.
    expect(talk.told()).toContain('$4 port :7102 $8 tls-port :7102');
  });

  test('CLUSTER NODES: no address, no bus port, no replica without its master', () => {
    const reply = nodes(
      `${A} 10.0.0.1:6379@16379,node-1 myself,master - 0 1795968475000 1 connected 0-5460 5462 [93->-${B}] [77-<-${B}]`,
      `${B} 10.0.0.2:6379@16379,node-2,tls-port=6380,shard-id=${C} master,fail? - 1 2 3 disconnected 5461`,
      `${C} 10.0.0.2:6380@16380,node-2 slave ${B} 0 4111111111111111 3 connected`,
      `${'d'.repeat(40)} 10.0.0.3:6379@16379,node-3 master - 0 0 5 connected 9000-16383`,
      `${'e'.repeat(40)} 10.0.0.2:6380@16380,node-2 slave ${'d'.repeat(40)} 0 0 3 connected`,
      `${'f'.repeat(40)} :0@0 master,noaddr - 0 0 0 disconnected`,
    );
    const expected = nodes(
      `${A} 127.64.0.9:7001@0 myself,master - 0 1795968475000 1 connected 0-5460 5462 [93->-${B}] [77-<-${B}]`,
      `${B} 127.64.0.9:7002@0 master,fail? - 1 2 3 disconnected 5461`,
      `${C} 127.64.0.9:7102@0 slave ${B} 0 4111111111111111 3 connected`,
    );
    expect(told('CLUSTER NODES', reply, version)).toBe(shown(expected, version));
  });

  test('CLUSTER NODES of a server that knows no names of nodes, and no address of its own', () => {
    const reply = nodes(`${A} :6381 myself,master - 0 0 0 connected`);
    expect(told('CLUSTER NODES', reply, version)).toBe(
      shown(nodes(`${A} 127.64.0.9:7003@0 myself,master - 0 0 0 connected`), version),
    );
  });

  test.each<[command: string, reply: WrittenReply]>([
    ['CLUSTER SLOTS', list([slots(0, 16_383, ['10.0.0.1', 6379, A])])],
    ['CLUSTER SHARDS', list([shard([0, 16_383], shardNode('10.0.0.1', { port: 6379 }, 'master', A))])],
    ['CLUSTER NODES', nodes(`${A} 10.0.0.1:6379@16379 myself,master - 0 0 0 connected`)],
  ])('%s of a cluster without any door says so', (command, reply) => {
    expect(told(command, reply, version)).toBe(NO_DOOR);
  });

  test('an error is passed on', () => {
    const off = 'ERR This instance has cluster support disabled';
    expect(told('CLUSTER SLOTS', `-${off}\r\n`, version)).toBe(`-${off}`);
    expect(told('CLUSTER SHARDS', '-ERR card 4111111111111111\r\n', version)).toBe('-ERR card ************1111');
  });

  const entry = (...items: readonly WrittenReply[]): WrittenReply => list([list(items)]);
  const good = nodeOf(['node-1', 6379, A]);
  test.each<[story: string, command: string, reply: WrittenReply | string]>([
    ['a text', 'CLUSTER SLOTS', bulk('node-1:6379')],
    ['a status', 'CLUSTER SLOTS', '+node-1\r\n'],
    ['a number', 'CLUSTER SLOTS', ':6379\r\n'],
    ['a null', 'CLUSTER SLOTS', version === 3 ? '_\r\n' : '*-1\r\n'],
    ['an entry that is none', 'CLUSTER SLOTS', list([bulk('node-1')])],
    ['slots without a node', 'CLUSTER SLOTS', entry(integer(0), integer(5))],
    ['slots past the last', 'CLUSTER SLOTS', entry(integer(0), integer(16_384), good)],
    ['slots the wrong way round', 'CLUSTER SLOTS', entry(integer(6), integer(5), good)],
    ['a slot that is none', 'CLUSTER SLOTS', entry(bulk('node-1'), integer(5), good)],
    ['a port past the last', 'CLUSTER SLOTS', list([slots(0, 5, ['node-1', 65_536, A])])],
    ['a port that is none', 'CLUSTER SLOTS', entry(integer(0), integer(5), list([bulk('node-1'), bulk('x'), bulk(A)]))],
    [
      'an endpoint that is none',
      'CLUSTER SLOTS',
      entry(integer(0), integer(5), list([list([]), integer(6379), bulk(A)])),
    ],
    ['an id that is none', 'CLUSTER SLOTS', list([slots(0, 5, ['node-1', 6379, 'node-1'])])],
    ['a replica that is none', 'CLUSTER SLOTS', entry(integer(0), integer(5), good, bulk('10.0.0.1'))],
    ['a shard that is none', 'CLUSTER SHARDS', list([bulk('node-1')])],
    ['a shard without nodes', 'CLUSTER SHARDS', list([map([['slots', list([])]])])],
    ['half a range', 'CLUSTER SHARDS', list([shard([1], shardNode('node-1', { port: 6379 }, 'master', A))])],
    [
      'a role that is none',
      'CLUSTER SHARDS',
      list([shard([1, 2], shardNode('node-1', { port: 6379 }, '10.0.0.1', A))]),
    ],
    ['a node without a port', 'CLUSTER SHARDS', list([shard([1, 2], shardNode('node-1', {}, 'master', A))])],
    ['lines as a list', 'CLUSTER NODES', list([bulk(`${A} node-1:6379@16379 master - 0 0 0 connected`)])],
    ['no line', 'CLUSTER NODES', nodes()],
    ['half a line', 'CLUSTER NODES', nodes(`${A} node-1:6379@16379 master`)],
    ['an address that is none', 'CLUSTER NODES', nodes(`${A} node-1 master - 0 0 0 connected`)],
    ['a flag that is not known', 'CLUSTER NODES', nodes(`${A} node-1:6379 master,10.0.0.1 - 0 0 0 connected`)],
    ['a master that is none', 'CLUSTER NODES', nodes(`${A} node-1:6379 slave 10.0.0.1 0 0 0 connected`)],
    ['a time that is none', 'CLUSTER NODES', nodes(`${A} node-1:6379 master - 0 10.0.0.1 0 connected`)],
    ['a state that is none', 'CLUSTER NODES', nodes(`${A} node-1:6379 master - 0 0 0 10.0.0.1`)],
    ['a slot that is an address', 'CLUSTER NODES', nodes(`${A} node-1:6379 master - 0 0 0 connected 10.0.0.1`)],
    [
      'a slot on its way to an address',
      'CLUSTER NODES',
      nodes(`${A} node-1:6379 master - 0 0 0 connected [1->-10.0.0.1]`),
    ],
  ])('%s is refused in its place, and the session lives on: %s', (_, command, reply) => {
    expect(told(command, reply, version)).toBe(UNKNOWN);
  });
});

describe('in a session', () => {
  const reply = (version: 2 | 3): string =>
    wire(list([slots(0, 99, ['node-1', 6379, A]), slots(100, 199, ['node-3', 6379, B])]), version);
  const OURS = `*1 *3 :0 :99 *4 $10 127.64.0.9 :7001 $40 ${A} *0`;
  const open = (options: ConstructorParameters<typeof Talk>[0] = {}): Talk =>
    new Talk({ agentTls: false, target: { redirect }, ...options });

  test('only these forms of arguments are let through', () => {
    const talk = open();
    talk.agent('cluster slots', 'CLUSTER SLOTS x', 'CLUSTER NODES x', 'CLUSTER LINKS', 'CLUSTER REPLICAS x');
    expect(talk.sent()).toBe('cluster slots');
    talk.server(reply(2));
    expect(talk.told()).toBe(`${OURS} ${Array.from({ length: 4 }, () => '-NOPERM data/guard/no: No.').join(' ')}`);
  });

  test('with whatever arguments, allowed by name, no address gets out', () => {
    const talk = open({ answers: { settle: () => 'Forward' } });
    talk.agent('CLUSTER SLOTS x');
    talk.server(reply(2));
    expect(talk.told()).toBe(OURS);
  });

  test.each([2, 3] as const)('in MULTI in RESP%d it is written anew where EXEC answers it', (version) => {
    const talk = open({ version });
    talk.agent('MULTI', 'GET a', 'CLUSTER SLOTS', 'CLUSTER NODES', 'CLUSTER SHARDS', 'GET session:1', 'EXEC');
    const exec = `*5\r\n$1\r\n1\r\n${reply(version)}$3\r\nbad\r\n-ERR off\r\n$6\r\nsecret\r\n`;
    for (const piece of `+OK\r\n${'+QUEUED\r\n'.repeat(5)}${exec}`) talk.server(piece);
    const ours = version === 3 ? OURS.replace(/\*0$/, '%0') : OURS;
    expect(talk.told()).toBe(`+OK${' +QUEUED'.repeat(5)} *5 $1 1 ${ours} ${UNKNOWN} -ERR off $8 [masked]`);
    talk.agent('CLUSTER SLOTS');
    talk.server(reply(version));
    expect(talk.told()).toBe(ours);
  });

  test('an answer to EXEC with other elements than were put off ends the session, though nothing is masked', () => {
    const talk = open({ answers: { masks: NO_MASKS } });
    talk.agent('MULTI', 'GET a', 'CLUSTER SLOTS', 'EXEC');
    talk.server(`+OK\r\n+QUEUED\r\n+QUEUED\r\n*1\r\n${reply(2)}`);
    expect([talk.playback.closed, ADDRESSES.test(talk.told())]).toEqual([true, false]);
  });

  test('a server that puts it off outside a transaction ends the session', () => {
    const talk = open();
    talk.agent('CLUSTER SLOTS');
    talk.server('+QUEUED\r\n');
    expect([talk.playback.closed, talk.playback.violations]).toEqual([true, []]);
  });

  test('attributes around it are refused with it', () => {
    const talk = open({ version: 3, answers: { masks: NO_MASKS } });
    talk.agent('CLUSTER SLOTS', 'GET a');
    talk.server(`|1\r\n+at\r\n+10.0.0.1\r\n${reply(3)}$1\r\n1\r\n`);
    expect(talk.told()).toBe(`${UNKNOWN} $1 1`);
  });

  test('muted it says nothing, and the next answer is the next one', () => {
    const talk = open();
    talk.agent('CLIENT REPLY SKIP', 'CLUSTER SLOTS', 'CLIENT REPLY OFF', 'CLUSTER NODES', 'CLIENT REPLY ON', 'GET a');
    talk.server(`${reply(2)}$3\r\nbad\r\n$1\r\n1\r\n`);
    expect(talk.told()).toBe('+OK $1 1');
  });

  test('after HELLO it comes in the version that is spoken then', () => {
    const talk = open();
    talk.agent('CLUSTER SLOTS', 'HELLO 3', 'CLUSTER SLOTS');
    talk.server(`${reply(2)}%1\r\n+proto\r\n:3\r\n`);
    talk.server(reply(3));
    expect(talk.told()).toBe(`${OURS} %1 +proto :3 ${OURS.replace(/\*0$/, '%0')}`);
  });

  test('the record holds what the agent was given', () => {
    const talk = open();
    talk.agent('CLUSTER SLOTS', 'CLUSTER NODES');
    talk.server(`${reply(2)}$3\r\nbad\r\n`);
    const { trace } = talk.playback;
    expect(trace.filter(({ kind }) => kind === 'Answer').some(({ details }) => ADDRESSES.test(details))).toBe(false);
    const ends = trace.flatMap(({ kind, details }) => (kind === 'Finished' ? [JSON.parse(details)] : []));
    expect(ends).toEqual([
      expect.objectContaining({ outcome: 'Done', tag: '1 elements', errorCode: '' }),
      expect.objectContaining({ outcome: 'Failed', tag: '', errorCode: 'NOPERM', errorText: UNKNOWN.slice(1) }),
    ]);
  });

  test('limits count what the server sent, and refuse it in its place', () => {
    const cut: Refusal = { kind: 'LimitExceeded', rule: 'data/guard/budget', reason: 'Used up.', hint: '' };
    const size = reply(2).length;
    for (const [bytes, expected] of [
      [size - 1, '-NOPERM data/guard/budget: Used up.'],
      [size, OURS],
    ] as const) {
      const talk = open();
      talk.playback.meter = { take: (_rows, taken) => (taken > bytes ? cut : undefined) };
      talk.agent('CLUSTER SLOTS');
      talk.server(reply(2));
      expect(talk.told()).toBe(expected);
    }
  });

  /** One that has so many bytes with its header. */
  const large = (bytes: number): string => {
    const line = (name: string): string => `${A} node-1:6379@16379,${name} myself,master - 0 0 0 connected\n`;
    const length = bytes - `$${bytes}\r\n\r\n`.length;
    return `$${length}\r\n${line(`node-1,${'x'.repeat(length - line('node-1,').length)}`)}\r\n`;
  };

  test.each([
    [TOPOLOGY_BYTES_MAX - 1, true],
    [TOPOLOGY_BYTES_MAX, true],
    [TOPOLOGY_BYTES_MAX + 1, false],
  ])('an answer of %d bytes is kept whole: %s', (bytes, isKept) => {
    const text = large(bytes);
    expect(text).toHaveLength(bytes);
    const talk = open({ limits: { frameBytesMax: 1 << 22, pendingCommandsMax: 8, preparedMax: 1 } });
    talk.agent('CLUSTER NODES', 'GET a');
    talk.server(text.slice(0, 1_000));
    expect(talk.told()).toBe('');
    talk.server(`${text.slice(1_000)}$1\r\n1\r\n`);
    const said = talk.told();
    expect(said.endsWith(' $1 1')).toBe(true);
    expect(ADDRESSES.test(said)).toBe(false);
    expect(said.startsWith('-NOPERM topology: ')).toBe(!isKept);
    if (!isKept) expect(said).toContain(`is larger than ${TOPOLOGY_BYTES_MAX} bytes`);
  });

  test('a list that grows too large is let go by, in EXEC too', () => {
    const entry = wire(slots(0, 99, ['node-1', 6379, A]), 2);
    const count = Math.ceil(TOPOLOGY_BYTES_MAX / entry.length) + 1;
    const talk = open();
    talk.agent('MULTI', 'CLUSTER SLOTS', 'EXEC', 'CLUSTER SLOTS', 'GET a');
    const answer = `*${count}\r\n${entry.repeat(count)}`;
    talk.server(`+OK\r\n+QUEUED\r\n*1\r\n${answer}${answer}$1\r\n1\r\n`);
    const said = talk.told();
    expect(said.match(/is larger than/g)).toHaveLength(2);
    expect(said.endsWith(' $1 1')).toBe(true);
    expect(ADDRESSES.test(said)).toBe(false);
  });
});
