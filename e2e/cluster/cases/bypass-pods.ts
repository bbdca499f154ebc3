import type { Attempt, Bypass } from '../bypass/attempt.ts';
import type { Fields, Ground } from '../bypass/ground.ts';
import { AGENT, agentWith, fromFile, injected, making, podOf, ran } from '../bypass/pods.ts';
import { withoutBindings, withoutClauses } from '../bypass/removal.ts';

type Change = Fields | ((ground: Ground) => Promise<Fields>);

/** Somebody makes a pod like this. */
function pod(what: string, change: Change, refusal: RegExp, metadata: Fields = {}): Attempt {
  return {
    what,
    refusal,
    run: async (ground) => {
      const spec = typeof change === 'function' ? await change(ground) : change;
      return await ground.asks(making(podOf(spec, 'attempt', metadata)));
    },
  };
}

/** Attempts that one clause of the final judge refuses. */
function judged(clause: string, what: string, ...attempts: readonly Attempt[]): Bypass {
  const clauses = clause.split(' ').map((one) => `sidegate-pods/${one}`);
  return {
    name: `pod-${(clause.split(' ')[0] ?? '').toLowerCase()}`,
    what,
    refusedBy: clauses.map((one) => `\`${one}\``).join(' and '),
    attempts,
    without: withoutClauses(...clauses),
  };
}

/** The gate as it is injected, with other fields. */
const gateWith =
  (change: (gate: Fields) => Fields): Change =>
  async (ground) => {
    const { gate, volumes } = await injected(ground);
    return { initContainers: [{ ...gate, ...change(gate) }], volumes: withoutDefaults(volumes) };
  };

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Volumes that the API server would add again are left out. */
function withoutDefaults(volumes: readonly Fields[]): readonly Fields[] {
  return volumes.filter(({ name }) => !String(name).startsWith('kube-api-access-'));
}

const mount = (name: string, more: Fields = {}): Fields => ({ volumeMounts: [{ name, mountPath: '/data', ...more }] });
const volume = (one: Fields): Fields => ({ volumes: [{ name: 'mine', ...one }], ...agentWith(mount('mine')) });
const projected = (source: Fields): Fields => volume({ projected: { sources: [source] } });
const token = (audience?: string): Fields =>
  projected({ serviceAccountToken: { path: 'token', ...(audience === undefined ? {} : { audience }) } });
const secure = (securityContext: Fields): Fields =>
  agentWith({ securityContext: { runAsUser: 1000, ...securityContext } });
const secretVariable = (name: string): Fields =>
  agentWith({ env: [{ name: 'T', valueFrom: { secretKeyRef: { name, key: 'token', optional: true } } }] });

/** Prints for whom the token in a file is. */
const AUDIENCE_OF = [
  'import base64, json, sys',
  'body = open(sys.argv[1]).read().split(".")[1]',
  'print("has a token of", *json.loads(base64.urlsafe_b64decode(body + "=="))["aud"])',
].join('\n');

const MARKS = { labels: { 'sidegate.dev/injected': 'true' }, annotations: { 'sidegate.dev/injected': 'true' } };
const ENOUGH = { requests: { cpu: '20m', memory: '96Mi' } };
const OWN_GATE: Fields = { ...AGENT, name: 'sidegate', restartPolicy: 'Always', resources: ENOUGH };

/** What a pod may not be: the final judge of new pods. */
export const POD_BYPASSES: readonly Bypass[] = [
  judged(
    'one-gate gate',
    'a container of our name, or another one before the gate',
    pod('an agent named like the gate', { containers: [{ ...AGENT, name: 'sidegate' }] }, /must be sidegate/),
    pod(
      'the gate of another pod, with an agent before it',
      async (ground) => ({ initContainers: [{ ...AGENT, name: 'first' }, (await injected(ground)).gate] }),
      /must be sidegate/,
    ),
  ),
  judged(
    'gate',
    'a pod that says it is injected already and brings another gate',
    pod(
      'a container of our name under the mark "injected"',
      { initContainers: [OWN_GATE] },
      /not the one that is injected/,
      MARKS,
    ),
    pod(
      'our gate with another image',
      gateWith(() => ({ image: AGENT['image'] })),
      /injected: image\./,
    ),
    pod(
      'our gate with another program',
      gateWith(() => ({ command: ['sleep', '1'] })),
      /injected: command\./,
    ),
    pod(
      'our gate with another store',
      gateWith(() => ({ args: ['--store', 'https://mallory.test'] })),
      /injected: args\./,
    ),
    pod(
      'our gate with one more variable',
      gateWith(({ env }) => ({ env: [...listOf(env), { name: 'NODE_OPTIONS', value: '--inspect=0.0.0.0' }] })),
      /injected: env\./,
    ),
    pod(
      'our gate with a probe that runs a program',
      gateWith(() => ({ livenessProbe: { exec: { command: ['node', '-e', '1'] } } })),
      /livenessProbe/,
    ),
    pod(
      'our gate with a message file that is its token',
      gateWith(() => ({ terminationMessagePath: '/var/run/secrets/sidegate/token' })),
      /terminationMessagePath/,
    ),
    pod(
      'our gate as another user',
      gateWith(({ securityContext }) => ({ securityContext: { ...Object(securityContext), runAsUser: 1000 } })),
      /securityContext/,
    ),
  ),
  judged(
    'resources',
    'a gate that is starved from the start',
    pod(
      'our gate with a twentieth of its processor',
      gateWith(() => ({ resources: { requests: { cpu: '1m', memory: '96Mi' }, limits: { cpu: '1m' } } })),
      /has less than it needs/,
    ),
  ),
  judged(
    'volumes',
    'volumes of our names',
    ...['sidegate-gate', 'sidegate-state', 'sidegate-spool', 'sidegate-trust'].map((name) =>
      pod(`a volume ${name} of its own`, { volumes: [{ name, emptyDir: {} }] }, new RegExp(`injected: ${name}`)),
    ),
  ),
  {
    name: 'pod-hostnetwork',
    what: 'the node’s network',
    refusedBy: 'the API server, for the sysctl that is injected; `sidegate-pods/hostNetwork` where there is none',
    attempts: [pod('hostNetwork', { hostNetwork: true }, /hostNetwork/)],
    without: withoutBindings('sidegate-pods', 'sidegate-inject'),
  },
  judged('hostPID', 'the node’s processes', pod('hostPID', { hostPID: true }, /spec.hostPID is true/)),
  judged('hostIPC', 'the node’s shared memory', pod('hostIPC', { hostIPC: true }, /spec.hostIPC is true/)),
  judged(
    'shareProcessNamespace',
    'one view of all processes of the pod',
    pod('shareProcessNamespace', { shareProcessNamespace: true }, /spec.shareProcessNamespace is true/),
  ),
  judged('privileged', 'a privileged agent', pod('privileged', secure({ privileged: true }), /agent is privileged/)),
  judged(
    'capabilities',
    'added capabilities',
    pod('SYS_PTRACE', secure({ capabilities: { add: ['SYS_PTRACE'] } }), /agent adds capabilities/),
    pod('NET_ADMIN', secure({ capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } }), /agent adds capabilities/),
    pod(
      'NET_ADMIN in an init container',
      {
        initContainers: [
          { ...AGENT, name: 'early', securityContext: { runAsUser: 1, capabilities: { add: ['NET_ADMIN'] } } },
        ],
      },
      /early adds capabilities/,
    ),
  ),
  judged(
    'user-stated',
    'no word about the user',
    pod('no runAsUser anywhere', agentWith({ securityContext: {} }), /agent does not say which user/),
  ),
  judged(
    'user',
    'the gate’s own user',
    pod('runAsUser of the container', secure({ runAsUser: 64_732 }), /gate’s own user/),
    pod(
      'runAsUser of the pod',
      { securityContext: { runAsUser: 64_732 }, ...agentWith({ securityContext: {} }) },
      /gate’s own user/,
    ),
  ),
  judged(
    'gate-volumes',
    'the gate’s volumes in an agent',
    ...['sidegate-gate', 'sidegate-state', 'sidegate-spool'].map((name) =>
      pod(`a mount of ${name}`, agentWith(mount(name, { readOnly: true })), /gate’s alone/),
    ),
    pod(
      'a mount of sidegate-state in an init container',
      { initContainers: [{ ...AGENT, name: 'early', ...mount('sidegate-state') }] },
      /early mounts/,
    ),
  ),
  judged(
    'gate-files',
    'variables that the kubelet reads in the gate’s volumes, with no mount of them',
    ...['sidegate-state', 'sidegate-spool'].map((name) =>
      pod(`fileKeyRef to ${name}`, agentWith({ env: [fromFile(name)] }), /reads variables from a volume/),
    ),
    pod(
      'fileKeyRef to sidegate-state in an init container',
      { initContainers: [{ ...AGENT, name: 'early', env: [fromFile('sidegate-state')] }] },
      /early reads variables/,
    ),
  ),
  judged(
    'trust',
    'writing what other containers trust',
    pod('a mount of sidegate-trust to write', agentWith(mount('sidegate-trust')), /so that it can write/),
  ),
  judged(
    'host-path',
    'the node’s folders',
    {
      what: 'the token of another pod’s gate, read in the kubelet’s folder',
      refusal: /hostPath/,
      run: async (ground) => {
        const path = ground.stage.kubeletFolder;
        const file = `/node/pods/${await ground.uid()}/volumes/kubernetes.io~projected/sidegate-gate/token`;
        return await ran(
          ground,
          'node-reader',
          {
            volumes: [{ name: 'node', hostPath: { path } }],
            ...agentWith({
              command: ['python3', '-c', AUDIENCE_OF, file],
              volumeMounts: [{ name: 'node', mountPath: '/node', mountPropagation: 'HostToContainer' }],
              securityContext: { runAsUser: 0 },
            }),
          },
          { matches: /has a token of sidegate-gate/ },
        );
      },
    },
    ...['/', '/proc', '/run/containerd/containerd.sock', '//var/./lib/', '/srv/data', '/srv/data/link'].map((path) =>
      pod(`hostPath ${path}`, volume({ hostPath: { path } }), /hostPath/),
    ),
  ),
  judged(
    'tokens',
    'tokens that are good elsewhere',
    pod('a projected token of the gate’s audience', token('sidegate-gate'), /service-account token/),
    pod('a projected token of the API server', token(), /service-account token/),
    pod('a projected token of another audience', token('vault'), /service-account token/),
  ),
  judged(
    'token-secrets',
    'Secrets that Kubernetes made of tokens',
    pod('as a volume', volume({ secret: { secretName: 'bot-token-x7k2p', optional: true } }), /service-account token/),
    pod('projected', projected({ secret: { name: 'bot-token-x7k2p', optional: true } }), /service-account token/),
    pod('as a variable', secretVariable('bot-token-x7k2p'), /service-account token/),
    pod(
      'as all variables',
      agentWith({ envFrom: [{ secretRef: { name: 'bot-token-x7k2p' } }] }),
      /service-account token/,
    ),
  ),
];
