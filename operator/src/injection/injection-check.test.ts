import { describe, expect, test } from '@jest/globals';
import { gatedPod, LOCK, LOCKED_TEMPLATE, SETTINGS, TEMPLATE } from '../fixture/gated-pod.ts';
import { pod } from '../fixture/resources.ts';
import type { Container, PodSpec, Variable, Volume } from '../kinds.ts';
import { gateTemplate } from './gate-template.ts';
import { injectPod } from './inject-pod.ts';
import { checkInjection } from './injection-check.ts';

const BASE = gatedPod().spec;
const GATE = { ...TEMPLATE.container, args: [...Object(TEMPLATE.container['args'])] };
const AGENT: Container = BASE.containers[0] ?? { name: '' };
const VOLUMES: readonly Volume[] = BASE.volumes ?? [];

const DROPPED = { capabilities: { drop: ['NET_RAW'] } };

const gate = (change: object): Partial<PodSpec> => ({ initContainers: [{ ...GATE, ...change }] });
const agent = (change: object): Partial<PodSpec> => ({ containers: [{ ...AGENT, ...change }] });
const volume = (name: string, change: object): Partial<PodSpec> => ({
  volumes: VOLUMES.map((one) => (one.name === name ? { name, ...change } : one)),
});
const extra = (added: Volume, mount = true): Partial<PodSpec> => ({
  volumes: [...VOLUMES, added],
  ...(mount ? agent({ volumeMounts: [{ name: added.name, mountPath: '/x' }] }) : {}),
});
/** A variable that the kubelet reads in a file of the volume. */
const fromFile = (volumeName: string): Variable => ({
  name: 'X',
  valueFrom: { fileKeyRef: { volumeName, path: 'last-known-good.json', key: 'X' } },
});
const token = (audience?: string, name = 'mine'): Volume => ({
  name,
  projected: { sources: [{ serviceAccountToken: { path: 't', ...(audience === undefined ? {} : { audience }) } }] },
});

// Each refusal stands beside the neighbour that is let through.
const CASES: readonly (readonly [what: string, change: Partial<PodSpec>, expected: string])[] = [
  ['as injected', {}, 'ok'],
  ['no gate', { initContainers: [] }, 'NoGate'],
  ['a second gate', { initContainers: [GATE, GATE] }, 'NoGate'],
  ['a container of the same name', { containers: [AGENT, { ...AGENT, name: 'sidegate' }] }, 'NoGate'],
  ['an ephemeral container of the same name', { ephemeralContainers: [{ ...AGENT, name: 'sidegate' }] }, 'NoGate'],
  ['the gate after another init container', { initContainers: [{ ...AGENT, name: 'first' }, GATE] }, 'NoGate'],
  ['the gate before another init container', { initContainers: [GATE, { ...AGENT, name: 'second' }] }, 'ok'],
  ['another image', gate({ image: 'sidegate:3' }), 'GateChanged'],
  ['the image of the version before', gate({ image: 'sidegate:1' }), 'ok'],
  ['a command', gate({ command: ['sh'] }), 'GateChanged'],
  ['arguments', gate({ args: ['--x'] }), 'GateChanged'],
  ['a variable', gate({ env: [{ name: 'NODE_OPTIONS', value: '--inspect' }] }), 'GateChanged'],
  ['variables from a ConfigMap', gate({ envFrom: [{ configMapRef: { name: 'x' } }] }), 'GateChanged'],
  ['no variables', gate({ env: [] }), 'GateChanged'],
  ['another store', gate({ args: GATE['args'].with(3, 'https://store.test') }), 'GateChanged'],
  ['another name server', gate({ args: GATE['args'].with(5, '192.0.2.1') }), 'GateChanged'],
  ['another root', gate({ env: [{ ...GATE.env?.[0], value: 'x' }, GATE.env?.[1]] }), 'GateChanged'],
  ['a port', gate({ ports: [{ containerPort: 80 }] }), 'GateChanged'],
  ['a probe that runs a program', gate({ livenessProbe: { exec: { command: ['sh'] } } }), 'GateChanged'],
  ['another start-up probe', gate({ startupProbe: { exec: { command: ['sh'] } } }), 'GateChanged'],
  ['a file that the kubelet shows', gate({ terminationMessagePath: '/var/run/secrets/sidegate/token' }), 'GateChanged'],
  ['a field that nobody knows yet', gate({ somethingNew: true }), 'GateChanged'],
  ['an image policy of its own', gate({ imagePullPolicy: 'Always' }), 'ok'],
  ['empty ports', gate({ ports: [] }), 'ok'],
  ['a lifecycle hook', gate({ lifecycle: { postStart: { exec: { command: ['sh'] } } } }), 'GateChanged'],
  ['resources that a LimitRanger set', gate({ resources: { limits: { cpu: '1' } } }), 'ok'],
  ['a restart policy of its own', gate({ restartPolicy: undefined }), 'GateChanged'],
  ['another user', gate({ securityContext: { ...GATE.securityContext, runAsUser: 0 } }), 'GateChanged'],
  [
    'a writable root',
    gate({ securityContext: { ...GATE.securityContext, readOnlyRootFilesystem: false } }),
    'GateChanged',
  ],
  [
    'a capability',
    gate({ securityContext: { ...GATE.securityContext, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } } }),
    'GateChanged',
  ],
  ['privileged', gate({ securityContext: { ...GATE.securityContext, privileged: true } }), 'GateChanged'],
  [
    'one more mount',
    gate({ volumeMounts: [...(GATE.volumeMounts ?? []), { name: 'x', mountPath: '/app' }] }),
    'GateChanged',
  ],
  [
    'no seccomp profile',
    gate({ securityContext: { ...GATE.securityContext, seccompProfile: { type: 'Unconfined' } } }),
    'GateChanged',
  ],
  ['a state volume on disk', volume('sidegate-state', { emptyDir: {} }), 'VolumeChanged'],
  [
    'a state volume of another size',
    volume('sidegate-state', { emptyDir: { medium: 'Memory', sizeLimit: '1Ki' } }),
    'VolumeChanged',
  ],
  ['a state volume as injected', volume('sidegate-state', { emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }), 'ok'],
  ['a spool on the host', volume('sidegate-spool', { hostPath: { path: '/x' } }), 'VolumeChanged'],
  ['no spool', { volumes: VOLUMES.filter(({ name }) => name !== 'sidegate-spool') }, 'VolumeChanged'],
  ['a state volume on the host', volume('sidegate-state', { hostPath: { path: '/x' } }), 'VolumeChanged'],
  [
    'a state volume of two sources',
    volume('sidegate-state', { emptyDir: { medium: 'Memory' }, hostPath: { path: '/x' } }),
    'VolumeChanged',
  ],
  ['no token volume', { volumes: VOLUMES.filter(({ name }) => name !== 'sidegate-gate') }, 'VolumeChanged'],
  [
    'a token volume of the agent’s audience',
    volume('sidegate-gate', { projected: VOLUMES[1]?.projected }),
    'VolumeChanged',
  ],
  ['the host network', { hostNetwork: true }, 'PodOpen'],
  ['no host network', { hostNetwork: false }, 'ok'],
  ['the host processes', { hostPID: true }, 'PodOpen'],
  ['shared processes', { shareProcessNamespace: true }, 'PodOpen'],
  [
    'an agent with the gate’s token',
    agent({ volumeMounts: [{ name: 'sidegate-gate', mountPath: '/x' }] }),
    'AgentOpen',
  ],
  [
    'an agent with the gate’s state',
    agent({ volumeMounts: [{ name: 'sidegate-state', mountPath: '/x' }] }),
    'AgentOpen',
  ],
  [
    'an agent with the gate’s spool',
    agent({ volumeMounts: [{ name: 'sidegate-spool', mountPath: '/x', readOnly: true }] }),
    'AgentOpen',
  ],
  [
    'an agent that may write the trusted authorities',
    agent({ volumeMounts: [{ name: 'sidegate-trust', mountPath: '/x' }] }),
    'AgentOpen',
  ],
  [
    'an agent that reads the trusted authorities',
    agent({ volumeMounts: [{ name: 'sidegate-trust', mountPath: '/x', readOnly: true }] }),
    'ok',
  ],
  [
    'an init agent with the gate’s state',
    { initContainers: [GATE, { ...AGENT, volumeMounts: [{ name: 'sidegate-state', mountPath: '/x' }] }] },
    'AgentOpen',
  ],
  [
    'an ephemeral agent with the gate’s state',
    { ephemeralContainers: [{ ...AGENT, volumeMounts: [{ name: 'sidegate-state', mountPath: '/x' }] }] },
    'AgentOpen',
  ],
  ['an agent with a variable of the gate’s state', agent({ env: [fromFile('sidegate-state')] }), 'AgentOpen'],
  ['an agent with a variable of its own file', agent({ env: [fromFile('own')] }), 'ok'],
  [
    'a debugging container with a variable of the gate’s spool',
    { ephemeralContainers: [{ ...AGENT, name: 'debug', env: [fromFile('sidegate-spool')] }] },
    'AgentOpen',
  ],
  ['an agent with the gate’s user', agent({ securityContext: { ...DROPPED, runAsUser: 64_732 } }), 'AgentOpen'],
  ['an agent with a user near it', agent({ securityContext: { ...DROPPED, runAsUser: 64_731 } }), 'ok'],
  ['an agent that states no user', agent({ securityContext: DROPPED }), 'AgentOpen'],
  [
    'an agent whose pod states the user',
    { ...agent({ securityContext: DROPPED }), securityContext: { runAsUser: 1000 } },
    'ok',
  ],
  ['a privileged agent', agent({ securityContext: { ...DROPPED, runAsUser: 1000, privileged: true } }), 'AgentOpen'],
  [
    'an agent with a capability',
    agent({ securityContext: { runAsUser: 1000, capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] } } }),
    'AgentOpen',
  ],
  [
    'an agent with raw sockets',
    agent({ securityContext: { runAsUser: 1000, capabilities: { drop: ['CHOWN'] } } }),
    'AgentOpen',
  ],
  [
    'an agent without capabilities',
    agent({ securityContext: { runAsUser: 1000, capabilities: { drop: ['ALL'] } } }),
    'ok',
  ],
  ['the kubelet’s folder', extra({ name: 'h', hostPath: { path: '/var/lib/kubelet' } }), 'AgentOpen'],
  ['a folder in it', extra({ name: 'h', hostPath: { path: '/var/lib/kubelet/pods/' } }), 'AgentOpen'],
  ['a folder that holds it', extra({ name: 'h', hostPath: { path: '//var/./lib' } }), 'AgentOpen'],
  ['the root', extra({ name: 'h', hostPath: { path: '/' } }), 'AgentOpen'],
  [
    'the kubelet’s folder where a node has it elsewhere',
    extra({ name: 'h', hostPath: { path: '/data/kubelet' } }),
    'AgentOpen',
  ],
  ['a folder that was allowed', extra({ name: 'h', hostPath: { path: '/srv/data' } }), 'ok'],
  ['what an agent may have made a link in it', extra({ name: 'h', hostPath: { path: '/srv/data/link' } }), 'AgentOpen'],
  ['the same folder written otherwise', extra({ name: 'h', hostPath: { path: '/srv/data/' } }), 'AgentOpen'],
  ['no path', extra({ name: 'h', hostPath: {} }), 'AgentOpen'],
  ['the host’s processes as files', extra({ name: 'h', hostPath: { path: '/proc' } }), 'AgentOpen'],
  ['the sockets of what runs pods', extra({ name: 'h', hostPath: { path: '/run/containerd' } }), 'AgentOpen'],
  [
    'a certificate of the pod',
    extra({ name: 'c', projected: { sources: [{ podCertificate: { signerName: 'x', keyType: 'ED25519' } }] } }),
    'ForeignToken',
  ],
  [
    'a source that nobody knows yet',
    extra({ name: 'c', projected: { sources: [{ somethingNew: {} }] } }),
    'ForeignToken',
  ],
  [
    'authorities of the cluster',
    extra({ name: 'c', projected: { sources: [{ clusterTrustBundle: { name: 'x', path: 'ca.pem' } }] } }),
    'ok',
  ],
  [
    'a debugging container at the gate’s processes',
    { ephemeralContainers: [{ ...AGENT, name: 'debug', targetContainerName: 'sidegate' }] },
    'AgentOpen',
  ],
  [
    'a debugging container at the agent’s processes',
    { ephemeralContainers: [{ ...AGENT, name: 'debug', targetContainerName: 'agent' }] },
    'ok',
  ],
  ['a token of the gate’s audience', extra(token('sidegate-gate')), 'ForeignToken'],
  ['a token of the API server’s audience', extra(token()), 'ForeignToken'],
  ['the API server’s own volume', extra(token(undefined, 'kube-api-access-abcde')), 'ok'],
  [
    'a volume named like it, for the gate’s audience',
    extra(token('sidegate-gate', 'kube-api-access-abcde')),
    'ForeignToken',
  ],
  ['a token of another audience', extra(token('vault')), 'ForeignToken'],
  ['a token of the agent’s audience', extra(token('sidegate-agent')), 'ok'],
];

test.each(CASES)('%s', (_, change, expected) => {
  const checked = checkInjection(gatedPod({}, change), { ...TEMPLATE, hostPaths: ['/srv/data'] });
  expect(checked.ok ? 'ok' : checked.fault.code).toBe(expected);
});

/** What was made under one setting is judged under another. */
describe('a pod made before the setting', () => {
  const made = (template: typeof TEMPLATE) =>
    injectPod(pod({}, { containers: [{ ...AGENT, securityContext: { runAsUser: 1000 } }] }), template, {
      name: 'agents',
      keepsTokens: false,
    });
  const otherLock = { ...SETTINGS, lock: { image: 'sidegate-lock:1' } };
  const locked = { ...SETTINGS, lock: LOCK };
  test.each([
    ['open, and still open', TEMPLATE, TEMPLATE, 'ok'],
    ['open, and now locked', TEMPLATE, LOCKED_TEMPLATE, 'NoLock'],
    ['open, now locked, and what was open is listed', TEMPLATE, gateTemplate(locked, [SETTINGS]), 'ok'],
    ['locked, and still locked', LOCKED_TEMPLATE, LOCKED_TEMPLATE, 'ok'],
    ['locked, and now open', LOCKED_TEMPLATE, TEMPLATE, 'NoLock'],
    ['locked, now open, and what was locked is listed', LOCKED_TEMPLATE, gateTemplate(SETTINGS, [locked]), 'ok'],
    ['locked by another image', gateTemplate(otherLock), LOCKED_TEMPLATE, 'GateChanged'],
    ['locked by another image that is listed', gateTemplate(otherLock), gateTemplate(locked, [otherLock]), 'ok'],
    [
      'locked with other networks',
      gateTemplate({ ...SETTINGS, lock: { image: LOCK.image } }),
      LOCKED_TEMPLATE,
      'GateChanged',
    ],
    [
      'locked, with the gate of one setting and the lock of another',
      gateTemplate({ ...SETTINGS, image: 'sidegate:1', lock: LOCK }),
      gateTemplate(locked, [{ ...otherLock, image: 'sidegate:1' }]),
      'GateChanged',
    ],
  ])('%s', (_, before, now, expected) => {
    const checked = checkInjection(made(before), now);
    expect(checked.ok ? 'ok' : checked.fault.code).toBe(expected);
  });
});
