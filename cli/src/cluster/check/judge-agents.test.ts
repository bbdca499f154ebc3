import { expect, test } from '@jest/globals';
import type { ClusterPod, Judged } from './cluster-objects.ts';
import { judgeNamespace, judgeResource } from './judge-agents.ts';

const GATE = { name: 'sidegate', restartPolicy: 'Always' };

test.each<readonly [string, readonly ClusterPod[], readonly string[]]>([
  ['with a gate', [pod('a', [GATE], true)], ['ok']],
  ['without one', [pod('a', [GATE], true), pod('b', [])], ['warn']],
  ['whose gate is no sidecar', [pod('a', [{ name: 'sidegate' }], true)], ['warn']],
  ['whose gate has not started', [pod('a', [GATE], false)], ['warn']],
  ['of both kinds', [pod('a', [GATE], false), pod('b', [])], ['warn', 'warn']],
  ['without one that has ended', [pod('a', [], false, 'Succeeded')], ['ok']],
  ['none', [], ['ok']],
])('pods: %s', (_name, pods, levels) => {
  expect(judgeNamespace('agents', pods).map(({ level }) => level)).toEqual(levels);
});

test('a pod without a gate is named', () => {
  const [found] = judgeNamespace('agents', [pod('a', [GATE], true), pod('b', [])]);
  expect(found).toMatchObject({ what: 'namespace agents', why: '1 of 2 pods have no gate: b' });
});

test.each<readonly [string, Judged, string]>([
  ['Ready', resource('True', 'Ready'), 'ok'],
  ['not Ready', resource('False', 'CredentialMissing'), 'fail'],
  ['suspended', resource('False', 'Suspended'), 'warn'],
  ['unknown', resource('Unknown', 'NotResolved'), 'warn'],
  ['Ready as it was before', resource('True', 'Ready', 1), 'warn'],
  ['not judged', { metadata: { name: 'orders', namespace: 'data', generation: 2 } }, 'fail'],
])('a Target that is %s', (_name, given, level) => {
  expect(judgeResource('Target', given).level).toBe(level);
});

test('what the operator says against a Target is told', () => {
  expect(judgeResource('Target', resource('False', 'CredentialMissing'))).toMatchObject({
    what: 'Target data/orders',
    why: 'There is no Secret orders',
    mend: 'kubectl -n data describe target.sidegate.dev orders',
  });
});

function pod(
  name: string,
  initContainers: readonly { name: string; restartPolicy?: string }[],
  started = false,
  phase = 'Running',
): ClusterPod {
  return {
    metadata: { name },
    spec: { initContainers },
    status: { phase, initContainerStatuses: initContainers.map((one) => ({ name: one.name, started })) },
  };
}

function resource(status: string, reason: string, observedGeneration = 2): Judged {
  return {
    metadata: { name: 'orders', namespace: 'data', generation: 2 },
    status: {
      observedGeneration,
      conditions: [{ type: 'Ready', status, reason, message: 'There is no Secret orders.' }],
    },
  };
}
