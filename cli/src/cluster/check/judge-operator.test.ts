import { expect, test } from '@jest/globals';
import type { ClusterPod, Definition, Workload } from './cluster-objects.ts';
import { judgeDefinition, judgeLeader, judgeStore, judgeWorkload } from './judge-operator.ts';

const NAMESPACE = 'sidegate-system';
const V1ALPHA1 = { name: 'v1alpha1', served: true, storage: true };

test.each<readonly [string, Definition | undefined, string]>([
  ['established', definition([V1ALPHA1], 'True'), 'ok'],
  ['not established', definition([V1ALPHA1], 'False'), 'fail'],
  ['of another version', definition([{ ...V1ALPHA1, name: 'v1alpha0' }], 'True'), 'fail'],
  ['not served', definition([{ ...V1ALPHA1, served: false }], 'True'), 'fail'],
  ['stored otherwise', definition([{ ...V1ALPHA1, storage: false }], 'True'), 'fail'],
  ['missing', undefined, 'fail'],
])('a definition that is %s', (_name, given, level) => {
  expect(judgeDefinition('targets.sidegate.dev', given).level).toBe(level);
});

test.each<readonly [string, Workload | undefined, string]>([
  ['all ready', workload(2, { readyReplicas: 2, updatedReplicas: 2, observedGeneration: 3 }), 'ok'],
  ['one ready', workload(2, { readyReplicas: 1, updatedReplicas: 2, observedGeneration: 3 }), 'warn'],
  ['one of an older form', workload(2, { readyReplicas: 2, updatedReplicas: 1, observedGeneration: 3 }), 'warn'],
  ['not seen yet', workload(2, { readyReplicas: 2, updatedReplicas: 2, observedGeneration: 2 }), 'warn'],
  ['none ready', workload(2, { updatedReplicas: 2, observedGeneration: 3 }), 'fail'],
  ['scaled to nothing', workload(0, { observedGeneration: 3 }), 'fail'],
  ['missing', undefined, 'fail'],
])('replicas: %s', (_name, given, level) => {
  expect(judgeWorkload('operator', given, NAMESPACE).level).toBe(level);
});

test.each<readonly [string, readonly ClusterPod[], string]>([
  ['one', [pod('a', 'true'), pod('b')], 'ok'],
  ['one that is not ready', [pod('a', 'true', 'False'), pod('b')], 'fail'],
  ['none', [pod('a'), pod('b')], 'fail'],
  ['two', [pod('a', 'true'), pod('b', 'true')], 'fail'],
  ['one, and one that goes', [pod('a', 'true'), going(pod('b', 'true'))], 'ok'],
  ['one that goes', [going(pod('a', 'true')), pod('b')], 'fail'],
])('leaders: %s', (_name, pods, level) => {
  expect(judgeLeader(pods, NAMESPACE).level).toBe(level);
});

test.each<readonly [string, Workload | undefined, string | undefined, string]>([
  ['ready', ready(), 'https://sidegate-store.sidegate-system.svc:8443', 'ok'],
  ['missing', undefined, 'https://sidegate-store.sidegate-system.svc:8443', 'fail'],
  ['elsewhere', undefined, 'https://store.example.com', 'ok'],
  ['nowhere', undefined, undefined, 'fail'],
  ['nowhere that can be read', undefined, 'store', 'fail'],
])('a store that is %s', (_name, store, url, level) => {
  expect(judgeStore(store, url, NAMESPACE).level).toBe(level);
});

function definition(versions: readonly (typeof V1ALPHA1)[], established: string): Definition {
  const conditions = [{ type: 'Established', status: established }];
  return { metadata: { name: 'targets.sidegate.dev' }, spec: { versions }, status: { conditions } };
}

function workload(replicas: number, status: NonNullable<Workload['status']>): Workload {
  return { metadata: { name: 'sidegate-operator', generation: 3 }, spec: { replicas }, status };
}

function ready(): Workload {
  return workload(1, { readyReplicas: 1, updatedReplicas: 1, observedGeneration: 3 });
}

function pod(name: string, leader?: string, isReady = 'True'): ClusterPod {
  return {
    metadata: { name, ...(leader === undefined ? {} : { labels: { 'sidegate.dev/leader': leader } }) },
    status: { conditions: [{ type: 'Ready', status: isReady }] },
  };
}

function going(one: ClusterPod): ClusterPod {
  return { ...one, metadata: { ...one.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
}
