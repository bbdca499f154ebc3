import { isIPv6 } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { destinationText, parseDestination, readDestination } from './destination.ts';

const hostOf = (host: string): string | undefined => readDestination(host, 22)?.host;

describe('one host has one form', () => {
  test.each([
    ['db.internal', 'db.internal'],
    ['DB.Internal', 'db.internal'],
    ['db.internal.', 'db.internal'],
    ['_svc.a-b.example', '_svc.a-b.example'],
    ['localhost', 'localhost'],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1.', '10.0.0.1'],
    ['10.1', '10.0.0.1'],
    ['012.0.0.1', '10.0.0.1'],
    ['0xA.0.0.0x1', '10.0.0.1'],
    ['167772161', '10.0.0.1'],
    ['0x0a000001', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:a00:1', '10.0.0.1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('%s is %s', (host, expected) => {
    expect(hostOf(host)).toBe(expected);
  });

  test('and reading it again changes nothing', () => {
    const parts = fc.array(
      fc.constantFrom('a', 'Z', '0', '9', '-', '_', '.', ':', 'f', 'x', '0x', '::', '10.', 'ffff'),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(parts, (given) => {
        const once = hostOf(given.join(''));
        if (once !== undefined) expect(hostOf(once)).toBe(once);
      }),
    );
  });

  test('all that the system takes for an address of version 6 is read, but for zones and the unspecified one', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(isIPv6(address)).toBe(true);
        expect(hostOf(address) === undefined).toBe(/^[0:.]*$/.test(address));
      }),
    );
  });
});

test.each([
  '',
  '.',
  '..',
  'a..b',
  'db.internal..',
  '-db',
  'db-.internal',
  'db internal',
  'db\n',
  'db\u0000.internal',
  'dβ.internal',
  '*',
  '*.internal',
  '[::1]',
  'fe80::1%eth0',
  '::1%0',
  ':',
  ':::',
  '1:2',
  '::1.2.3',
  '1.2.3.4.5',
  '256.0.0.1',
  '10.0.0.09',
  'db.0x',
  '4294967296',
  '0',
  '0.0.0.0',
  '0x0',
  '::',
  '0:0::0',
  '::ffff:0.0.0.0',
  '/run/docker.sock',
  'user@db',
  'db:22',
  'db/x',
  'a'.repeat(64),
  `${'a.'.repeat(127)}a`,
])('%j names no host', (host) => {
  expect(hostOf(host)).toBeUndefined();
});

test('the longest label and the longest name are taken', () => {
  expect(hostOf('a'.repeat(63))).toBe('a'.repeat(63));
  expect(hostOf(`${'a.'.repeat(126)}a`)).toBe(`${'a.'.repeat(126)}a`);
});

test.each([
  [0, false],
  [1, true],
  [65_535, true],
  [65_536, false],
  [65_558, false],
  [0xffff_fffe, false],
])('port %d is one: %p', (port, isOne) => {
  expect(readDestination('db', port) !== undefined).toBe(isOne);
});

test.each([
  ['db:22', { host: 'db', port: 22 }],
  ['[::1]:22', { host: '::1', port: 22 }],
  ['DB.internal.:5432', { host: 'db.internal', port: 5432 }],
  ...['db', 'db:', ':22', '::1:22', '[::1]', 'db:0', 'db:65536', 'db:22x', 'db 22'].map(
    (text) => [text, undefined] as const,
  ),
])('%j as people write it', (text, expected) => {
  expect(parseDestination(text)).toEqual(expected);
});

test('as text an address of version 6 stands in brackets', () => {
  expect(destinationText({ host: '::1', port: 22 })).toBe('[::1]:22');
  expect(destinationText({ host: 'db', port: 22 })).toBe('db:22');
});
