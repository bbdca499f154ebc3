import { describe, expect, it } from '@jest/globals';
import type { PolicyMask } from '@sidegate/crds';
import { input, policy, question, sessionOf } from './fixture/bundle.ts';
import type { MaskRules } from './masking.ts';
import { compileRules } from './rule-set.ts';

function masksOf(...masks: readonly PolicyMask[]): MaskRules {
  return sessionOf({ policies: masks.map((mask, index) => policy({ masks: [mask] }, 'data', `p${index}`)) }).masks;
}

function on(column: string, of: PolicyMask['with'], name = 'm'): PolicyMask {
  return { name, columns: [column], with: of };
}

describe('the mask of a column', () => {
  it.each([
    ['public', 'people', 'email', true],
    ['public', 'people', 'emails', false],
    ['public', 'persons', 'email', false],
    ['private', 'people', 'email', false],
    ['', 'people', 'email', true],
    ['public', '', 'email', true],
    ['public', 'people', '', true],
    ['PUBLIC', 'People', 'EMAIL', true],
  ])('%s.%s.%s', (schema, table, column, expected) => {
    const masks = masksOf(on('public.people.email', { type: 'Redact' }));
    expect(masks.columnMask(schema, table, column) !== undefined).toBe(expected);
  });

  it.each([
    ['*.*.ssn', 'any', 'thing', 'ssn', true],
    ['*.*.ssn', 'any', 'thing', 'ssn2', false],
    ['public.p*.*_no', 'public', 'people', 'card_no', true],
    ['public.p*.*_no', 'public', 'orders', 'card_no', false],
  ])('by the pattern %s: %s.%s.%s', (pattern, schema, table, column, expected) => {
    const masks = masksOf(on(pattern, { type: 'Redact' }));
    expect(masks.columnMask(schema, table, column) !== undefined).toBe(expected);
  });

  it.each([
    [{ type: 'Partial', keepLast: 4 }, { type: 'Partial', keepLast: 2 }, 'p1'],
    [{ type: 'Partial', keepLast: 4 }, { type: 'Partial' }, 'p0'],
    [{ type: 'Partial', keepLast: 0 }, { type: 'Hash' }, 'p1'],
    [{ type: 'Redact' }, { type: 'Hash' }, 'p0'],
    [{ type: 'Redact' }, { type: 'Null' }, 'p1'],
  ] as const)('is the stronger of %j and %j', (one, other, expected) => {
    const masks = masksOf(on('*.*.ssn', one), on('public.people.ssn', other));
    expect(masks.columnMask('public', 'people', 'ssn')?.rule).toBe(`data/${expected}/m`);
  });

  it('tells whether a table has masked columns', () => {
    const masks = masksOf(on('public.people.email', { type: 'Redact' }));
    expect(masks.masksTable('public', 'people')).toBe(true);
    expect(masks.masksTable('', 'people')).toBe(true);
    expect(masks.masksTable('public', 'orders')).toBe(false);
    expect([masks.empty, masks.columns]).toEqual([false, true]);
  });
});

describe('masks in force', () => {
  it('are none when no policy masks', () => {
    const { masks } = sessionOf();
    expect([masks.empty, masks.columns, masks.maskContent('a'), masks.maskJson('{}')]).toEqual([
      true,
      false,
      'a',
      '{}',
    ]);
    expect(masks.columnMask('public', 'people', 'email')).toBeUndefined();
  });

  it('come from every side, the operator too', () => {
    const mask = (name: string): readonly PolicyMask[] => [on(`*.*.${name}`, { type: 'Redact' }, name)];
    const policies = ['data', 'agents', 'ops', 'other'].map((namespace) =>
      policy({ masks: mask(namespace) }, namespace),
    );
    const { masks } = sessionOf({ policies });
    const masked = ['data', 'agents', 'ops', 'other'].map((name) => masks.columnMask('s', 't', name)?.rule);
    expect(masked).toEqual(['data/guard/data', 'agents/guard/agents', 'ops/guard/ops', undefined]);
  });

  it('bind an identity whose groups nobody knows', () => {
    const policies = [policy({ selector: { groups: ['x'] }, masks: [on('*.*.ssn', { type: 'Redact' })] })];
    const maskOf = (groups: readonly string[] | 'Unknown') =>
      sessionOf({ policies }, question({ groups })).masks.columnMask('s', 't', 'ssn')?.rule;
    expect([maskOf('Unknown'), maskOf(['x']), maskOf(['y'])]).toEqual(['data/guard/m', 'data/guard/m', undefined]);
  });

  it('name each field and detector once, with the strongest mask', () => {
    const masks = masksOf(
      { name: 'a', fields: ['$.b', '$.a'], detect: ['Email'], with: { type: 'Partial' } },
      { name: 'b', fields: ['$.a'], detect: ['Email', 'CreditCard'], with: { type: 'Redact' } },
    );
    expect(masks.fields.map(({ path, mask }) => `${path} ${mask.rule}`)).toEqual(['$.a data/p1/b', '$.b data/p0/a']);
    expect(masks.detect.map(({ detector, mask }) => `${detector} ${mask.rule}`)).toEqual([
      'CreditCard data/p1/b',
      'Email data/p1/b',
    ]);
    expect(masks.columns).toBe(false);
    expect(masks.maskJson('x')).toBe('json[$.a,$.b](content[CreditCard,Email](x))');
  });

  it('have the digest of those that mask alike, whatever else is said', () => {
    const digestOf = (mask: PolicyMask, more: object = {}, maskKey = '00'.repeat(32)) =>
      sessionOf({ policies: [policy({ masks: [mask], ...more })], maskKey }).masks.digests?.join();
    const digest = digestOf(on('*.*.a', { type: 'Hash' }));
    expect(digestOf(on('*.*.a', { type: 'Hash' }), { rules: [{ name: 'r', action: 'Deny', match: {} }] })).toBe(digest);
    const others = [
      digestOf(on('*.*.b', { type: 'Hash' })),
      digestOf(on('*.*.a', { type: 'Redact' })),
      digestOf(on('*.*.a', { type: 'Hash' }, 'other')),
      digestOf(on('*.*.a', { type: 'Hash' }), {}, '11'.repeat(32)),
      sessionOf().masks.digests?.join(),
    ];
    expect(new Set([digest, ...others]).size).toBe(6);
  });

  it('put at least Redact in place of what nobody knows the origin of', () => {
    expect(masksOf(on('*.*.a', { type: 'Partial' })).unknownOrigin.with.type).toBe('Redact');
    expect(masksOf(on('*.*.a', { type: 'Hash' })).unknownOrigin.with.type).toBe('Redact');
    expect(masksOf(on('*.*.a', { type: 'Null' })).unknownOrigin.with.type).toBe('Null');
  });

  it('are carried out by the real masks when none are passed in', () => {
    const policies = [
      policy({
        masks: [{ name: 'm', columns: ['*.*.a'], fields: ['$.x'], detect: ['Email'], with: { type: 'Redact' } }],
      }),
    ];
    const compiled = compileRules(input({ policies }));
    const opened = compiled.ok ? compiled.value.openSession(question()) : undefined;
    if (opened?.ok !== true) throw new Error('not opened');
    const { masks } = opened.value;
    expect(masks.maskValue({ rule: 'r', with: { type: 'Redact' } }, 'secret')).toBe('[masked]');
    expect(masks.maskContent('write to ann@example.com')).not.toContain('ann@example.com');
    expect(masks.maskJson('{"x":"secret"}')).toBe('{"x":"[masked]"}');
  });
});
