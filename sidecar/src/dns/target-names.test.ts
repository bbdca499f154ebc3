import { expect, test } from '@jest/globals';
import { absoluteNames, namesOfHost, readScope } from './target-names.ts';

const RESOLV_CONF = `nameserver 127.0.0.1
search agents.svc.cluster.test svc.cluster.test cluster.test corp.example
options ndots:5
`;
const SCOPE = readScope(RESOLV_CONF);

test('the searches of resolv.conf, and the cluster domain in them', () => {
  expect(SCOPE).toEqual({
    searches: ['agents.svc.cluster.test', 'svc.cluster.test', 'cluster.test', 'corp.example'],
    clusterDomain: 'cluster.test',
  });
  expect(readScope('nameserver 1.2.3.4\n')).toEqual({ searches: [], clusterDomain: 'cluster.local' });
  expect(readScope('search A.example.\nsearch\tB.example.  c.example')).toMatchObject({
    searches: ['b.example', 'c.example'],
  });
});

const NAMES: readonly (readonly [host: string, meant: readonly string[], another: readonly string[]])[] = [
  [
    'orders-db.data.svc',
    ['orders-db.data', 'orders-db.data.svc', 'orders-db.data.svc.cluster.test', 'orders-db.data.svc.corp.example'],
    ['orders-db', 'orders-db.other.svc', 'orders-db.data.svc.cluster.local', 'data.svc', 'x.orders-db.data.svc'],
  ],
  [
    'Orders-DB.data.svc.cluster.test.',
    ['orders-db.data', 'orders-db.data.svc', 'orders-db.data.svc.cluster.test'],
    ['orders-db.data.cluster.test', 'orders-db'],
  ],
  [
    'db.example.com',
    ['db.example.com', 'db.example.com.agents.svc.cluster.test'],
    ['db.example', 'example.com', 'db.example.com.other.svc.cluster.test'],
  ],
  // A search suffix makes a short name of another service: it is not the host that was written.
  ['db', ['db'], ['db.agents.svc.cluster.test', 'db.svc']],
];
test.each(NAMES)('what a client may mean by %s', (host, meant, another) => {
  const names = namesOfHost(host, SCOPE);
  for (const name of meant) expect(names).toContain(name);
  for (const name of another) expect(names).not.toContain(name);
});

test.each([
  ['orders-db.data.svc', ['orders-db.data.svc.cluster.test', 'orders-db.data.svc']],
  ['orders-db.data', ['orders-db.data', 'orders-db.data.svc.cluster.test']],
  ['orders-db.data.svc.cluster.test', ['orders-db.data.svc.cluster.test']],
  ['db.example.com.', ['db.example.com']],
])('the gate asks for %s by its absolute names', (host, expected) => {
  expect(absoluteNames(host, SCOPE)).toEqual(expected);
});
