import { describe, expect, it } from '@jest/globals';
import type { PolicyRule } from '@sidegate/crds';
import { explain, renderExplanation } from './explain.ts';
import { column, exec, policy, postgres, question, read, rulesOf, statement, target, write } from './fixture/bundle.ts';

const DROP = postgres(statement('DROP', { tables: [write('public.orders')] }));
const noDdl: PolicyRule = {
  name: 'no-ddl',
  match: { postgres: { statements: ['DROP', 'ALTER'] } },
  action: 'Deny',
  reason: 'Schema changes go through migrations.',
};

describe('explaining', () => {
  it('says which rule of which side spoke, what else was weighed and what would change the answer', () => {
    const rules = rulesOf({
      policies: [
        policy({ rules: [{ name: 'all', action: 'Allow' }, noDdl] }, 'data', 'guardrails'),
        policy({ selector: { groups: ['dba'] }, rules: [{ name: 'x', action: 'Deny' }] }, 'data', 'dba-only'),
        policy(
          {
            mode: 'Observe',
            rules: [{ name: 'try', action: 'Deny', when: 'command.statements.exists(s, s.hasWhere)' }],
          },
          'agents',
          'trial',
        ),
      ],
    });
    expect(renderExplanation(explain(rules, question(), DROP))).toBe(`Deny by data/guardrails/no-ddl
Schema changes go through migrations.
command: DROP, write of public.orders

Sides
  Target data/orders-db: Deny by data/guardrails/no-ddl
  AgentAccess agents/support-bot: Allow by default

Rules
  no  agents/trial/try (Deny, Observe): its match fits and its condition does not hold
  yes data/guardrails/all (Allow): its match fits
  yes data/guardrails/no-ddl (Deny): its match fits

Policies that do not apply
  data/dba-only: its selector does not take in alice

What would change the answer
  Without rule data/guardrails/no-ddl the answer would be Allow by data/guardrails/all.
`);
  });

  it('says what a command of SSH is made of', () => {
    const rules = rulesOf({
      targets: [target({ protocol: 'SSH' })],
      policies: [
        policy({ rules: [{ name: 'look', action: 'Allow', match: { ssh: { commands: ['cat'] } } }] }, 'data', 'p'),
      ],
    });
    const paths = [
      { path: '/etc/hosts', access: 'Read', by: 0 },
      { path: undefined, access: 'Write', isTree: true },
    ] as const;
    expect(renderExplanation(explain(rules, question(), exec(['cat /etc/hosts', 'rm x'], { paths })))).toBe(
      `Deny by default
No rule of Target data/orders-db's side allows rm x, write of path ? and all below, and its default action is Deny.
command: exec, cat /etc/hosts, rm x, read of path /etc/hosts, write of path ? and all below

Sides
  Target data/orders-db: Deny by default
  AgentAccess agents/support-bot: Allow by default

Rules
  yes data/p/look (Allow): its match fits

What would change the answer
  An Allow rule in a policy of namespace data (the Target's) for: rm x, write of path ? and all below.
`,
    );
  });

  it.each([
    [
      'a default',
      rulesOf(),
      DROP,
      ["An Allow rule in a policy of namespace data (the Target's) for: DROP, write of public.orders."],
    ],
    [
      'an approval',
      rulesOf({
        policies: [
          policy({
            rules: [
              {
                name: 'ask',
                action: 'RequireApproval',
                approval: { approvers: { groups: ['dba'], subjects: ['carol'] } },
              },
            ],
          }),
        ],
      }),
      DROP,
      ['An approval by 1 of group dba, carol.', 'Without rule data/guard/ask the answer would be Deny by default.'],
    ],
    [
      'an incomplete command',
      rulesOf({ targets: [target({ defaultAction: 'Allow' })] }),
      { ...DROP, complete: false, incomplete: [{ kind: 'DynamicSql', detail: 'It runs a text.' }] },
      ['A policy in namespace data that names DynamicSql in allowIncomplete.'],
    ],
    [
      'a masked column',
      rulesOf({
        targets: [target({ defaultAction: 'Allow' })],
        policies: [policy({ masks: [{ name: 'm', columns: ['*.*.ssn'], with: { type: 'Null' } }] })],
      }),
      postgres(
        statement('SELECT', { tables: [read('public.people')], columns: [column('public.people.ssn', 'Condition')] }),
      ),
      ['A command that does not filter by, sort by or copy the masked column.'],
    ],
    [
      'a forward of SSH',
      rulesOf({ targets: [target({ defaultAction: 'Allow' })] }),
      exec(['direct-tcpip db.internal 5432'], { channel: 'forward' }),
      [
        "An Allow rule in a policy of namespace data with channels: [forward] and commands: ['direct-tcpip db.internal 5432'].",
      ],
    ],
    ['nothing that could', rulesOf({ targets: [target({ defaultAction: 'Allow' })] }), DROP, []],
  ])('tells what would change %s', (_, rules, command, expected) => {
    const explained = explain(rules, question(), command);
    expect(explained.kind === 'Judged' ? explained.changes : undefined).toEqual(expected);
  });

  it('agrees with the decision', () => {
    const rules = rulesOf({ policies: [policy({ rules: [{ name: 'all', action: 'Allow' }, noDdl] })] });
    const opened = rules.openSession(question());
    const explained = explain(rules, question(), DROP);
    expect(explained.kind === 'Judged' && explained.decision).toEqual(opened.ok && opened.value.decide(DROP));
  });

  it('says why a session would not open', () => {
    const rules = rulesOf({ targets: [target({ require: { subjects: ['bob'] } })] });
    expect(renderExplanation(explain(rules, question(), DROP))).toBe(
      'NotAdmitted (NotAdmitted)\nTarget data/orders-db requires another subject than alice. See spec.require.subjects.\n',
    );
  });
});
