import { describe, expect, it } from '@jest/globals';
import type { RuleMatch } from '@sidegate/crds';
import type { Command, RedisKeyUse } from './command.ts';
import { policy, redis, sessionOf } from './fixture/bundle.ts';

const REDACT = { type: 'Redact' } as const;
const LAST_FOUR = { type: 'Partial', keepLast: 4 } as const;

function rules(masks: Readonly<Record<string, readonly string[]>>, more: { readonly fields?: readonly string[] } = {}) {
  const named = Object.entries(masks).map(([name, keys]) => ({
    name,
    keys,
    with: name === 'short' ? LAST_FOUR : REDACT,
  }));
  const fields = more.fields === undefined ? [] : [{ name: 'fields', fields: more.fields, with: REDACT }];
  return sessionOf({
    policies: [policy({ masks: [...named, ...fields], rules: [{ name: 'all', action: 'Allow' }] }, 'data', 'p')],
  });
}

function uses(...keys: readonly RedisKeyUse[]): Command {
  return { ...redis('X'), keys } as Command;
}

describe('the mask of a key', () => {
  const { masks } = rules({ whole: ['session:*'], short: ['customer:*->ssn', 'session:1*'] });
  it.each([
    ['session:2', undefined, 'data/p/whole'],
    ['session:2', 'any', 'data/p/whole'],
    ['session:10', undefined, 'data/p/whole'],
    ['Session:2', undefined, undefined],
    ['customer:1', 'ssn', 'data/p/short'],
    ['customer:1', 'SSN', undefined],
    ['customer:1', 'name', undefined],
    ['customer:1', undefined, undefined],
  ])('%s, field %s: %s', (key, field, expected) => {
    expect(masks.keys?.mask(key, field)?.rule).toBe(expected);
  });

  it.each([
    ['customer:1', false, true],
    ['order:1', false, false],
    ['cust*', true, true],
    ['*', true, true],
    ['order:*', true, false],
    ['cust[o]mer:1', true, true],
  ])('of any field of %s (pattern: %s): %s', (key, isPattern, expected) => {
    expect(masks.keys?.any(key, isPattern) !== undefined).toBe(expected);
  });

  it('is not there when no mask names keys', () => {
    expect(rules({}).masks.keys).toBeUndefined();
  });
});

describe('what tells a masked value without showing it', () => {
  const session = rules({ whole: ['session:*', 'other'], short: ['customer:*->ssn'] });
  const read = (name: string, parts: Partial<RedisKeyUse> = {}): RedisKeyUse => ({ name, access: 'Read', ...parts });
  const write = (name: string): RedisKeyUse => ({ name, access: 'Write' });
  it.each<[string, Command, string | undefined]>([
    ['a value that comes back', uses(read('session:1')), undefined],
    ['a condition on it', uses(read('session:1', { use: 'Condition' })), 'masked-condition'],
    ['a condition on another key', uses(read('order:1', { use: 'Condition' })), undefined],
    ['a piece of it', uses(read('session:1', { use: 'Part' })), 'masked-condition'],
    ['a copy to a key without the mask', uses(read('session:1', { use: 'Copy' }), write('order:1')), 'masked-copy'],
    ['a copy to a key with the same mask', uses(read('session:1', { use: 'Copy' }), write('session:2')), undefined],
    ['a copy of a masked field', uses(read('customer:1', { use: 'Copy' }), write('customer:2')), 'masked-copy'],
    [
      'a condition on a masked field',
      uses(read('customer:1', { use: 'Condition', fields: ['ssn'] })),
      'masked-condition',
    ],
    ['a condition on another field', uses(read('customer:1', { use: 'Condition', fields: ['name'] })), undefined],
    ['a pattern that may mean it', uses(read('*', { use: 'Condition', isPattern: true })), 'masked-condition'],
    ['a pattern that cannot', uses(read('order:*', { use: 'Condition', isPattern: true })), undefined],
  ])('%s', (_, command, expected) => {
    const decision = session.decide(command);
    expect(decision.action === 'Deny' ? decision.by.rule : undefined).toBe(expected);
  });

  it('a piece of any value, when fields of JSON are masked', () => {
    const command = uses(read('order:1', { use: 'Part' }));
    expect(rules({}, { fields: ['$.email'] }).decide(command).action).toBe('Deny');
    expect(rules({}).decide(command).action).toBe('Allow');
  });
});

describe('a rule about keys and a command that names them by a pattern', () => {
  const match: RuleMatch = { redis: { keys: [{ name: 'session:*' }] } };
  const decide = (action: 'Allow' | 'Deny', pattern: string): string => {
    const all = action === 'Deny' ? [{ name: 'all', action: 'Allow' as const }] : [];
    const session = sessionOf({ policies: [policy({ rules: [{ name: 'r', action, match }, ...all] }, 'data', 'p')] });
    return session.decide(uses({ name: pattern, access: 'Read', isPattern: true })).action;
  };
  it.each([
    ['session:*', 'Deny'],
    ['*', 'Deny'],
    ['s?ssion:1', 'Deny'],
    ['order:*', 'Allow'],
  ])('a denial meets %s: %s', (pattern, expected) => {
    expect(decide('Deny', pattern)).toBe(expected);
  });
  it.each([
    ['session:*', 'Allow'],
    ['session:1*', 'Allow'],
    ['*', 'Deny'],
    ['s?ssion:1', 'Deny'],
    ['order:*', 'Deny'],
  ])('an Allow covers %s: %s', (pattern, expected) => {
    expect(decide('Allow', pattern)).toBe(expected);
  });
  it.each([
    ['logs', 'Allow'],
    ['log[12]', 'Deny'],
    ['log?', 'Deny'],
    ['log\\s', 'Deny'],
  ])('an Allow of what has the name %s is none of what such a pattern matches: %s', (name, expected) => {
    const allow = policy(
      { rules: [{ name: 'r', action: 'Allow', match: { redis: { keys: [{ name }] } } }] },
      'data',
      'p',
    );
    expect(sessionOf({ policies: [allow] }).decide(uses({ name, access: 'Read', isPattern: true })).action).toBe(
      expected,
    );
  });
});
