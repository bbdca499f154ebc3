import { describe, expect, it } from '@jest/globals';
import type { AgentAccessSpec, TargetSpec } from '@sidegate/crds';
import type { NamespaceLabels } from './admission.ts';
import { access, question, rulesOf, target } from './fixture/bundle.ts';
import type { SessionQuestion } from './session-rules.ts';

interface Case {
  readonly target?: Partial<TargetSpec>;
  readonly access?: Partial<AgentAccessSpec>;
  readonly labels?: NamespaceLabels;
  readonly who?: Parameters<typeof question>[0];
}

function admission(of: Case, asked: SessionQuestion = question(of.who)): string {
  const rules = rulesOf({
    targets: [target(of.target)],
    accesses: [access(of.access), access(of.access, 'data')],
    ...(of.labels === undefined ? {} : { namespaceLabels: of.labels }),
  });
  const opened = rules.openSession(asked);
  return opened.ok ? 'Admitted' : `${opened.fault.code}: ${opened.fault.message}`;
}

const support: Partial<TargetSpec> = {
  allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'support' } } },
};

describe('opening a session', () => {
  it.each<readonly [string, Case, string]>([
    ['an agent that nothing speaks against', {}, 'Admitted'],
    ['a suspended access', { access: { suspend: true } }, 'Suspended: AgentAccess agents/support-bot is suspended.'],
    [
      'an access that names another Target',
      { access: { targetRefs: [{ namespace: 'data', name: 'billing-db' }] } },
      'NotAdmitted: AgentAccess agents/support-bot does not name Target data/orders-db.',
    ],
    [
      'an access that names a Target of its own namespace',
      { access: { targetRefs: [{ name: 'orders-db' }] } },
      'NotAdmitted: AgentAccess agents/support-bot does not name Target data/orders-db.',
    ],
    [
      'an agent of another namespace, when nothing is said',
      { target: { allowedNamespaces: {} } },
      'NotAdmitted: Target data/orders-db takes agents of its own namespace only, not of agents.',
    ],
    [
      'an agent of a namespace with the label',
      { target: support, labels: { agents: { team: 'support' } } },
      'Admitted',
    ],
    [
      'an agent of a namespace with another label',
      { target: support, labels: { agents: { team: 'sales' } } },
      'NotAdmitted: Target data/orders-db takes no agents of namespace agents: its selector does not match the labels.',
    ],
    [
      'an agent of a namespace whose labels nobody knows',
      { target: support },
      'NotAdmitted: Target data/orders-db takes no agents of namespace agents: its selector does not match the labels.',
    ],
    [
      'an agent of a namespace that is selected by name',
      {
        target: {
          allowedNamespaces: {
            from: 'Selector',
            selector: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } },
          },
        },
      },
      'Admitted',
    ],
    [
      'a selector that is not there',
      { target: { allowedNamespaces: { from: 'Selector' } }, labels: { agents: { team: 'support' } } },
      'NotAdmitted: Target data/orders-db takes no agents of namespace agents: its selector does not match the labels.',
    ],
    [
      'an identity proved in another way',
      { access: { identity: { source: 'Workload' } } },
      'NotAdmitted: AgentAccess agents/support-bot takes an identity by Workload, and this one came by Token.',
    ],
    ['a member of a required group', { target: { require: { groups: ['support', 'dba'] } } }, 'Admitted'],
    [
      'somebody in none of the required groups',
      { target: { require: { groups: ['dba'] } } },
      'NotAdmitted: Target data/orders-db requires one of the groups dba, and alice is in none of them.',
    ],
    [
      'somebody whose groups nobody knows',
      { target: { require: { groups: ['support'] } }, who: { groups: 'Unknown' } },
      'NotAdmitted: Target data/orders-db requires one of the groups support, and the groups of alice are not known.',
    ],
    ['a required subject', { target: { require: { subjects: ['alice'] } } }, 'Admitted'],
    [
      'another subject',
      { target: { require: { subjects: ['bob'] } } },
      'NotAdmitted: Target data/orders-db requires another subject than alice.',
    ],
    [
      'a required subject without the required group',
      { target: { require: { subjects: ['alice'], groups: ['dba'] } } },
      'NotAdmitted: Target data/orders-db requires one of the groups dba, and alice is in none of them.',
    ],
  ])('%s', (_, of, expected) => {
    expect(admission(of)).toBe(expected);
  });

  it('admits an agent of the same namespace, when nothing is said', () => {
    const asked = { ...question(), access: { namespace: 'data', name: 'support-bot' } };
    expect(admission({ target: { allowedNamespaces: {} } }, asked)).toBe('Admitted');
  });

  it('knows no Target and no AgentAccess that is not there', () => {
    const noTarget = { ...question(), target: { namespace: 'data', name: 'gone' } };
    const noAccess = { ...question(), access: { namespace: 'agents', name: 'gone' } };
    expect(admission({}, noTarget)).toBe('UnknownTarget: There is no Target data/gone.');
    expect(admission({}, noAccess)).toBe('UnknownAccess: There is no AgentAccess agents/gone.');
  });
});

describe('durability', () => {
  it.each([
    [undefined, undefined, 'Spool'],
    ['Spool', 'Spool', 'Spool'],
    ['Central', 'Spool', 'Central'],
    [undefined, 'Central', 'Central'],
  ] as const)('of target %s and access %s is %s', (ofTarget, ofAccess, expected) => {
    const rules = rulesOf({
      targets: [target(ofTarget === undefined ? {} : { recording: { durability: ofTarget } })],
      accesses: [access(ofAccess === undefined ? {} : { recording: { durability: ofAccess } })],
    });
    const opened = rules.openSession(question());
    expect(opened.ok && opened.value.durability).toBe(expected);
  });
});
