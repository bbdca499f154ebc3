import { expect, test } from '@jest/globals';
import { TEMPLATE } from '../fixture/gated-pod.ts';
import { GOLDEN_PODS } from '../fixture/golden-pods.ts';
import { pod } from '../fixture/resources.ts';
import { injectEphemeral, injectPod } from './inject-pod.ts';
import { checkInjection } from './injection-check.ts';

const FACTS = { name: 'agents', keepsTokens: false };

test.each(Object.entries(GOLDEN_PODS))('%s passes the check, and injecting again changes nothing', (name, spec) => {
  const facts = { ...FACTS, keepsTokens: name.endsWith('with-token') };
  const once = injectPod(pod({}, spec), TEMPLATE, facts);
  expect(checkInjection(once, TEMPLATE)).toEqual({ ok: true, value: undefined });
  expect(injectPod(once, TEMPLATE, facts)).toEqual(once);
});

test.each([
  ['a container', { containers: [{ name: 'sidegate', image: 'own' }] }, 'NoGate'],
  ['a gate of its own', { initContainers: [{ name: 'sidegate', image: 'sidegate:2' }] }, 'GateChanged'],
  ['a state volume', { volumes: [{ name: 'sidegate-state', hostPath: { path: '/x' } }] }, 'VolumeChanged'],
  [
    'a mount of the gate’s token',
    {
      containers: [
        {
          name: 'agent',
          image: 'own',
          securityContext: { runAsUser: 1 },
          volumeMounts: [{ name: 'sidegate-gate', mountPath: '/x' }],
        },
      ],
    },
    'AgentOpen',
  ],
])('a pod that brings %s of our name does not pass the check afterwards', (_, spec, expected) => {
  const checked = checkInjection(injectPod(pod({}, spec), TEMPLATE, FACTS), TEMPLATE);
  expect(checked.ok ? 'ok' : checked.fault.code).toBe(expected);
});

const DEBUG = { name: 'debug', image: 'busybox' };

test('a debugging container gets what agents get, in a pod with a gate', () => {
  const gated = injectPod(pod(), TEMPLATE, FACTS);
  const debugged = injectEphemeral(
    { ...gated, spec: { ...gated.spec, ephemeralContainers: [DEBUG] } },
    TEMPLATE,
    FACTS,
  );
  expect(debugged.spec.ephemeralContainers?.[0]).toMatchObject({ volumeMounts: TEMPLATE.agent.mounts });
});

test('a debugging container in a pod without a gate stays as it is', () => {
  const plain = pod({}, { ephemeralContainers: [DEBUG] });
  expect(injectEphemeral(plain, TEMPLATE, FACTS)).toBe(plain);
});
