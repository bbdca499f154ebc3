import { describe, expect, it } from '@jest/globals';
import type { Policy, PolicySpec } from '@sidegate/crds';
import { access, input, policy, target } from './fixture/bundle.ts';
import { compileRules, type RuleInput } from './rule-set.ts';

function faultsOf(parts: Partial<RuleInput>): readonly string[] {
  const compiled = compileRules(input(parts));
  return compiled.ok ? [] : compiled.fault.map(({ code, where = '' }) => `${code} ${where}`);
}

const spec = (of: PolicySpec): Partial<RuleInput> => ({ policies: [policy(of)] });
const HOLD = { approvers: { subjects: ['carol'] } };

describe('what does not compile', () => {
  it.each<readonly [string, Partial<RuleInput>, readonly string[]]>([
    ['nothing wrong', spec({ rules: [{ name: 'a', action: 'Allow' }] }), []],
    [
      'a condition',
      spec({
        rules: [
          { name: 'a', action: 'Allow' },
          { name: 'b', action: 'Deny', when: 'command.verb == "x"' },
        ],
      }),
      ['InvalidCondition Policy data/guard spec.rules[1].when'],
    ],
    [
      'a statement of two words',
      spec({ rules: [{ name: 'a', action: 'Deny', match: { postgres: { statements: ['DROP', 'CREATE TABLE'] } } }] }),
      ['UnknownStatement Policy data/guard spec.rules[0].match.postgres.statements[1]'],
    ],
    [
      'a misspelt statement',
      spec({ rules: [{ name: 'a', action: 'Deny', match: { postgres: { statements: ['DELTE'] } } }] }),
      ['UnknownStatement Policy data/guard spec.rules[0].match.postgres.statements[0]'],
    ],
    [
      'a table without a schema',
      spec({ rules: [{ name: 'a', action: 'Deny', match: { postgres: { tables: [{ name: 'orders' }] } } }] }),
      ['InvalidPattern Policy data/guard spec.rules[0].match.postgres.tables[0].name'],
    ],
    [
      'a function with an empty schema',
      spec({ rules: [{ name: 'a', action: 'Deny', match: { postgres: { functions: ['.f'] } } }] }),
      ['InvalidPattern Policy data/guard spec.rules[0].match.postgres.functions[0]'],
    ],
    [
      'a column without a table',
      spec({ masks: [{ name: 'm', columns: ['public.email'], with: { type: 'Null' } }] }),
      ['InvalidPattern Policy data/guard spec.masks[0].columns[0]'],
    ],
    [
      'a path that is none',
      spec({ masks: [{ name: 'm', fields: ['$.a', 'email'], with: { type: 'Null' } }] }),
      ['InvalidPattern Policy data/guard spec.masks[0].fields[1]'],
    ],
    [
      'a mask of nothing',
      spec({ masks: [{ name: 'm', with: { type: 'Null' } }] }),
      ['InvalidPattern Policy data/guard spec.masks[0]'],
    ],
    [
      'an approval by nobody',
      spec({ rules: [{ name: 'a', action: 'RequireApproval', approval: { approvers: { groups: [] } } }] }),
      ['MissingApproval Policy data/guard spec.rules[0].approval'],
    ],
    [
      'an approval without terms',
      spec({ rules: [{ name: 'a', action: 'RequireApproval' }] }),
      ['MissingApproval Policy data/guard spec.rules[0].approval'],
    ],
    [
      'an approval by none of many',
      spec({ rules: [{ name: 'a', action: 'RequireApproval', approval: { ...HOLD, count: 0 } }] }),
      ['OutOfBounds Policy data/guard spec.rules[0].approval'],
    ],
    [
      'a window without length',
      spec({ rules: [{ name: 'a', action: 'RequireApproval', approval: { ...HOLD, grant: { scope: 'Window' } } }] }),
      ['OutOfBounds Policy data/guard spec.rules[0].approval.grant'],
    ],
    [
      'two rules of one name',
      spec({
        rules: [
          { name: 'a', action: 'Allow' },
          { name: 'a', action: 'Deny' },
        ],
      }),
      ['Duplicate Policy data/guard spec.rules[1].name'],
    ],
    [
      'a limit of nothing',
      spec({ limits: [{ name: 'l', perSeconds: 60, action: 'Deny' }] }),
      ['InvalidQuantity Policy data/guard spec.limits[0]'],
    ],
    [
      'a limit of no quantity, over no time',
      spec({ limits: [{ name: 'l', bytes: '50 MB', perSeconds: 0, action: 'Deny' }] }),
      [
        'InvalidQuantity Policy data/guard spec.limits[0].bytes',
        'OutOfBounds Policy data/guard spec.limits[0].perSeconds',
      ],
    ],
    [
      'a limit that asks nobody',
      spec({ limits: [{ name: 'l', rows: 5, perSeconds: 60, action: 'RequireApproval' }] }),
      ['MissingApproval Policy data/guard spec.limits[0].approval'],
    ],
    ['two Targets of one name', { targets: [target(), target()] }, ['Duplicate Target data/orders-db metadata.name']],
    [
      'two accesses of one name',
      { accesses: [access(), access()] },
      ['Duplicate AgentAccess agents/support-bot metadata.name'],
    ],
    ['two policies of one name', { policies: [policy({}), policy({})] }, ['Duplicate Policy data/guard metadata.name']],
    ['a short mask key', { maskKey: 'abcd' }, ['InvalidKey ']],
  ])('%s', (_, parts, expected) => {
    expect(faultsOf(parts)).toEqual(expected);
  });

  it('is told all at once, each with a mend', () => {
    const bad: Policy = policy({ rules: [{ name: 'a', action: 'Deny', when: '1' }], allowIncomplete: [] });
    const compiled = compileRules(
      input({ policies: [bad, policy({ masks: [{ name: 'm', with: { type: 'Null' } }] }, 'agents')] }),
    );
    const faults = compiled.ok ? [] : compiled.fault;
    expect(faults.map(({ at }) => `${at?.namespace} ${at?.field}`)).toEqual([
      'data spec.rules[0].when',
      'agents spec.masks[0]',
    ]);
    expect(faults.every(({ mend }) => mend !== undefined && mend !== '')).toBe(true);
  });

  it.each([
    [256, 0],
    [257, 1],
  ])('%i rules give %i faults', (count, expected) => {
    const rules = Array.from({ length: count }, (_, index) => ({ name: `r${index}`, action: 'Deny' as const }));
    expect(faultsOf(spec({ rules }))).toHaveLength(expected);
  });
});
