import { describe, expect, test } from '@jest/globals';
import { saslPrep } from './saslprep.ts';
import { type SaltedKeys, ScramClient } from './scram.ts';

/** The nonce of RFC 7677, section 3, as bytes that encode to it. */
const NONCE = Buffer.from('rOprNGfwEbeRWgbNEkqO', 'base64');
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';

function client(keys: SaltedKeys = new Map(), password = 'pencil'): ScramClient {
  return new ScramClient(password, keys, () => NONCE);
}

describe('SCRAM-SHA-256', () => {
  test('computes as OpenSSL and the RFCs say, with the empty user name that PostgreSQL clients send', () => {
    const scram = client();
    expect(scram.first()).toBe('n,,n=,r=rOprNGfwEbeRWgbNEkqO');
    expect(scram.final(SERVER_FIRST)).toEqual({
      ok: true,
      value:
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=',
    });
  });

  test.each([
    ['a nonce that does not go on from ours', SERVER_FIRST.replace('r=rO', 'r=xx')],
    ['a nonce that adds nothing', 'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['no salt', SERVER_FIRST.replace('s=', 'x=')],
    ['no rounds', SERVER_FIRST.replace('i=4096', 'i=0')],
    ['more rounds than anybody asks for', SERVER_FIRST.replace('4096', '1000001')],
    ['an extension that must be understood', `m=new,${SERVER_FIRST}`],
    ['nothing', ''],
  ])('refuses %s', (_, serverFirst) => {
    const scram = client();
    scram.first();
    expect(scram.final(serverFirst)).toMatchObject({ ok: false, fault: { code: 'ScramMalformed' } });
  });

  test('believes only a server that proves that it knows the password', () => {
    const scram = client();
    scram.first();
    scram.final(SERVER_FIRST);
    expect(scram.verify('v=AAAA')).toMatchObject({ ok: false, fault: { code: 'ScramNotProved' } });
    expect(scram.verify('')).toMatchObject({ ok: false });
    expect(scram.proved).toBe(false);
    expect(scram.verify('v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=')).toMatchObject({ ok: true });
    expect(scram.proved).toBe(true);
  });

  test('keeps the salted password, by password, salt and rounds', () => {
    const keys: SaltedKeys = new Map();
    for (const password of ['pencil', 'pencil', 'pen']) {
      const scram = client(keys, password);
      scram.first();
      scram.final(SERVER_FIRST);
    }
    expect(keys.size).toBe(2);
    expect([...keys.keys()].join()).not.toContain('pencil');
  });
});

describe('SASLprep', () => {
  test.each([
    ['ASCII as it is', 'user', 'user'],
    ['soft hyphens vanish', 'I\u00adX', 'IX'],
    ['compatibility characters are folded', '\u00aa', 'a'],
    ['compatibility characters are folded', '\u2168', 'IX'],
    ['other spaces become one', 'a\u00a0b', 'a b'],
    ['what is prohibited leaves the password alone', 'a\u0007\u00ad', 'a\u0007\u00ad'],
    ['mixed directions leave the password alone', '\u0627\u0031\u00ad', '\u0627\u0031\u00ad'],
    ['right to left all along is normalised', '\u0627\u00ad\u0628', '\u0627\u0628'],
    ['what becomes empty stays', '\u00ad', '\u00ad'],
    ['a lone surrogate stays', '\ud800', '\ud800'],
  ])('%s', (_, password, prepared) => {
    expect(saslPrep(password)).toBe(prepared);
  });
});
