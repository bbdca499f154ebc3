import { describe, expect, it } from '@jest/globals';
import type { Policy, PolicyRule } from '@sidegate/crds';
import type { Command } from './command.ts';
import { ruleName } from './decision.ts';
import {
  access,
  column,
  policy,
  postgres,
  question,
  read,
  sessionOf,
  statement,
  target,
  write,
} from './fixture/bundle.ts';

const SELECT = postgres(statement('SELECT', { tables: [read('public.orders')] }));
const DROP = postgres(statement('DROP', { tables: [write('public.orders')] }));
const HOLD = { approvers: { groups: ['dba'] } };

function rule(action: PolicyRule['action'], parts: Partial<PolicyRule> = {}): PolicyRule {
  const base: PolicyRule = { name: `r-${action.toLowerCase()}`, action, ...parts };
  return action === 'RequireApproval' ? { approval: HOLD, ...base } : base;
}

function answer(policies: readonly Policy[], command: Command, asked = question(), targets = [target()]): string {
  const decision = sessionOf({ policies, targets }, asked).decide(command);
  return `${decision.action} ${ruleName(decision.by)}`;
}

const allowAll = policy({ rules: [rule('Allow')] }, 'data', 'all');

describe('the strictest answer wins', () => {
  const cases: readonly (readonly [string, readonly Policy[], string])[] = [
    ['nothing said: both sides deny by default', [], 'Deny default'],
    ['allowed by the data side', [allowAll], 'Allow data/all/r-allow'],
    ['deny beats allow', [allowAll, policy({ rules: [rule('Deny')] })], 'Deny data/guard/r-deny'],
    [
      'approval beats allow',
      [allowAll, policy({ rules: [rule('RequireApproval')] })],
      'RequireApproval data/guard/r-requireapproval',
    ],
    [
      'deny beats approval',
      [allowAll, policy({ rules: [rule('RequireApproval'), rule('Deny')] })],
      'Deny data/guard/r-deny',
    ],
    ['the agent side may deny', [allowAll, policy({ rules: [rule('Deny')] }, 'agents')], 'Deny agents/guard/r-deny'],
    ['the agent side cannot allow for the data side', [policy({ rules: [rule('Allow')] }, 'agents')], 'Deny default'],
    ['the operator may deny', [allowAll, policy({ rules: [rule('Deny')] }, 'ops')], 'Deny ops/guard/r-deny'],
    [
      'the operator may ask',
      [allowAll, policy({ rules: [rule('RequireApproval')] }, 'ops')],
      'RequireApproval ops/guard/r-requireapproval',
    ],
    ['the operator allows for nobody', [policy({ rules: [rule('Allow')] }, 'ops')], 'Deny default'],
    [
      "the operator's approval allows for nobody",
      [policy({ rules: [rule('RequireApproval')] }, 'ops')],
      'Deny default',
    ],
    ['a stranger has no say', [allowAll, policy({ rules: [rule('Deny')] }, 'other')], 'Allow data/all/r-allow'],
    [
      'an approval of the data side is also its word',
      [policy({ rules: [rule('RequireApproval')] })],
      'RequireApproval data/guard/r-requireapproval',
    ],
  ];
  it.each(cases)('%s', (_, policies, expected) => {
    expect(answer(policies, SELECT)).toBe(expected);
  });

  it.each([
    ['Allow', 'Allow', 'Allow default'],
    ['Allow', 'Deny', 'Deny default'],
    ['Deny', 'Allow', 'Deny default'],
    ['Deny', 'Deny', 'Deny default'],
  ] as const)('defaults of target %s and access %s give %s', (ofTarget, ofAccess, expected) => {
    const parts = {
      targets: [target({ defaultAction: ofTarget })],
      accesses: [access({ defaultAction: ofAccess })],
    };
    const decision = sessionOf(parts).decide(SELECT);
    expect(`${decision.action} ${ruleName(decision.by)}`).toBe(expected);
  });

  it('says in the reason what nobody allowed, and on which side', () => {
    expect(sessionOf().decide(SELECT).reason).toBe(
      "No rule of Target data/orders-db's side allows SELECT, read of public.orders, and its default action is Deny.",
    );
  });

  it('gives the terms and the namespace of the policy that asks', () => {
    const decision = sessionOf({ policies: [policy({ rules: [rule('RequireApproval')] })] }).decide(SELECT);
    expect(decision).toMatchObject({ terms: HOLD, owner: { namespace: 'data' }, version: 'v1' });
  });

  it('asks for each approval until all are granted', () => {
    const policies = [
      allowAll,
      policy({ rules: [rule('RequireApproval', { name: 'one' })] }),
      policy({ rules: [rule('RequireApproval', { name: 'two', approval: { ...HOLD, count: 2 } })] }, 'agents'),
    ];
    const session = sessionOf({ policies });
    const granted = new Set<string>();
    const asked: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const decision = session.decide(SELECT, (by) => granted.has(ruleName(by)));
      asked.push(`${decision.action} ${ruleName(decision.by)}`);
      granted.add(ruleName(decision.by));
    }
    expect(asked).toEqual([
      'RequireApproval agents/guard/two',
      'RequireApproval data/guard/one',
      'Allow data/all/r-allow',
    ]);
  });

  it('does not let a granted approval pass a denial', () => {
    const policies = [
      allowAll,
      policy({ rules: [rule('RequireApproval'), rule('Deny', { match: { postgres: { statements: ['DROP'] } } })] }),
    ];
    const session = sessionOf({ policies });
    expect(session.decide(SELECT, () => true).action).toBe('Allow');
    expect(session.decide(DROP, () => true).action).toBe('Deny');
  });
});

describe('selectors', () => {
  const deny = (selector: NonNullable<Policy['spec']['selector']>, namespace = 'data'): readonly Policy[] => [
    allowAll,
    policy({ selector, rules: [rule('Deny')] }, namespace),
  ];
  it.each([
    ['the Target by name', deny({ targetRefs: [{ name: 'orders-db' }] }), 'Deny'],
    ['another Target', deny({ targetRefs: [{ name: 'billing-db' }] }), 'Allow'],
    [
      'a Target of its own namespace when none is said',
      deny({ targetRefs: [{ name: 'orders-db' }] }, 'agents'),
      'Allow',
    ],
    [
      'a Target of a named namespace',
      deny({ targetRefs: [{ namespace: 'data', name: 'orders-db' }] }, 'agents'),
      'Deny',
    ],
    ['a group of the identity', deny({ groups: ['support'] }), 'Deny'],
    ['another group', deny({ groups: ['finance'] }), 'Allow'],
    ['the subject', deny({ subjects: ['alice'] }), 'Deny'],
    ['another subject', deny({ subjects: ['bob'] }), 'Allow'],
    ['either a group or a subject', deny({ groups: ['finance'], subjects: ['alice'] }), 'Deny'],
  ])('%s', (_, policies, expected) => {
    expect(sessionOf({ policies }).decide(SELECT).action).toBe(expected);
  });

  it.each([
    ['denies', [allowAll, policy({ selector: { groups: ['x'] }, rules: [rule('Deny')] })], 'Deny data/guard/r-deny'],
    ['does not allow', [policy({ selector: { groups: ['x'] }, rules: [rule('Allow')] })], 'Deny default'],
    [
      'of subjects alone stays with them',
      [allowAll, policy({ selector: { subjects: ['bob'] }, rules: [rule('Deny')] })],
      'Allow data/all/r-allow',
    ],
  ] as const)('a rule by group, when nobody knows the groups, %s', (_, policies, expected) => {
    expect(answer(policies, SELECT, question({ groups: 'Unknown' }))).toBe(expected);
  });

  it('tells unknown groups from no groups', () => {
    const policies = [allowAll, policy({ selector: { groups: ['x'] }, rules: [rule('Deny')] })];
    expect(answer(policies, SELECT, question({ groups: [] }))).toBe('Allow data/all/r-allow');
  });
});

describe('what could not be understood whole', () => {
  const incomplete: Command = {
    ...postgres(statement('DO')),
    complete: false,
    incomplete: [{ kind: 'DynamicSql', detail: 'DO runs a text.' }],
  };
  const allowing = (kinds: readonly string[], namespace: string, spec: Policy['spec'] = {}): readonly Policy[] => [
    allowAll,
    policy({ ...spec, allowIncomplete: kinds }, namespace),
  ];
  it.each([
    ['is refused', [allowAll], 'Deny incomplete'],
    ["passes when the Target's owner allows its kind", allowing(['DynamicSql'], 'data'), 'Allow data/all/r-allow'],
    ['is refused when another kind is allowed', allowing(['Other'], 'data'), 'Deny incomplete'],
    ['is refused when only the agent side allows it', allowing(['DynamicSql'], 'agents'), 'Deny incomplete'],
    ['is refused when only the operator allows it', allowing(['DynamicSql'], 'ops'), 'Deny incomplete'],
    [
      'is refused when only an observing policy allows it',
      allowing(['DynamicSql'], 'data', { mode: 'Observe' }),
      'Deny incomplete',
    ],
  ] as const)('%s', (_, policies, expected) => {
    expect(answer(policies, incomplete)).toBe(expected);
  });

  it('is refused when nobody knows whether the group that may do so is ours', () => {
    const policies = allowing(['DynamicSql'], 'data', { selector: { groups: ['x'] } });
    expect(answer(policies, incomplete, question({ groups: ['x'] }))).toBe('Allow data/all/r-allow');
    expect(answer(policies, incomplete, question({ groups: 'Unknown' }))).toBe('Deny incomplete');
  });

  it('is refused when it does not say what is missing', () => {
    const silent: Command = { ...postgres(statement('SELECT')), complete: false };
    expect(answer(allowing(['DynamicSql'], 'data'), silent)).toBe('Deny incomplete');
  });

  it('still meets the rules', () => {
    const policies = [...allowing(['DynamicSql'], 'data'), policy({ rules: [rule('Deny')] }, 'agents', 'no')];
    expect(answer(policies, incomplete)).toBe('Deny agents/no/r-deny');
  });
});

describe('Observe mode', () => {
  it('reports what would have been stricter and changes nothing', () => {
    const policies = [
      allowAll,
      policy({ mode: 'Observe', rules: [rule('Deny', { reason: 'no' }), rule('RequireApproval')] }),
    ];
    const decision = sessionOf({ policies }).decide(SELECT);
    expect(decision.action).toBe('Allow');
    expect(decision.observed.map(({ by, action }) => `${action} ${ruleName(by)}`)).toEqual([
      'Deny data/guard/r-deny',
      'RequireApproval data/guard/r-requireapproval',
    ]);
  });

  it('says nothing when the answer is as strict already', () => {
    const policies = [
      policy({ rules: [rule('Deny')] }),
      policy({ mode: 'Observe', rules: [rule('Deny')] }, 'data', 'try'),
    ];
    expect(sessionOf({ policies }).decide(SELECT).observed).toEqual([]);
  });

  it('allows nothing', () => {
    expect(answer([policy({ mode: 'Observe', rules: [rule('Allow')] })], SELECT)).toBe('Deny default');
  });

  it('masks the recording only', () => {
    const policies = [
      policy({ masks: [{ name: 'ssn', columns: ['*.*.ssn'], with: { type: 'Partial' } }] }),
      policy(
        { mode: 'Observe', masks: [{ name: 'mail', columns: ['*.*.email'], with: { type: 'Redact' } }] },
        'data',
        'try',
      ),
    ];
    const { masks, recordMasks } = sessionOf({ policies });
    expect(masks.columnMask('public', 'people', 'email')).toBeUndefined();
    expect(recordMasks.columnMask('public', 'people', 'email')?.rule).toBe('data/try/mail');
    expect(recordMasks.columnMask('public', 'people', 'ssn')?.rule).toBe('data/guard/ssn');
  });

  it('masks the recording no other way when it masks nothing', () => {
    const { masks, recordMasks } = sessionOf({
      policies: [
        policy({ masks: [{ name: 'ssn', columns: ['*.*.ssn'], with: { type: 'Hash' } }] }),
        policy({ mode: 'Observe', rules: [rule('Deny')] }, 'data', 'try'),
      ],
    });
    expect(recordMasks).toBe(masks);
  });
});

describe('masked columns', () => {
  const masked = (mode: 'Enforce' | 'Observe' = 'Enforce'): readonly Policy[] => [
    allowAll,
    policy({ mode, masks: [{ name: 'pii', columns: ['public.people.email'], with: { type: 'Redact' } }] }),
  ];
  const people = { tables: [read('public.people')] };
  it.each([
    [
      'read out',
      statement('SELECT', { ...people, columns: [column('public.people.email', 'Output')] }),
      'Allow data/all/r-allow',
    ],
    [
      'as a condition',
      statement('SELECT', { ...people, columns: [column('public.people.email', 'Condition')] }),
      'Deny masked-condition',
    ],
    [
      'beside a condition on another column',
      statement('SELECT', { ...people, columns: [column('public.people.id', 'Condition')] }),
      'Allow data/all/r-allow',
    ],
    [
      'as a condition in a schema that is not known',
      statement('SELECT', { ...people, columns: [column('.people.email', 'Condition')] }),
      'Deny masked-condition',
    ],
    [
      'copied into another table',
      statement('INSERT', {
        tables: [write('public.copy'), read('public.people')],
        columns: [column('public.people.email', 'Output')],
      }),
      'Deny masked-copy',
    ],
    [
      'given back by the write itself',
      statement('INSERT', { tables: [write('public.people')], columns: [column('public.people.email', 'Output')] }),
      'Allow data/all/r-allow',
    ],
  ])('%s', (_, asked, expected) => {
    expect(answer(masked(), postgres(asked))).toBe(expected);
  });

  it('names the column and the mask', () => {
    const asked = postgres(statement('SELECT', { ...people, columns: [column('public.people.email', 'Condition')] }));
    expect(sessionOf({ policies: masked() }).decide(asked).reason).toBe(
      'Column public.people.email is masked by data/guard/pii: filtering, joining, sorting or grouping by it would give it away.',
    );
    const observed = sessionOf({ policies: masked('Observe') }).decide(asked);
    expect(observed.action).toBe('Allow');
    expect(observed.observed.map(({ by }) => by.rule)).toEqual(['masked-condition']);
  });
});
