import { expect, test } from '@jest/globals';
import type { ClusterPod, Judged } from './cluster-objects.ts';
import { judgeNamespace, judgeResource } from './judge-agents.ts';

const LOCK = { name: 'sidegate-lock' };
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
  expect(judgeNamespace({ name: 'agents' }, pods, false).map(({ level }) => level)).toEqual(levels);
});

test('a pod without a gate is named', () => {
  const [found] = judgeNamespace({ name: 'agents' }, [pod('a', [GATE], true), pod('b', [])], false);
  expect(found).toMatchObject({ what: 'namespace agents', why: '1 of 2 pods have no gate: b' });
});

test.each<readonly [string, string | undefined, boolean, readonly ClusterPod[], readonly string[]]>([
  ['locked, of a locked pod', undefined, true, [pod('a', [LOCK, GATE], true)], ['ok']],
  ['locked, where any pod may be', 'privileged', true, [pod('a', [LOCK, GATE], true)], ['ok']],
  ['locked, of a pod that was there before', undefined, true, [pod('a', [GATE], true)], ['warn']],
  ['locked, of a lock in the wrong place', undefined, true, [pod('a', [GATE, LOCK], true)], ['warn']],
  ['locked, where no locked pod can be', 'restricted', true, [], ['fail']],
  ['locked, where no locked pod can be either', 'baseline', true, [pod('a', [GATE], true)], ['fail', 'warn']],
  ['open, where no locked pod can be', 'restricted', false, [pod('a', [GATE], true)], ['ok']],
  ['open, of a locked pod', undefined, false, [pod('a', [LOCK, GATE], true)], ['ok']],
])('egress: %s', (_name, level, locked, pods, levels) => {
  const labels = level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level };
  expect(judgeNamespace({ name: 'agents', labels }, pods, locked).map((found) => found.level)).toEqual(levels);
});

test('what refuses the lock is named, with its mend', () => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  expect(judgeNamespace({ name: 'agents', labels }, [], true)).toMatchObject([
    {
      what: 'namespace agents',
      why: expect.stringContaining('level restricted, which refuses the container sidegate-lock'),
      mend: expect.stringContaining(
        'kubectl label namespace agents --overwrite pod-security.kubernetes.io/enforce=privileged',
      ),
    },
  ]);
});

test.each([
  ['the lock, when it did not end well', 1, 'sidegate-lock'],
  ['the gate, when the lock did', 0, 'sidegate'],
])('of a pod that does not start the log is that of %s', (_name, exitCode, container) => {
  const made = pod('a', [LOCK, GATE]);
  const initContainerStatuses = [{ name: LOCK.name, state: { terminated: { exitCode } } }, { name: GATE.name }];
  const [found] = judgeNamespace(
    { name: 'agents' },
    [{ ...made, status: { ...made.status, initContainerStatuses } }],
    true,
  );
  expect(found).toMatchObject({ mend: `kubectl -n agents logs a -c ${container}` });
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
