import { describe, expect, test } from '@jest/globals';
import { mayBeSentTo, missingKeys, parseCredential } from './credential.ts';
import { CREDENTIAL_TYPE } from './labels.ts';

function secret(entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries({ username: 'agent', password: 'pw', hosts: 'db.local, DB2.local\nother', ...entries }),
  );
}

describe('a credential', () => {
  test('is read from a Secret of its type', () => {
    const result = parseCredential(CREDENTIAL_TYPE, secret({}));
    expect(result.ok && result.value.hosts).toEqual(['db.local', 'db2.local', 'other']);
    expect(result.ok && result.value.values.get('password')).toBe('pw');
  });

  test.each([
    ['db.local', true],
    ['DB.LOCAL', true],
    ['db2.local', true],
    ['db.local.example.com', false],
    ['b.local', false],
    ['*', false],
    ['', false],
  ])('may be sent to %s: %s', (host, may) => {
    const result = parseCredential(CREDENTIAL_TYPE, secret({}));
    expect(result.ok && mayBeSentTo(result.value, host)).toBe(may);
  });

  test.each([
    [
      'Opaque',
      {},
      {
        code: 'WrongSecretType',
        message: 'The Secret\'s type is "Opaque".',
        mend: 'Only Secrets of one type are read: write type: sidegate.dev/credential.',
      },
    ],
    [
      undefined,
      {},
      {
        code: 'WrongSecretType',
        message: "The Secret's type is not stated.",
        mend: 'Only Secrets of one type are read: write type: sidegate.dev/credential.',
      },
    ],
    [
      CREDENTIAL_TYPE,
      { pasword: 'x' },
      { code: 'UnknownKey', message: 'Unknown key "pasword".', mend: 'Did you mean "password"?', key: 'pasword' },
    ],
    [
      CREDENTIAL_TYPE,
      { colour: 'x' },
      {
        code: 'UnknownKey',
        message: 'Unknown key "colour".',
        mend: 'A credential has the keys username, password, privateKey, certificate, token, tls.crt, tls.key, hosts.',
        key: 'colour',
      },
    ],
    [
      CREDENTIAL_TYPE,
      { hosts: ' , ' },
      {
        code: 'MissingKey',
        message: 'The Secret names no host that it may be sent to.',
        mend: 'Add the key hosts: the names of the hosts, with spaces or commas between them.',
        key: 'hosts',
      },
    ],
  ])('of type %s with %j is refused', (type, entries, fault) => {
    expect(parseCredential(type, secret(entries as Readonly<Record<string, string>>))).toEqual({ ok: false, fault });
  });

  test.each([
    ['Postgres', [], [['username'], ['password']]],
    ['Postgres', ['username', 'password'], []],
    ['Redis', ['username'], [['password']]],
    ['Redis', ['password'], []],
    ['SSH', ['password'], [['username']]],
    ['SSH', ['username'], [['privateKey', 'password']]],
    ['SSH', ['username', 'certificate'], [['privateKey', 'password']]],
    ['SSH', ['username', 'privateKey'], []],
    ['HTTP', [], []],
  ] as const)('%s with %j lacks %j', (protocol, keys, lacks) => {
    const credential = { hosts: ['h'], values: new Map(keys.map((key) => [key, ''])) };
    expect(missingKeys(credential, protocol)).toEqual(lacks);
  });
});
