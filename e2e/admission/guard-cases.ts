import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION } from '@sidegate/crds';
import { OTHERS } from './admission-stage.ts';
import {
  type Asked,
  BARE,
  DRY,
  type Fields,
  fromFile,
  type GuardCase,
  POD_CASES,
  PODS_PATH,
  SAFE,
} from './pod-cases.ts';
import { podOf } from './pods.ts';

/** A pod with its gate in the namespace {@link BARE}. */
export const VICTIM = 'victim';
/** The same, made with its lock. */
export const LOCKED_VICTIM = 'locked-victim';
/** A node that only a kubelet speaks of. */
export const NODE = 'node1';
const patch = (subresource: string, body: Fields, victim = VICTIM): Asked => ({
  method: 'PATCH',
  path: `${PODS_PATH}/${victim}${subresource}`,
  query: DRY,
  contentType: 'application/strategic-merge-patch+json',
  body,
});
const debug = (change: Fields, victim = VICTIM): Asked =>
  patch(
    '/ephemeralcontainers',
    {
      spec: {
        ephemeralContainers: [
          { name: 'debug', image: 'busybox', securityContext: { ...SAFE, runAsUser: 1000 }, ...change },
        ],
      },
    },
    victim,
  );
/** Debugging of a locked pod: with these capabilities dropped, and with escalation or without. */
const debugLocked = (drop: readonly string[], allowPrivilegeEscalation: boolean, more: Fields = {}): Asked =>
  debug(
    { securityContext: { runAsUser: 0, capabilities: { drop }, allowPrivilegeEscalation }, ...more },
    LOCKED_VICTIM,
  );
const DEBUGGED = debug({ targetContainerName: 'agent' });

function debugging(clause: string, what: string, change: Fields, shows: RegExp): GuardCase {
  return { what, guards: [`sidegate-debug/${clause}`], attack: debug(change), neighbour: DEBUGGED, shows };
}

const resized = (list: string, name: string): Asked =>
  patch('/resize', { spec: { [list]: [{ name, resources: { requests: { cpu: '11m' } } }] } });
const connect = (subresource: string, query: Record<string, string>, namespace = BARE): Asked => ({
  method: 'POST',
  path: `/api/v1/namespaces/${namespace}/pods/${VICTIM}/${subresource}`,
  query,
});

const CHANGES: readonly GuardCase[] = [
  debugging(
    'processes',
    'debugging the gate',
    { targetContainerName: 'sidegate' },
    /debug would see the gate’s processes/,
  ),
  debugging(
    'gate-volumes',
    'debugging with the gate’s state',
    { volumeMounts: [{ name: 'sidegate-state', mountPath: '/s' }] },
    /debug mounts/,
  ),
  debugging(
    'gate-files',
    'debugging with a variable of the gate’s spool',
    { env: [fromFile('sidegate-spool')] },
    /debug reads variables/,
  ),
  debugging(
    'trust',
    'debugging with the authorities, to write',
    { volumeMounts: [{ name: 'sidegate-trust', mountPath: '/s' }] },
    /debug mounts/,
  ),
  debugging(
    'privileged',
    'privileged debugging',
    { securityContext: { ...SAFE, runAsUser: 1, privileged: true } },
    /debug is privileged/,
  ),
  debugging(
    'capabilities',
    'debugging with a capability',
    { securityContext: { runAsUser: 1, capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] } } },
    /debug adds/,
  ),
  debugging('raw-sockets', 'debugging with raw sockets', { securityContext: { runAsUser: 0 } }, /debug keeps/),
  debugging('user-stated', 'debugging as no stated user', { securityContext: SAFE }, /debug does not say/),
  debugging(
    'user',
    'debugging as the gate’s user',
    { securityContext: { ...SAFE, runAsUser: 64_732 } },
    /debug runs as/,
  ),
  {
    what: 'debugging the lock',
    guards: ['sidegate-debug/processes'],
    attack: debugLocked(['ALL'], false, { targetContainerName: 'sidegate-lock' }),
    neighbour: debugLocked(['ALL'], false, { targetContainerName: 'agent' }),
    shows: /debug would see/,
  },
  {
    what: 'debugging a locked pod with another user’s rights',
    guards: ['sidegate-debug/change-user'],
    attack: debugLocked(['NET_RAW'], false),
    neighbour: debugLocked(['NET_RAW', 'SETUID'], false),
    shows: /debug keeps the capability SETUID/,
  },
  {
    what: 'debugging a locked pod with set-user-ID programs',
    guards: ['sidegate-debug/escalation'],
    attack: debugLocked(['ALL'], true),
    neighbour: debugLocked(['ALL'], false),
    shows: /debug allows privilege escalation/,
  },
  {
    what: 'another image for the lock of a running pod',
    guards: ['sidegate-pod-changes/image'],
    attack: patch(
      '',
      { spec: { initContainers: [{ name: 'sidegate-lock', image: 'own.test/lock:1' }] } },
      LOCKED_VICTIM,
    ),
    neighbour: patch('', { spec: { containers: [{ name: 'agent', image: 'agent.test/agent:2' }] } }, LOCKED_VICTIM),
    shows: /image of the container sidegate cannot be changed.*sidegate-lock/,
  },
  {
    what: 'another image in a running pod',
    guards: ['sidegate-pod-changes/image'],
    attack: patch('', { spec: { initContainers: [{ name: 'sidegate', image: 'own.test/gate:1' }] } }),
    neighbour: patch('', { spec: { containers: [{ name: 'agent', image: 'agent.test/agent:2' }] } }),
    shows: /image of the container sidegate cannot be changed/,
  },
  {
    what: 'a starved gate',
    guards: ['sidegate-pod-changes/resources'],
    attack: resized('initContainers', 'sidegate'),
    neighbour: resized('containers', 'agent'),
    shows: /resources of the container sidegate cannot be changed/,
  },
  {
    what: 'a starved gate, by the resource itself',
    guards: ['sidegate-pod-changes@pods/resize'],
    attack: resized('initContainers', 'sidegate'),
    neighbour: resized('containers', 'agent'),
    shows: /resources of the container sidegate cannot be changed/,
  },
  ...(['exec', 'attach'] as const).map((way) => ({
    what: `${way} in the gate`,
    guards: [`sidegate-exec@pods/${way}`],
    attack: connect(way, { container: 'sidegate', command: 'sh', stdout: 'true' }),
    neighbour: connect(way, { container: 'agent', command: 'sh', stdout: 'true' }),
    shows: /in the container sidegate/,
  })),
  {
    what: 'a forwarded port',
    guards: ['sidegate-port-forward/right'],
    attack: connect('portforward', { ports: '5432' }),
    neighbour: connect('portforward', { ports: '5432' }, 'others'),
    shows: /RBAC verb portforward/,
  },
];

const tokenFor = (...audiences: readonly string[]): Asked => ({
  method: 'POST',
  path: `/api/v1/namespaces/${BARE}/serviceaccounts/default/token`,
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences } },
});

/** A kubelet's own request, which passes. */
export const GATE_TOKEN = tokenFor('sidegate-gate');

const NAMESPACE = `/api/v1/namespaces/${BARE}`;
const namespace = (labels: Fields, annotations: Fields = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: BARE, labels, annotations },
  spec: { finalizers: ['kubernetes'] },
});
const put = (subresource: string, body: Fields): Asked => ({
  method: 'PUT',
  path: `${NAMESPACE}${subresource}`,
  query: DRY,
  body,
});
const LABELLED = namespace({ [INJECTION_LABEL]: 'enabled', team: 'x' });

/** A pod of a namespace without the label, with a token of that audience. */
const elsewhere = (audience: string): Asked => ({
  method: 'POST',
  path: `/api/v1/namespaces/${OTHERS}/pods`,
  query: DRY,
  body: podOf(
    { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { audience, path: 't' } }] } }] },
    'outside',
    OTHERS,
  ),
});

const RIGHTS: readonly GuardCase[] = [
  ...['sidegate-gate', 'sidegate-agent'].map((audience) => ({
    what: `a token of the audience ${audience}`,
    guards: ['sidegate-tokens/audience'],
    attack: tokenFor('vault', audience),
    neighbour: tokenFor('vault'),
    shows: /Only kubelets/,
  })),
  ...['sidegate-gate', 'sidegate-agent'].map((audience) => ({
    what: `a token of the audience ${audience} in a pod without a gate`,
    guards: ['sidegate-outside/tokens'],
    attack: elsewhere(audience),
    neighbour: elsewhere('vault'),
    shows: /which only pods with a gate have/,
  })),
  ...['', '/status', '/finalize'].map((subresource) => ({
    what: `no label any more, by namespaces${subresource}`,
    guards: [`sidegate-namespaces@namespaces${subresource}`],
    attack: put(subresource, namespace({ [INJECTION_LABEL]: 'disabled' })),
    neighbour: put(subresource, LABELLED),
    shows: /The label sidegate.dev\/injection=enabled stays/,
  })),
  {
    what: 'no label any more',
    guards: ['sidegate-namespaces/label'],
    attack: put('', namespace({})),
    neighbour: put('', LABELLED),
    shows: /RBAC verb unlabel/,
  },
  {
    what: 'the API server’s tokens again',
    guards: ['sidegate-namespaces/tokens'],
    attack: put('', namespace({ [INJECTION_LABEL]: 'enabled' }, { [KEEP_TOKENS_ANNOTATION]: 'true' })),
    neighbour: put('', namespace({ [INJECTION_LABEL]: 'enabled' }, { note: 'true' })),
    shows: /keep-service-account-tokens/,
  },
  {
    what: 'a Secret with a token',
    guards: ['sidegate-token-secrets/type'],
    attack: secretOf('kubernetes.io/service-account-token'),
    neighbour: secretOf('Opaque'),
    shows: /service-account token cannot be made/,
  },
];

function secretOf(type: string): Asked {
  const metadata = { name: 'own', namespace: BARE, annotations: { 'kubernetes.io/service-account.name': 'default' } };
  const body = { apiVersion: 'v1', kind: 'Secret', metadata, type };
  return { method: 'POST', path: `/api/v1/namespaces/${BARE}/secrets`, query: DRY, body };
}

export const GUARD_CASES: readonly GuardCase[] = [...POD_CASES, ...CHANGES, ...RIGHTS];
