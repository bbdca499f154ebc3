import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import { injectPod } from '../../operator/src/injection/inject-pod.ts';
import type { Pod } from '../../operator/src/kinds.ts';
import type { ApiRequest } from '../../operator/src/kube/api-client.ts';
import { ALLOWED_PATH, lockedSettings, SETTINGS } from './admission-stage.ts';
import { podOf } from './pods.ts';

export type Asked = Omit<ApiRequest, 'signal'>;
export type Fields = Readonly<Record<string, unknown>>;

/** One thing that is refused. */
export interface GuardCase {
  readonly what: string;
  /** The clause that refuses it, and others that do so as well: without them it passes. */
  readonly guards: readonly string[];
  readonly attack: Asked;
  /** Nearly the same, and let through. */
  readonly neighbour: Asked;
  readonly shows: RegExp;
}

/** A labelled namespace where no policy puts anything in: pods come there as somebody made them up. */
export const BARE = 'bare';

const POD = injectPod(podOf({}, 'pod', BARE) as unknown as Pod, gateTemplate(SETTINGS), {
  name: BARE,
  keepsTokens: false,
});
const GATE = POD.spec.initContainers?.[0] ?? { name: '' };
const INJECTED = POD.spec.containers[0] ?? { name: '' };
const VOLUMES = POD.spec.volumes ?? [];

/** The injected pod with other fields. */
export function gated(change: Fields = {}, name = 'pod'): Fields {
  return { ...POD, metadata: { name, namespace: BARE }, spec: { ...POD.spec, ...change } };
}

const LOCK = gateTemplate(lockedSettings()).lock ?? { name: '' };

export const PODS_PATH = `/api/v1/namespaces/${BARE}/pods`;
export const DRY = { dryRun: 'All' };
const make = (change: Fields): Asked => ({ method: 'POST', path: PODS_PATH, query: DRY, body: gated(change) });
/** What injection adds to an agent's securityContext. */
export const SAFE = { capabilities: { drop: ['NET_RAW'] } } as const;
const agent = (change: Fields): Fields => ({ containers: [{ ...INJECTED, ...change }] });
const secure = (change: Fields): Fields => agent({ securityContext: { ...SAFE, runAsUser: 1000, ...change } });
const gate = (change: Fields): Fields => ({ initContainers: [{ ...GATE, ...change }] });
const mounts = (name: string, more: Fields = {}): Fields =>
  agent({ volumeMounts: [...(INJECTED.volumeMounts ?? []), { name, mountPath: '/data', ...more }] });
const volume = (added: Fields): Fields => ({ volumes: [...VOLUMES, added] });
const replaced = (name: string, by: Fields): Fields => ({
  volumes: VOLUMES.map((one) => (one.name === name ? { name, ...by } : one)),
});
const host = (path: string): Fields => volume({ name: 'host', hostPath: { path } });
const projected = (source: Fields): Fields => volume({ name: 'mine', projected: { sources: [source] } });
const token = (audience: string): Fields => projected({ serviceAccountToken: { audience, path: 'token' } });

function pod(clause: string, what: string, attack: Fields, neighbour: Fields, shows: RegExp): GuardCase {
  return {
    what,
    guards: clause.split(' ').map((one) => `sidegate-pods/${one}`),
    attack: make(attack),
    neighbour: make(neighbour),
    shows,
  };
}

/** A variable that the kubelet reads in a file of the volume, whether the container mounts it or not. */
export const fromFile = (volumeName: string): Fields => ({
  name: 'X',
  valueFrom: { fileKeyRef: { volumeName, path: 'file', key: 'X', optional: true } },
});

/** What a pod may not be. */
export const POD_CASES: readonly GuardCase[] = [
  pod('one-gate gate', 'no gate', { initContainers: [] }, {}, /first init container.*must be sidegate/),
  pod(
    'one-gate gate',
    'a container before the gate',
    { initContainers: [{ ...INJECTED, name: 'first' }, GATE] },
    { initContainers: [GATE, { ...INJECTED, name: 'second' }] },
    /first init container.*must be sidegate/,
  ),
  pod(
    'lock',
    'a lock of its own, where egress is open',
    { initContainers: [LOCK, GATE] },
    { initContainers: [GATE, { ...INJECTED, name: 'lock' }] },
    /sidegate-lock is not the one that is injected/,
  ),
  pod(
    'one-gate',
    'a lock of its own elsewhere',
    { initContainers: [GATE, LOCK] },
    {},
    /first init container.*must be sidegate/,
  ),
  pod(
    'gate',
    'another image',
    gate({ image: 'own.test/gate:1' }),
    gate({ imagePullPolicy: 'Always' }),
    /injected: image\./,
  ),
  pod('gate', 'another program', gate({ command: ['sh'] }), {}, /injected: command\./),
  pod('gate', 'another store', gate({ args: ['--store', 'https://own.test'] }), {}, /injected: args\./),
  pod(
    'gate',
    'another variable',
    gate({ env: [...(GATE.env ?? []), { name: 'NODE_OPTIONS', value: '-r /x' }] }),
    {},
    /injected: env\./,
  ),
  pod(
    'gate',
    'variables from elsewhere',
    gate({ envFrom: [{ configMapRef: { name: 'x' } }] }),
    {},
    /injected: envFrom\./,
  ),
  pod(
    'gate',
    'a program at its start',
    gate({ lifecycle: { postStart: { exec: { command: ['sh'] } } } }),
    {},
    /lifecycle/,
  ),
  pod(
    'gate',
    'a probe that runs a program',
    gate({ livenessProbe: { exec: { command: ['sh'] } } }),
    {},
    /livenessProbe/,
  ),
  pod(
    'gate',
    'a message file',
    gate({ terminationMessagePath: '/var/run/secrets/sidegate/token' }),
    {},
    /terminationMessagePath/,
  ),
  pod(
    'gate',
    'one more mount',
    gate({ volumeMounts: [...(GATE.volumeMounts ?? []), { name: 'sidegate-agent', mountPath: '/app' }] }),
    {},
    /volumeMounts/,
  ),
  pod(
    'gate',
    'a gate that is root',
    gate({ securityContext: { ...GATE.securityContext, runAsUser: 0, runAsNonRoot: false } }),
    gate({ resources: { requests: { cpu: '1', memory: '1Gi' } } }),
    /securityContext/,
  ),
  pod(
    'resources',
    'a starved gate',
    gate({ resources: { requests: { cpu: '1m', memory: '96Mi' }, limits: { cpu: '1m', memory: '512Mi' } } }),
    gate({ resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { cpu: '20m', memory: '512Mi' } } }),
    /has less than it needs/,
  ),
  pod('resources', 'a gate with no part of its own', gate({ resources: {} }), {}, /has less than it needs/),
  pod(
    'resources',
    'a gate without memory',
    gate({ resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '96Mi' } } }),
    gate({ resources: { requests: { cpu: '20m', memory: '96Mi' } } }),
    /has less than it needs/,
  ),
  pod(
    'volumes',
    'a state volume on the node',
    replaced('sidegate-state', { hostPath: { path: ALLOWED_PATH } }),
    {},
    /sidegate-state/,
  ),
  pod(
    'volumes',
    'a spool in a claim',
    replaced('sidegate-spool', { persistentVolumeClaim: { claimName: 'x' } }),
    {},
    /sidegate-spool/,
  ),
  pod('volumes', 'a token volume that lasts', replaced('sidegate-agent', { emptyDir: {} }), {}, /sidegate-agent/),
  pod(
    'names',
    'another name server',
    { dnsConfig: { nameservers: ['192.0.2.1'] } },
    { dnsConfig: { nameservers: ['127.0.0.1'] } },
    /another name server/,
  ),
  pod('port', 'no right to port 53', { securityContext: {} }, {}, /ip_unprivileged_port_start/),
  pod(
    // The API server refuses the sysctl there.
    'hostNetwork port',
    'the node’s network',
    { hostNetwork: true, securityContext: {} },
    { hostNetwork: false },
    /spec.hostNetwork is true/,
  ),
  pod('hostPID', 'the node’s processes', { hostPID: true }, { hostPID: false }, /spec.hostPID is true/),
  pod('hostIPC', 'the node’s memory', { hostIPC: true }, { hostIPC: false }, /spec.hostIPC is true/),
  pod(
    'shareProcessNamespace',
    'shared processes',
    { shareProcessNamespace: true },
    { shareProcessNamespace: false },
    /spec.shareProcessNamespace is true/,
  ),
  pod('host-path', 'the kubelet’s folder', host('/var/lib/kubelet/pods'), host(ALLOWED_PATH), /hostPath/),
  pod('host-path', 'the kubelet’s folder where a node has it elsewhere', host('/data/kubelet'), {}, /hostPath/),
  pod('host-path', 'the whole node', host('/'), {}, /hostPath/),
  pod('host-path', 'the node’s processes as files', host('/proc/1'), {}, /hostPath/),
  pod('host-path', 'the runtime’s socket', host('/run/containerd/containerd.sock'), {}, /hostPath/),
  pod('host-path', 'a link in an allowed folder', host(`${ALLOWED_PATH}/link`), {}, /hostPath/),
  pod(
    'tokens',
    'a token of the gate’s audience',
    token('sidegate-gate'),
    token('sidegate-agent'),
    /service-account token/,
  ),
  pod('tokens', 'a token of another audience', token('vault'), {}, /service-account token/),
  pod(
    'tokens',
    'a token of the API server',
    projected({ serviceAccountToken: { path: 'token' } }),
    {},
    /service-account token/,
  ),
  pod(
    'certificates',
    'a certificate for the API server',
    projected({
      podCertificate: {
        signerName: 'kubernetes.io/kube-apiserver-client-pod',
        keyType: 'ED25519',
        credentialBundlePath: 'pod.pem',
      },
    }),
    projected({ configMap: { name: 'settings' } }),
    /Take podCertificate away/,
  ),
  pod(
    'token-secrets',
    'the Secret of a token',
    volume({ name: 's', secret: { secretName: 'default-token-x7k2p' } }),
    volume({ name: 's', secret: { secretName: 'default-tokens' } }),
    /name of a service-account token/,
  ),
  pod(
    'token-secrets',
    'the Secret of a token, projected',
    projected({ secret: { name: 'default-token-x7k2p' } }),
    projected({ secret: { name: 'other' } }),
    /name of a service-account token/,
  ),
  pod(
    'token-secrets',
    'the Secret of a token, as a variable',
    agent({ env: [{ name: 'T', valueFrom: { secretKeyRef: { name: 'default-token-x7k2p', key: 'token' } } }] }),
    agent({ env: [{ name: 'T', valueFrom: { secretKeyRef: { name: 'other', key: 'token' } } }] }),
    /name of a service-account token/,
  ),
  pod(
    'token-secrets',
    'the Secret of a token, as variables',
    agent({ envFrom: [{ secretRef: { name: 'default-token-x7k2p' } }] }),
    agent({ envFrom: [{ secretRef: { name: 'other' } }] }),
    /name of a service-account token/,
  ),
  pod(
    'gate-volumes',
    'the gate’s token',
    mounts('sidegate-gate'),
    mounts('sidegate-agent'),
    /agent mounts a volume that is the gate’s alone/,
  ),
  pod('gate-volumes', 'the gate’s state', mounts('sidegate-state', { readOnly: true }), {}, /gate’s alone/),
  pod(
    'gate-volumes',
    'the gate’s spool, in an init container',
    {
      initContainers: [
        GATE,
        { ...INJECTED, name: 'init', volumeMounts: [{ name: 'sidegate-spool', mountPath: '/s' }] },
      ],
    },
    {},
    /init mounts/,
  ),
  pod(
    'gate-files',
    'a variable of the gate’s state, which no mount shows',
    agent({ env: [fromFile('sidegate-state')] }),
    { ...agent({ env: [fromFile('own')] }), ...volume({ name: 'own', emptyDir: {} }) },
    /agent reads variables from a volume that is the gate’s alone/,
  ),
  pod(
    'gate-files',
    'a variable of the gate’s spool, in an init container',
    { initContainers: [GATE, { ...INJECTED, name: 'init', env: [fromFile('sidegate-spool')] }] },
    {},
    /init reads variables/,
  ),
  pod(
    'trust',
    'the authorities, to write',
    mounts('sidegate-trust'),
    mounts('sidegate-trust', { readOnly: true }),
    /so that it can write/,
  ),
  pod(
    'privileged',
    'a privileged agent',
    secure({ privileged: true }),
    secure({ privileged: false }),
    /agent is privileged/,
  ),
  pod(
    'capabilities',
    'an added capability',
    secure({ capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] } }),
    secure({ capabilities: { drop: ['ALL'] } }),
    /agent adds capabilities/,
  ),
  pod(
    'raw-sockets',
    'raw sockets',
    agent({ securityContext: { runAsUser: 0, capabilities: { drop: ['CHOWN'] } } }),
    agent({ securityContext: { runAsUser: 0, capabilities: { drop: ['CHOWN', 'NET_RAW'] } } }),
    /agent keeps the capability NET_RAW/,
  ),
  pod(
    'user-stated',
    'no user',
    agent({ securityContext: SAFE }),
    {
      ...agent({ securityContext: SAFE }),
      securityContext: { ...Object(POD.spec['securityContext']), runAsUser: 1000 },
    },
    /does not say which user/,
  ),
  pod('user', 'the gate’s user', secure({ runAsUser: 64_732 }), secure({ runAsUser: 64_731 }), /gate’s own user/),
  pod(
    'user',
    'the gate’s user, from the pod',
    {
      ...agent({ securityContext: SAFE }),
      securityContext: { ...Object(POD.spec['securityContext']), runAsUser: 64_732 },
    },
    { securityContext: { ...Object(POD.spec['securityContext']), runAsUser: 64_732 } },
    /gate’s own user/,
  ),
];
