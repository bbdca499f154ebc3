import { describe, expect, it } from '@jest/globals';
import type { PolicyRule } from '@sidegate/crds';
import fc from 'fast-check';
import type { RedisCommand } from './command.ts';
import { access, policy, question, sessionOf, target } from './fixture/bundle.ts';

const CATEGORIES = { GET: ['read'], SET: ['write'], DEL: ['write'], SORT: ['read', 'dangerous'] } as const;

const keyName = fc.constantFrom('a:1', 'a:2', 'b:1', 'secret:1', 'secret:2', 'a*', 'other');
const keyUse = fc.record(
  {
    name: keyName,
    access: fc.constantFrom('Read' as const, 'Write' as const),
    isPattern: fc.constant(true as const),
    use: fc.constantFrom('Condition' as const, 'Part' as const, 'Copy' as const),
  },
  { requiredKeys: ['name', 'access'] },
);
const plainUse = fc.record({ name: keyName, access: fc.constantFrom('Read' as const, 'Write' as const) });
const command: fc.Arbitrary<RedisCommand> = fc
  .record({
    protocol: fc.constant('Redis' as const),
    name: fc.constantFrom('GET' as const, 'SET' as const, 'DEL' as const, 'SORT' as const),
    gap: fc.nat(9).map((luck) => luck === 0 && { kind: 'Script', detail: 'It is not read.' }),
    keys: fc.array(fc.oneof({ weight: 2, arbitrary: plainUse }, keyUse), { maxLength: 2 }),
  })
  .map(({ gap, ...rest }) => ({
    ...rest,
    complete: gap === false,
    incomplete: gap === false ? [] : [gap],
    categories: CATEGORIES[rest.name],
  }));

const rule: fc.Arbitrary<Omit<PolicyRule, 'name'>> = fc.record(
  {
    action: fc.constantFrom('Allow' as const, 'Deny' as const, 'RequireApproval' as const),
    match: fc.record({
      redis: fc.record(
        {
          commands: fc.uniqueArray(fc.constantFrom('GET', 'SET', 'SORT'), { maxLength: 2 }),
          categories: fc.subarray(['read', 'dangerous']),
          keys: fc.array(
            fc.record({
              name: fc.constantFrom('a:*', 'a:1', 'secret:*', '*', '*:1'),
              access: fc.constantFrom('Read' as const, 'Write' as const, 'Any' as const),
            }),
            { maxLength: 2 },
          ),
        },
        { requiredKeys: [] },
      ),
    }),
    approval: fc.constant({ approvers: { groups: ['dba'] } }),
  },
  { requiredKeys: ['action', 'match', 'approval'] },
);
const conditional = rule.map((one) => ({ ...one, when: 'command.keys.exists(k, k.name == "a:1")' }));

const policies = fc.array(
  fc.record({
    namespace: fc.constantFrom('data', 'agents', 'ops'),
    mode: fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Observe' as const),
    rules: fc.array(fc.oneof({ weight: 9, arbitrary: rule }, conditional), { maxLength: 3 }),
    masks: fc.boolean(),
    allowIncomplete: fc.subarray(['Script']),
  }),
  { maxLength: 3 },
);

const action = fc.constantFrom('Allow' as const, 'Allow' as const, 'Allow' as const, 'Deny' as const);

describe('a decision that is recalled', () => {
  it('is what the rules say of that very command, whatever was decided before', () => {
    let recalled = 0;
    const setting = fc.record({
      policies,
      data: action,
      agents: action,
      commands: fc.array(command, { minLength: 20, maxLength: 30 }),
    });
    fc.assert(
      fc.property(setting, ({ policies: of, data, agents, commands }) => {
        const bundle = {
          targets: [target({ protocol: 'Redis', defaultAction: data })],
          accesses: [access({ defaultAction: agents })],
          policies: of.map(({ namespace, rules, masks, ...spec }, index) =>
            policy(
              {
                ...spec,
                rules: rules.map((one, at) => ({ ...one, name: `r${at}` })),
                masks: masks ? [{ name: 'm', keys: ['secret:*'], with: { type: 'Redact' } }] : [],
              },
              namespace,
              `p${index}`,
            ),
          ),
        };
        const rules = sessionOf(bundle, question());
        for (const one of commands) {
          const expected = sessionOf(bundle, question()).decide(one);
          const known = rules.recall?.(one);
          if (known !== undefined) recalled += 1;
          expect(known ?? expected).toEqual(expected);
          expect(rules.decide(one)).toEqual(expected);
        }
      }),
      { seed: 20261129, numRuns: 400 },
    );
    expect(recalled).toBeGreaterThan(200);
  });

  it('is not one on another catalog’s command of the same name', () => {
    const rules = sessionOf({ targets: [target({ protocol: 'Redis', defaultAction: 'Allow' })] }, question());
    const one: RedisCommand = {
      protocol: 'Redis',
      complete: true,
      incomplete: [],
      name: 'GET',
      categories: ['read'],
      keys: [],
    };
    rules.decide(one);
    expect(rules.recall?.(one)?.action).toBe('Allow');
    expect(rules.recall?.({ ...one, categories: ['read'] })).toBeUndefined();
  });

  it('is not one that people answered', () => {
    const asks = { name: 'ask', action: 'RequireApproval' as const, approval: { approvers: { groups: ['dba'] } } };
    const rules = sessionOf({ policies: [policy({ rules: [asks] })] }, question());
    const one: RedisCommand = {
      protocol: 'Redis',
      complete: true,
      incomplete: [],
      name: 'GET',
      categories: ['read'],
      keys: [],
    };
    expect(rules.decide(one, () => true).action).toBe('Allow');
    expect(rules.recall?.(one)).toBeUndefined();
    expect(rules.decide(one).action).toBe('RequireApproval');
  });
});
