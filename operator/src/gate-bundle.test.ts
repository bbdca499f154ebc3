import { expect, test } from '@jest/globals';
import { gatedPod } from './fixture/gated-pod.ts';
import { type MemoryCluster, memoryCluster } from './fixture/memory-cluster.ts';
import {
  accessObject,
  agentsNamespace,
  namespaceObject,
  pod,
  policyObject,
  secret,
  targetObject,
} from './fixture/resources.ts';
import { type GateBundle, GateBundles } from './gate-bundle.ts';
import type { Pod } from './kinds.ts';
import type { ApiObject } from './kube/api-object.ts';

const POD = gatedPod();

function start(...objects: readonly ApiObject[]): { readonly cluster: MemoryCluster; readonly bundles: GateBundles } {
  const cluster = memoryCluster();
  cluster.put(agentsNamespace(), namespaceObject('data'), targetObject(), accessObject(), secret(), ...objects);
  return { cluster, bundles: new GateBundles(cluster.state) };
}

function bundleOf(bundles: GateBundles, of: Pod = POD): GateBundle {
  const bundle = bundles.bundleFor(of);
  if (bundle.kind !== 'Bundle') throw new Error(bundle.why);
  return bundle;
}

function doorsOf(bundle: GateBundle): readonly string[] {
  return bundle.content.doors.map(
    ({ access, target }) => `${access.namespace}/${access.name} -> ${target.namespace}/${target.name}`,
  );
}

test('a gate gets the Targets of its pod, on addresses of their own, with their secrets', () => {
  const { bundles } = start();
  const { content, refusals } = bundleOf(bundles);
  expect(refusals).toEqual([]);
  expect(content).toMatchObject({
    operatorNamespace: 'sidegate',
    namespaceLabels: { agents: { 'sidegate.dev/injection': 'enabled' } },
    issuers: [{ name: 'corporate' }],
    secrets: [
      { target: { namespace: 'data', name: 'orders-db' }, username: 'agent', password: 'hunter2', authorities: [] },
    ],
  });
  expect(content.doors).toHaveLength(1);
  expect(content.doors[0]?.listen).toEqual({ host: expect.stringMatching(/^127\.64\.\d+\.\d+$/), port: 5432 });
  expect(content.resources.targets[0]?.metadata).toEqual({
    name: 'orders-db',
    namespace: 'data',
    uid: 'uid-of-data-orders-db',
    generation: 1,
  });
});

test('annotations of the pod are claims; pods that claim other things have other bundles', () => {
  const { bundles } = start();
  const annotated = (run: string): Pod => {
    const { metadata, ...rest } = gatedPod();
    const annotations = { 'sidegate.dev/run': run, 'sidegate.dev/on-behalf-of': 'ann', 'other.dev/run': 'x' };
    return { ...rest, metadata: { ...metadata, annotations } };
  };
  const first = bundleOf(bundles, annotated('r1'));
  expect(first.content.claims).toEqual({ run: 'r1', onBehalfOf: 'ann' });
  expect(bundleOf(bundles, annotated('x'.repeat(1_000))).content.claims?.run).toHaveLength(256);
  expect(bundleOf(bundles, annotated('r2')).content.version).not.toBe(first.content.version);
  expect(bundleOf(bundles).content.claims).toBeUndefined();
});

test('no other Target, AgentAccess, Secret or Policy is in it', () => {
  const { bundles } = start(
    targetObject({ host: 'other.data.svc', credential: { secretRef: { name: 'other' } } }, { name: 'other' }),
    secret({ password: 'swordfish', hosts: 'other.data.svc' }, { name: 'other' }),
    accessObject(
      { podSelector: { matchLabels: { app: 'other' } }, targetRefs: [{ namespace: 'data', name: 'other' }] },
      { name: 'other-bot' },
    ),
    policyObject({ selector: { targetRefs: [{ name: 'other' }] } }, { name: 'other-guard' }),
    policyObject({}, { name: 'elsewhere', namespace: 'elsewhere' }),
    policyObject({}, { name: 'guard' }),
    policyObject({}, { name: 'own', namespace: 'agents' }),
    policyObject({}, { name: 'cluster', namespace: 'sidegate' }),
  );
  const { content } = bundleOf(bundles);
  const text = JSON.stringify(content);
  for (const word of ['swordfish', 'other', 'elsewhere']) expect(text).not.toContain(word);
  expect(content.resources.policies.map(({ metadata }) => metadata.name)).toEqual(['own', 'guard', 'cluster']);
});

test.each([
  ['no AgentAccess selects the pod', gatedPod({ labels: {} })],
  ['the pod has no gate', pod()],
  ['the pod has ended', gatedPod({}, {}, 'Succeeded')],
  ['the pod is in a namespace without the label', gatedPod({ namespace: 'data' })],
])('nothing is open when %s', (_, of) => {
  const { content } = bundleOf(start().bundles, of);
  expect(content).toMatchObject({
    doors: [],
    secrets: [],
    issuers: [],
    resources: { targets: [], accesses: [], policies: [] },
  });
});

test('where the rules are more than a gate reads nothing is open: refused, it would go on with those of before', () => {
  const tables = Array.from({ length: 256 }, (_, index) => ({ name: `public.${'x'.repeat(233)}${index}` }));
  const long = (name: string): ApiObject =>
    policyObject(
      {
        rules: Array.from({ length: 16 }, (_, index) => ({
          name: `r${index}`,
          action: 'Deny',
          match: { postgres: { tables } },
        })),
      },
      { name, namespace: 'agents' },
    );
  const many = Array.from({ length: 16 }, (_, index) => long(`p${index}`));
  const { cluster, bundles } = start(...many.slice(1));
  const before = bundleOf(bundles);
  expect([before.refusals, before.content.doors.length]).toEqual([[], 1]);
  cluster.put(...many);
  cluster.state.changed();
  const { content, refusals } = bundleOf(bundles);
  expect(refusals).toMatchObject([
    { access: 'agents/support-bot', target: 'data/orders-db', fault: { code: 'TooLarge' } },
  ]);
  expect(content).toMatchObject({ doors: [], secrets: [], resources: { targets: [], accesses: [], policies: [] } });
});

test('pods that are alike share a bundle; another service account has its own', () => {
  const { bundles } = start();
  const one = bundles.bundleFor(gatedPod({ name: 'a' }));
  expect(bundles.bundleFor(gatedPod({ name: 'b' }))).toBe(one);
  expect(bundles.bundleFor(gatedPod({ name: 'c' }, { serviceAccountName: 'other' }))).not.toBe(one);
});

test('equal content has an equal version; a rotated password has another', () => {
  const { cluster, bundles } = start();
  const first = bundleOf(bundles).content.version;
  cluster.state.changed();
  expect(bundleOf(bundles).content.version).toBe(first);
  cluster.put(secret({ password: 'hunter3' }));
  const second = bundleOf(bundles).content;
  expect(second.version).not.toBe(first);
  expect(second.secrets[0]?.password).toBe('hunter3');
  cluster.put(secret());
  expect(bundleOf(bundles).content.version).toBe(first);
});

test('the order in which objects were seen changes nothing', () => {
  const objects = [
    accessObject({ podSelector: {} }, { name: 'second' }),
    policyObject({}, { name: 'a' }),
    policyObject({}, { name: 'b', namespace: 'agents' }),
    targetObject({ host: 'other.data.svc' }, { name: 'other' }),
  ];
  const version = (seen: readonly ApiObject[]): string => bundleOf(start(...seen).bundles).content.version;
  expect(version(objects.toReversed())).toBe(version(objects));
});

test('while a namespace is not read the gate keeps what it has', () => {
  const { cluster, bundles } = start();
  cluster.unread.add('data');
  cluster.state.changed();
  expect(bundles.bundleFor(POD)).toMatchObject({ kind: 'Withheld' });
  cluster.unread.delete('data');
  cluster.state.changed();
  expect(doorsOf(bundleOf(bundles))).toEqual(['agents/support-bot -> data/orders-db']);
});

test('a Target that may not be used is closed, and the others stay open', () => {
  const { bundles } = start(
    accessObject({
      targetRefs: [
        { namespace: 'data', name: 'orders-db' },
        { namespace: 'data', name: 'x' },
      ],
    }),
  );
  const bundle = bundleOf(bundles);
  expect(doorsOf(bundle)).toEqual(['agents/support-bot -> data/orders-db']);
  expect(bundle.refusals).toMatchObject([
    { access: 'agents/support-bot', target: 'data/x', fault: { code: 'NotFound' } },
  ]);
});

test('of two AgentAccesses that open the same in one pod the older one does', () => {
  const { bundles } = start(accessObject({ podSelector: {} }, { name: 'a-newer', created: '2026-02-01T00:00:00Z' }));
  const bundle = bundleOf(bundles);
  expect(doorsOf(bundle)).toEqual(['agents/support-bot -> data/orders-db']);
  expect(bundle.refusals).toMatchObject([{ access: 'agents/a-newer', fault: { code: 'Overlapped' } }]);
});

test.each([
  ['beside the Target', policyObject({ rules: [{ name: 'r', when: 'command.(', action: 'Deny' }] })],
  [
    'beside the agents',
    policyObject({ rules: [{ name: 'r', when: 'command.(', action: 'Deny' }] }, { namespace: 'agents' }),
  ],
  [
    'of the cluster',
    policyObject({ rules: [{ name: 'r', when: 'command.(', action: 'Deny' }] }, { namespace: 'sidegate' }),
  ],
])('a Policy %s that does not compile closes what it speaks for', (_, policy) => {
  const { cluster, bundles } = start(policy);
  expect(bundleOf(bundles).refusals[0]?.fault.code).toBe('PolicyInvalid');
  const elsewhere = {
    ...policy,
    spec: { ...Object(policy['spec']), selector: { targetRefs: [{ namespace: 'data', name: 'other' }] } },
  };
  cluster.put({ ...elsewhere, metadata: { ...policy.metadata, resourceVersion: 'next' } });
  expect(doorsOf(bundleOf(bundles))).toHaveLength(1);
});

test.each([
  [
    'a Target of the same host and port that is younger',
    targetObject({}, { name: 'copy', created: '2026-02-01T00:00:00Z' }),
    1,
  ],
  ['one that is older', targetObject({}, { name: 'copy', created: '2025-01-01T00:00:00Z' }), 0],
  [
    'one that is older, at another port',
    targetObject({ port: 5433 }, { name: 'copy', created: '2025-01-01T00:00:00Z' }),
    1,
  ],
  [
    'one that is older, where agents run',
    targetObject({}, { name: 'copy', namespace: 'agents', created: '2025-01-01T00:00:00Z' }),
    1,
  ],
] as const)('doors beside %s', (_, other, doors) => {
  expect(bundleOf(start(other).bundles).content.doors).toHaveLength(doors);
});

test.each([
  ['has', 'True', 1],
  ['does not have', 'False', 0],
])('of two Targets of the same second the one that %s the host keeps it', (_, status, doors) => {
  const held = { ...targetObject(), status: { conditions: [{ type: 'Accepted', status }] } };
  const { bundles } = start(held, targetObject({}, { name: 'a-copy' }));
  expect(bundleOf(bundles).content.doors).toHaveLength(doors);
});

test('a Target moved to a namespace of agents closes', () => {
  const { cluster, bundles } = start();
  expect(bundleOf(bundles).content.doors).toHaveLength(1);
  cluster.put(agentsNamespace('data'));
  expect(bundleOf(bundles).refusals[0]?.fault.code).toBe('NotAccepted');
});

test('however many Targets and Policies others have, all are gone through once for a change', () => {
  const { cluster, bundles } = start();
  for (let index = 0; index < 50; index += 1) {
    cluster.put(targetObject({ host: `h${index}.other.svc` }, { name: `t${index}`, namespace: 'other' }));
    cluster.put(policyObject({}, { name: `p${index}`, namespace: 'other' }));
  }
  let reads = 0;
  const { indexes } = cluster.state;
  for (const index of [indexes.targets, indexes.policies, indexes.accesses]) {
    Object.defineProperty(index, 'all', {
      get: () => {
        reads += 1;
        return Reflect.get(Object.getPrototypeOf(index), 'all', index);
      },
    });
  }
  cluster.state.changed();
  for (const name of ['a', 'b', 'c']) expect(bundleOf(bundles, gatedPod({ name })).content.doors).toHaveLength(1);
  expect(reads).toBeLessThan(6);
});
