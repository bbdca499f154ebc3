import { expect, test } from '@jest/globals';
import { type AgentAccessSpec, fail, INJECTION_LABEL, ok, type TargetSpec } from '@sidegate/crds';
import { type Named, pod, secret, stored } from './fixture/resources.ts';
import { readLogin } from './judging/login.ts';
import { judgeAcceptance } from './judging/target.ts';
import type { Secret } from './kinds.ts';
import { judgeRelease, type ReleaseQuestion } from './release.ts';

interface Scene {
  readonly pod?: Named;
  readonly phase?: string;
  readonly account?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly injected?: boolean;
  readonly access?: Partial<AgentAccessSpec>;
  readonly accessNamed?: Named;
  readonly target?: Partial<TargetSpec> | object;
  readonly targetNamed?: Named;
  readonly noTarget?: boolean;
  readonly secret?: Secret | 'None' | 'NotRead';
  readonly rival?: string;
  readonly agentsHere?: string;
  readonly invalidHere?: readonly string[];
  readonly invalidThere?: readonly string[];
}

function ask(scene: Scene): ReleaseQuestion {
  const target = stored.target(scene.target ?? {}, scene.targetNamed);
  const { secret: held = secret() } = scene;
  const find =
    held === 'NotRead'
      ? undefined
      : (name: string) => (held === 'None' || held.metadata.name !== name ? undefined : held);
  const standing = {
    target,
    accepted: judgeAcceptance(target, { rival: scene.rival, agentsHere: scene.agentsHere }),
    login: target.resource.ok
      ? readLogin(target.resource.value.spec, target.namespace, find)
      : fail({ code: 'SecretNotFound' as const, message: '' }),
    authorities: ok([]),
    invalidPolicies: scene.invalidThere ?? [],
  };
  return {
    pod: pod(scene.pod, { serviceAccountName: scene.account ?? 'bot' }, scene.phase),
    injected: scene.injected === false ? fail({ code: 'NoGate', message: 'It has no gate.' }) : ok(undefined),
    access: stored.access(scene.access, scene.accessNamed),
    standing: scene.noTarget === true ? undefined : standing,
    labels: scene.labels ?? { [INJECTION_LABEL]: 'enabled', team: 'support' },
    invalidPolicies: scene.invalidHere ?? [],
  };
}

const WORKLOAD: Partial<AgentAccessSpec> = { identity: { source: 'Workload' } };
const BY_TEAM = { allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'support' } } } };

// Each refusal stands beside the neighbour that is let through.
const CASES: readonly (readonly [what: string, scene: Scene, expected: string])[] = [
  ['everything holds', {}, 'released'],
  ['the label says disabled', { labels: { [INJECTION_LABEL]: 'disabled' } }, 'NamespaceNotLabelled'],
  ['the label is not there', { labels: {} }, 'NamespaceNotLabelled'],
  ['the label is nearly there', { labels: { 'sidegate.dev/inject': 'enabled' } }, 'NamespaceNotLabelled'],
  ['the pod has succeeded', { phase: 'Succeeded' }, 'PodNotLive'],
  ['the pod has failed', { phase: 'Failed' }, 'PodNotLive'],
  ['the pod is pending', { phase: 'Pending' }, 'released'],
  ['the gate is not the one that we inject', { injected: false }, 'NotInjected'],
  ['the labels differ in one letter', { pod: { labels: { app: 'support-bots' } } }, 'NotSelected'],
  ['the pod has more labels', { pod: { labels: { app: 'support-bot', v: '2' } } }, 'released'],
  ['the pod has no labels', { pod: { labels: {} } }, 'NotSelected'],
  ['the AgentAccess stands in another namespace', { accessNamed: { namespace: 'agents2' } }, 'NotSelected'],
  [
    'the AgentAccess names a namesake elsewhere',
    { access: { targetRefs: [{ namespace: 'data2', name: 'orders-db' }] } },
    'NotNamed',
  ],
  ['the AgentAccess names it without a namespace', { access: { targetRefs: [{ name: 'orders-db' }] } }, 'NotNamed'],
  [
    'the AgentAccess names it among others',
    { access: { targetRefs: [{ name: 'x' }, { namespace: 'data', name: 'orders-db' }] } },
    'released',
  ],
  ['there is no Target', { noTarget: true }, 'NotFound'],
  ['the Target is malformed', { target: { port: 0 } }, 'NotAccepted'],
  ['the Target is Conflicted', { rival: 'x/y' }, 'NotAccepted'],
  ['agents run beside the Target', { agentsHere: 'They do.' }, 'NotAccepted'],
  ['the Target admits its own namespace only', { target: { allowedNamespaces: { from: 'Same' } } }, 'NotAdmitted'],
  ['the Target does not say whom it admits', { target: { allowedNamespaces: undefined } }, 'NotAdmitted'],
  ['the Target admits by a label that is there', { target: BY_TEAM }, 'released'],
  [
    'the Target admits by a label that differs',
    { target: BY_TEAM, labels: { [INJECTION_LABEL]: 'enabled', team: 'sales' } },
    'NotAdmitted',
  ],
  [
    'the Target admits by selector and states none',
    { target: { allowedNamespaces: { from: 'Selector' } } },
    'NotAccepted',
  ],
  ['a Policy beside the Target does not compile', { invalidThere: ['data/guard'] }, 'PolicyInvalid'],
  ['a Policy beside the agents does not compile', { invalidHere: ['agents/guard'] }, 'PolicyInvalid'],
  ['the Secret is not there', { secret: 'None' }, 'NoCredential'],
  ['the Secrets are not read yet', { secret: 'NotRead' }, 'NotKnownYet'],
  ['the Secret names another host', { secret: secret({ hosts: 'orders-db.data' }) }, 'NoCredential'],
  ['the Secret is of another type', { secret: secret({}, { type: 'Opaque' }) }, 'NoCredential'],
  ['the Target names another host than the Secret', { target: { host: 'evil.data.svc' } }, 'NoCredential'],
  ['the identity is by token, whoever is required', { target: { require: { subjects: ['somebody'] } } }, 'released'],
  [
    'the service account is the one required',
    { access: WORKLOAD, target: { require: { subjects: ['system:serviceaccount:agents:bot'] } } },
    'released',
  ],
  [
    'the service account is another than required',
    { access: WORKLOAD, account: 'bot2', target: { require: { subjects: ['system:serviceaccount:agents:bot'] } } },
    'SubjectNotAllowed',
  ],
  [
    'the service account is in the group required',
    { access: WORKLOAD, target: { require: { groups: ['system:serviceaccounts:agents'] } } },
    'released',
  ],
  [
    'the service account is in another group',
    { access: WORKLOAD, target: { require: { groups: ['system:serviceaccounts:agents2'] } } },
    'SubjectNotAllowed',
  ],
];

test.each(CASES)('%s', (_, scene, expected) => {
  const release = judgeRelease(ask(scene));
  expect(release.ok ? 'released' : release.fault.code).toBe(expected);
  if (release.ok) {
    expect(release.value.secrets).toEqual({
      target: { namespace: 'data', name: 'orders-db' },
      username: 'agent',
      password: 'hunter2',
      authorities: [],
    });
  } else {
    expect(release.fault.message).toMatch(/\.$/);
    expect(JSON.stringify(release.fault)).not.toMatch(/hunter2/);
  }
});

test('a suspended AgentAccess keeps its door, with nothing behind it', () => {
  const release = judgeRelease(ask({ access: { suspend: true } }));
  expect(release).toMatchObject({ ok: true, value: { secrets: undefined } });
});
