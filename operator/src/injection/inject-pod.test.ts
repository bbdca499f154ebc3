import { expect, test } from '@jest/globals';
import { LOCKED_TEMPLATE, TEMPLATE } from '../fixture/gated-pod.ts';
import { GOLDEN_PODS } from '../fixture/golden-pods.ts';
import { pod } from '../fixture/resources.ts';
import { injectEphemeral, injectPod } from './inject-pod.ts';
import { checkInjection } from './injection-check.ts';

const FACTS = { name: 'agents', keepsTokens: false };

test.each(Object.entries(GOLDEN_PODS))('%s passes the check, and injecting again changes nothing', (name, spec) => {
  const facts = { ...FACTS, keepsTokens: name.endsWith('with-token') };
  const template = name.endsWith('locked') ? LOCKED_TEMPLATE : TEMPLATE;
  const once = injectPod(pod({}, spec), template, facts);
  expect(checkInjection(once, template)).toEqual({ ok: true, value: undefined });
  expect(injectPod(once, template, facts)).toEqual(once);
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

test('a pod that has its gate gets the lock before it', () => {
  const gated = injectPod(pod(), TEMPLATE, FACTS);
  const locked = injectPod(gated, LOCKED_TEMPLATE, FACTS);
  expect(locked.spec.initContainers?.map(({ name }) => name)).toEqual(['sidegate-lock', 'sidegate']);
});

test('a debugging container is confined as its pod was made, whatever is set by now', () => {
  const debug = (made: typeof TEMPLATE, now: typeof TEMPLATE): unknown => {
    const { spec, ...rest } = injectPod(pod(), made, FACTS);
    const debugged = injectEphemeral({ ...rest, spec: { ...spec, ephemeralContainers: [DEBUG] } }, now, FACTS);
    return debugged.spec.ephemeralContainers?.[0]?.securityContext;
  };
  expect(debug(LOCKED_TEMPLATE, TEMPLATE)).toEqual({
    capabilities: { drop: ['NET_RAW', 'SETUID'] },
    allowPrivilegeEscalation: false,
  });
  expect(debug(TEMPLATE, LOCKED_TEMPLATE)).toEqual({ capabilities: { drop: ['NET_RAW'] } });
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
