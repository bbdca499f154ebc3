import { expect, test } from '@jest/globals';
import { loopbackAddresses } from './loopback.ts';

test('each name has an address of its own, in 127.64.0.0/16', () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `data/target-${index}`);
  const addresses = [...loopbackAddresses(names).values()];
  expect(new Set(addresses).size).toBe(3_000);
  for (const address of addresses) expect(address).toMatch(/^127\.64\.\d{1,3}\.\d{1,3}$/);
  expect(addresses).not.toContain('127.64.0.0');
  expect(addresses).not.toContain('127.64.255.255');
});

test('an address does not depend on the others or on their order', () => {
  const alone = loopbackAddresses(['data/b']).get('data/b');
  expect(loopbackAddresses(['data/c', 'data/b', 'data/a']).get('data/b')).toBe(alone);
});
