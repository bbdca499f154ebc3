import { describe, expect, test } from '@jest/globals';
import { Talk } from './testing/talk.ts';
import { redirect, shown, told, wire } from './testing/topology-talk.ts';
import { bulk, list, map, NOTHING, type WrittenReply } from './written-reply.ts';

const RUN = 'a'.repeat(40);
/** What no agent may see. */
const ADDRESSES = /10\.0\.0\.|node-\d|63\d\d|263\d\d|internal/;
const NO_DOOR =
  '-NOPERM topology: no node that it names is a Target of this agent: Sentinel must announce host names (sentinel resolve-hostnames yes, sentinel announce-hostnames yes).';
const UNKNOWN = "-NOPERM topology: the server's answer is not understood, so what it says of nodes is kept back.";

const described = (members: Readonly<Record<string, string>>): WrittenReply =>
  map(Object.entries(members).map(([name, text]) => [name, bulk(text)] as const));
const address = (host: string, port: string): WrittenReply => list([bulk(host), bulk(port)]);
const place = (ip: string, port: string): Readonly<Record<string, string>> => ({ ip, port });

/** As a Sentinel of Redis 7 describes what it watches. */
const MASTER = {
  name: 'main',
  ...place('node-1', '6379'),
  runid: RUN,
  flags: 'master',
  'last-ping-sent': '0',
  'role-reported': 'master',
  'config-epoch': '3',
  'num-slaves': '2',
  quorum: '2',
};
const REPLICA = {
  name: 'node-2:6380',
  ...place('node-2', '6380'),
  runid: '',
  flags: 's_down,slave,disconnected',
  'master-link-status': 'err',
  'master-host': 'node-1',
  'master-port': '6379',
  'slave-repl-offset': '4111111111111111',
  'replica-announced': '1',
};
const DOOR_1 = place('127.64.0.9', '7001');
const DOOR_2 = place('127.64.0.9', '7102');

describe.each([2, 3] as const)('in RESP%d', (version) => {
  test('the address of a master is that of its door', () => {
    const answer = address('node-1', '6379');
    expect(told('SENTINEL get-master-addr-by-name main', answer, version)).toBe(
      shown(address('127.64.0.9', '7001'), version),
    );
  });

  test('of a master without a door is a refusal that says what to do', () => {
    for (const host of ['node-3', '10.0.0.1'])
      expect(told('SENTINEL GET-MASTER-ADDR-BY-NAME main', address(host, '6379'), version)).toBe(NO_DOOR);
    expect(told('SENTINEL MASTER main', described({ ...MASTER, ip: '10.0.0.1' }), version)).toBe(NO_DOOR);
  });

  test('of a name that is not known is nothing', () => {
    expect(told('SENTINEL GET-MASTER-ADDR-BY-NAME x', wire(NOTHING, version), version)).toBe(shown(NOTHING, version));
    expect(told('SENTINEL MASTER x', '-ERR No such master with that name\r\n', version)).toBe(
      '-ERR No such master with that name',
    );
  });

  test('one that is watched is told with what is known of it, and nothing else', () => {
    const more = { 'client-reconfig-script': '/opt/internal.sh', 'host-of-mine': '10.0.0.1' };
    expect(told('SENTINEL MASTER main', described({ ...MASTER, ...more }), version)).toBe(
      shown(described({ name: 'main', ...DOOR_1, ...rest(MASTER) }), version),
    );
  });

  test.each(['SENTINEL MASTERS', 'SENTINEL REPLICAS main', 'SENTINEL slaves main', 'SENTINEL SENTINELS main'])(
    '%s: without those that have no door, be that all',
    (command) => {
      const far = described({ ...MASTER, name: 'far', ip: 'node-3' });
      const near = described({ name: 'main', ...DOOR_1, ...rest(MASTER) });
      expect(told(command, list([far, described(MASTER)]), version)).toBe(shown(list([near]), version));
      expect(told(command, list([far]), version)).toBe('*0');
      expect(told(command, '*0\r\n', version)).toBe('*0');
    },
  );

  test('a replica has the name of its door, and its master that of another', () => {
    const { 'master-host': _host, 'master-port': _port, ...known } = rest(REPLICA);
    const named = { name: '127.64.0.9:7102', ...DOOR_2, ...known };
    const at = (host: string, port: string): WrittenReply =>
      list([described({ ...named, 'master-host': host, 'master-port': port })]);
    expect(told('SENTINEL REPLICAS main', list([described(REPLICA)]), version)).toBe(
      shown(at('127.64.0.9', '7001'), version),
    );
    for (const other of ['node-3', '?']) {
      const reply = list([described({ ...REPLICA, 'master-host': other })]);
      expect(told('SENTINEL REPLICAS main', reply, version)).toBe(shown(at('?', '0'), version));
    }
  });

  test.each<[story: string, command: string, reply: WrittenReply | string]>([
    ['a text', 'SENTINEL GET-MASTER-ADDR-BY-NAME main', bulk('node-1:6379')],
    ['one word', 'SENTINEL GET-MASTER-ADDR-BY-NAME main', list([bulk('node-1')])],
    ['three words', 'SENTINEL GET-MASTER-ADDR-BY-NAME main', list(['node-1', '6379', '10.0.0.1'].map(bulk))],
    ['a port that is none', 'SENTINEL GET-MASTER-ADDR-BY-NAME main', address('node-1', '65536')],
    ['no host', 'SENTINEL GET-MASTER-ADDR-BY-NAME main', address('', '6379')],
    ['an address for one that is described', 'SENTINEL MASTER main', address('node-1', '6379')],
    ['nothing', 'SENTINEL MASTERS', wire(NOTHING, version)],
    ['one in place of several', 'SENTINEL MASTERS', described(MASTER)],
    ['without an address', 'SENTINEL MASTER main', described({ name: 'main' })],
    ['a name that is an address', 'SENTINEL MASTER main', described({ ...MASTER, name: '10.0.0.1:1' })],
    ['a flag that is an address', 'SENTINEL MASTER main', described({ ...MASTER, flags: 'master,10.0.0.1' })],
    ['a count that is an address', 'SENTINEL MASTER main', described({ ...MASTER, quorum: '10.0.0.1' })],
    ['a run that is an address', 'SENTINEL MASTER main', described({ ...MASTER, runid: '10.0.0.1' })],
  ])('%s is refused in its place, and the session lives on: %s', (_, command, reply) => {
    expect(told(command, reply, version)).toBe(UNKNOWN);
  });
});

test('only what clients ask is let through', () => {
  const talk = new Talk({ agentTls: false, target: { redirect } });
  const refused = [
    'SENTINEL MASTERS x',
    'SENTINEL MASTER',
    'SENTINEL INFO-CACHE main',
    'SENTINEL SET main quorum 1',
    'SENTINEL FAILOVER main',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 7 *',
    'SENTINEL',
  ];
  talk.agent('SENTINEL MYID', 'SENTINEL CKQUORUM main', ...refused);
  expect(talk.sent()).toBe('SENTINEL MYID; SENTINEL CKQUORUM main');
  talk.server(`$40\r\n${RUN}\r\n+OK 1 usable Sentinels.\r\n`);
  const no = refused.map(() => '-NOPERM data/guard/no: No.').join(' ');
  expect(talk.told()).toBe(`$40 ${RUN} +OK 1 usable Sentinels. ${no}`);
});

test('with whatever arguments, allowed by name, no address gets out', () => {
  const talk = new Talk({ agentTls: false, target: { redirect }, answers: { settle: () => 'Forward' } });
  talk.agent('SENTINEL MASTER main x');
  talk.server(wire(described({ ...MASTER, ip: '10.0.0.1' }), 2));
  expect(ADDRESSES.test(talk.told())).toBe(false);
});

function rest({ name: _name, ip: _ip, port: _port, ...members }: Readonly<Record<string, string>>) {
  return members;
}
