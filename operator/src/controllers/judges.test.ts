import { expect, test } from '@jest/globals';
import { GateBoard } from '../control/gate-board.ts';
import { gatedPod } from '../fixture/gated-pod.ts';
import { type MemoryCluster, memoryCluster } from '../fixture/memory-cluster.ts';
import {
  accessObject,
  agentsNamespace,
  namespaceObject,
  pod,
  policyObject,
  secret,
  targetObject,
} from '../fixture/resources.ts';
import { GateBundles } from '../gate-bundle.ts';
import { GateTally } from '../gate-tally.ts';
import type { ApiObject } from '../kube/api-object.ts';
import { agentAccessJudge, policyJudge, targetJudge } from './judges.ts';
import type { Judge } from './status-controller.ts';

interface Bench {
  readonly cluster: MemoryCluster;
  readonly bundles: GateBundles;
  readonly board: GateBoard;
  readonly judges: Readonly<Record<'Target' | 'AgentAccess' | 'Policy', Judge>>;
}

function start(...objects: readonly ApiObject[]): Bench {
  const cluster = memoryCluster();
  cluster.put(
    agentsNamespace(),
    namespaceObject('data'),
    targetObject(),
    accessObject(),
    secret(),
    policyObject(),
    ...objects,
  );
  const bundles = new GateBundles(cluster.state);
  const board = new GateBoard(() => {});
  const tally = new GateTally(cluster.state, bundles, board);
  const judges = {
    Target: targetJudge(cluster.state),
    AgentAccess: agentAccessJudge(cluster.state, tally),
    Policy: policyJudge(cluster.state, tally),
  };
  return { cluster, bundles, board, judges };
}

function shown({ judges }: Bench, kind: keyof Bench['judges'], key: string): string {
  const finding = judges[kind].judge(key);
  if (finding === undefined) return 'none';
  const counts = Object.entries(finding.counts ?? {}).map(([name, count]) => `${name}=${count}`);
  return [...finding.verdicts.map(({ type, status, reason }) => `${type}=${status} ${reason}`), ...counts].join(', ');
}

/** The gate of a pod says that it runs on what it should, or on something else. */
function gate(
  { bundles, board }: Bench,
  name: string,
  said: { version?: string; recording?: boolean; refuses?: string; blocked?: readonly string[] } = {},
): void {
  const bundle = bundles.bundleFor(gatedPod({ name }));
  const current = bundle.kind === 'Bundle' ? bundle.content.version : '';
  board.set(gatedPod({ name }).metadata.uid, {
    namespace: 'agents',
    pod: name,
    version: said.version ?? current,
    refusal: said.refuses === undefined ? undefined : { version: current, messages: [said.refuses] },
    recording: said.recording ?? true,
    blocked: said.blocked ?? [],
  });
}

const ACCESS = 'agents/support-bot';

test('counts the gates of an AgentAccess by what they last said', () => {
  const bench = start(
    gatedPod(),
    gatedPod({ name: 'bot-2' }),
    gatedPod({ name: 'other', labels: { app: 'x' } }),
    gatedPod({ name: 'over' }, {}, 'Failed'),
  );
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(
    /Programmed=False NotConnected, Recorded=Unknown NotConnected, gates=2, programmedGates=0$/,
  );
  gate(bench, 'bot-1');
  gate(bench, 'bot-2', { version: 'old' });
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(
    /Programmed=False Pending, Recorded=True Recording, gates=2, programmedGates=1$/,
  );
  gate(bench, 'bot-2', { recording: false });
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(
    /Programmed=True Programmed, Recorded=False StoreUnreachable, gates=2, programmedGates=2$/,
  );
  gate(bench, 'bot-2', { blocked: ['orders-db.data.svc:5432'] });
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/Programmed=False DoorBlocked/);
  gate(bench, 'bot-2', { blocked: ['another-db.data.svc:5432'] });
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/Programmed=True Programmed/);
  gate(bench, 'bot-2', { version: 'old', refuses: 'No port.' });
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/Programmed=False Refused/);
  bench.cluster.put(secret({ password: 'rotated' }));
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/Programmed=False Pending.*programmedGates=0$/);
});

test('a pod without its gate is told apart', () => {
  const bench = start(gatedPod(), pod({ name: 'bare' }));
  gate(bench, 'bot-1');
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/^Ready=False PodsWithoutGate.*gates=1, programmedGates=1$/);
});

test('an AgentAccess that another one overlaps says so, and the other does not', () => {
  const bench = start(
    accessObject({ podSelector: {} }, { name: 'younger', created: '2026-03-01T00:00:00Z' }),
    gatedPod(),
  );
  gate(bench, 'bot-1');
  expect(shown(bench, 'AgentAccess', 'agents/younger')).toMatch(/^Ready=False Overlapped/);
  expect(shown(bench, 'AgentAccess', ACCESS)).toMatch(/^Ready=True/);
});

test.each([
  ['an unknown issuer', accessObject({ identity: { source: 'Token', issuers: ['corporat'] } }), 'IssuerNotFound'],
  ['a Target that is not there', accessObject({ targetRefs: [{ namespace: 'data', name: 'x' }] }), 'TargetNotFound'],
  [
    'a Policy that does not compile',
    policyObject({ rules: [{ name: 'r', when: '(', action: 'Deny' }] }),
    'PolicyInvalid',
  ],
  ['a suspension', accessObject({ suspend: true }), 'Suspended'],
])('an AgentAccess with %s', (_, object, reason) => {
  expect(shown(start(object), 'AgentAccess', ACCESS)).toMatch(new RegExp(`^Ready=False ${reason}`));
});

test('a Policy counts the gates that it concerns', () => {
  const bench = start(
    gatedPod(),
    policyObject({ selector: { targetRefs: [{ name: 'x' }] } }, { name: 'of-nothing' }),
    policyObject({ rules: [{ name: 'r', when: '(', action: 'Deny' }] }, { name: 'broken', namespace: 'elsewhere' }),
  );
  expect(shown(bench, 'Policy', 'data/guard')).toBe(
    'Ready=False Pending, Accepted=True Accepted, Enforced=False Pending',
  );
  gate(bench, 'bot-1');
  expect(shown(bench, 'Policy', 'data/guard')).toBe('Ready=True Ready, Accepted=True Accepted, Enforced=True Enforced');
  expect(shown(bench, 'Policy', 'data/of-nothing')).toBe(
    'Ready=False TargetNotFound, Accepted=False TargetNotFound, Enforced=True NoGates',
  );
  expect(shown(bench, 'Policy', 'elsewhere/broken')).toMatch(
    /^Ready=False InvalidCondition.*Enforced=False NotAccepted$/,
  );
});

test('a Target says what keeps it shut', () => {
  const bench = start();
  expect(shown(bench, 'Target', 'data/orders-db')).toBe(
    'Ready=True Ready, Accepted=True Accepted, CredentialReady=True CredentialFound',
  );
  bench.cluster.remove(secret());
  expect(shown(bench, 'Target', 'data/orders-db')).toMatch(/^Ready=False SecretNotFound/);
  bench.cluster.put(agentsNamespace('data'));
  expect(shown(bench, 'Target', 'data/orders-db')).toMatch(/^Ready=False AgentsInNamespace/);
});

test('what is not there is not judged', () => {
  const bench = start();
  for (const kind of ['Target', 'AgentAccess', 'Policy'] as const) expect(shown(bench, kind, 'x/y')).toBe('none');
});
