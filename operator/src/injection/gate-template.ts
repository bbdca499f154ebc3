import type { Container, Variable, Volume, VolumeMount } from '../kinds.ts';
import { lockContainer } from './egress-lock.ts';
import type { InjectionSettings } from './injection-settings.ts';

/** The gate's container; a pod that brings one of this name itself is refused. */
export const GATE_CONTAINER = 'sidegate';
/** The gate's own user; no agent may have it. */
export const GATE_UID = 64_732;
/** Good at the operator and the store alone, in the gate alone. */
export const GATE_AUDIENCE = 'sidegate-gate';
/** Good at the gate alone; agents have it in place of the API server's. */
export const AGENT_AUDIENCE = 'sidegate-agent';

/** Volumes that only the gate may mount. */
export const GATE_TOKEN_VOLUME = 'sidegate-gate';
export const GATE_STATE_VOLUME = 'sidegate-state';
export const GATE_SPOOL_VOLUME = 'sidegate-spool';
export const GATE_ONLY_VOLUMES: readonly string[] = [GATE_TOKEN_VOLUME, GATE_STATE_VOLUME, GATE_SPOOL_VOLUME];
/** What agents may mount of ours, read-only. */
export const AGENT_TOKEN_VOLUME = 'sidegate-agent';
export const TRUST_VOLUME = 'sidegate-trust';

/** Where every container finds its service account. */
export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Where the agent's token is in a namespace that keeps its service-account tokens. */
export const AGENT_TOKEN_PATH = '/var/run/sidegate/agent';
const TRUST_PATH = '/var/run/sidegate/trust';

/** Raw sockets read and forge what the gate and a Target without TLS say to each other; container runtimes give them to root unless they are dropped. */
export const RAW_CAPABILITY = 'NET_RAW';
/** One of these among the dropped capabilities takes them away. */
export const RAW_DROPPED: readonly string[] = ['ALL', RAW_CAPABILITY];

/** Lets a user that is not root listen on port 53. It is one of the sysctls that Kubernetes calls safe. */
export const PORT_SYSCTL = { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' } as const;

/** What programs look at to find the authorities that they trust. */
const TRUST_VARIABLES = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PGSSLROOTCERT',
  'GIT_SSL_CAINFO',
  'AWS_CA_BUNDLE',
] as const;

/** Our containers in a pod. */
export interface OwnContainers {
  /** The gate. */
  readonly container: Container;
  /** What closes the pod's network, before the gate; absent where egress is open. */
  readonly lock?: Container;
}

/** What every pod of a labelled namespace gets. Values are as the API server stores them, its defaults spelled out, so that they can be compared. */
export interface GateTemplate extends OwnContainers {
  /** The containers as they were set before, for gates that still run. */
  readonly former: readonly OwnContainers[];
  readonly volumes: readonly Volume[];
  /** What each container that is not the gate gets. */
  readonly agent: {
    /** In place of what it has at the same paths. */
    readonly mounts: readonly VolumeMount[];
    /** Unless it sets them itself. */
    readonly variables: readonly Variable[];
  };
  readonly sysctls: readonly (typeof PORT_SYSCTL)[];
  readonly clusterDomain: string;
  /** Whether a namespace may keep its service-account tokens, by annotation. */
  readonly allowsTokens: boolean;
  /** Folders and files of the node that a pod may mount, each as it is written there. */
  readonly hostPaths: readonly string[];
}

const TOKEN_SECONDS = 600;
const DEFAULT_MODE = 0o644;

/** The template for the settings. `former`: what was set for gates that may still run. */
export function gateTemplate(
  settings: InjectionSettings,
  former: readonly InjectionSettings[] = [],
  allowsTokens = false,
  hostPaths: readonly string[] = [],
): GateTemplate {
  return {
    ...ownContainers(settings),
    former: former.map(ownContainers),
    volumes: VOLUMES,
    agent: {
      mounts: [
        { name: AGENT_TOKEN_VOLUME, mountPath: SERVICE_ACCOUNT_PATH, readOnly: true },
        { name: TRUST_VOLUME, mountPath: TRUST_PATH, readOnly: true },
      ],
      variables: TRUST_VARIABLES.map((name) => ({ name, value: `${TRUST_PATH}/bundle.pem` })),
    },
    sysctls: [PORT_SYSCTL],
    clusterDomain: settings.clusterDomain,
    allowsTokens,
    hostPaths,
  };
}

/** The pod's `dnsConfig`: the gate answers, and short names mean what they mean with `ClusterFirst`. */
export function dnsConfig(namespace: string, clusterDomain: string) {
  return {
    nameservers: ['127.0.0.1'],
    searches: [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain],
    options: [{ name: 'ndots', value: '5' }],
  } as const;
}

function ownContainers(settings: InjectionSettings): OwnContainers {
  const { lock } = settings;
  return { container: gateContainer(settings), ...(lock === undefined ? {} : { lock: lockContainer(lock, GATE_UID) }) };
}

/** A native sidecar: up before the agents, and there for as long as they are. */
function gateContainer({ image, control, store, upstreamDns, root, startClosed }: InjectionSettings): Container {
  return {
    name: GATE_CONTAINER,
    image,
    imagePullPolicy: 'IfNotPresent',
    restartPolicy: 'Always',
    args: [
      '--control',
      control,
      '--store',
      store,
      '--upstream-dns',
      upstreamDns,
      ...(startClosed === undefined ? [] : [startClosed]),
    ],
    env: [
      { name: 'SIDEGATE_ROOT', value: root },
      { name: 'SIDEGATE_POD_UID', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } },
    ],
    // Set, so that a LimitRanger does not.
    resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      runAsUser: GATE_UID,
      runAsGroup: GATE_UID,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    startupProbe: {
      exec: { command: ['node', 'probe.js'] },
      periodSeconds: 1,
      timeoutSeconds: 5,
      successThreshold: 1,
      failureThreshold: 120,
    },
    // Of the file at this path the kubelet shows what is in it.
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    volumeMounts: [
      { name: GATE_TOKEN_VOLUME, mountPath: '/var/run/secrets/sidegate', readOnly: true },
      { name: GATE_STATE_VOLUME, mountPath: '/var/lib/sidegate' },
      { name: GATE_SPOOL_VOLUME, mountPath: '/var/spool/sidegate' },
      { name: TRUST_VOLUME, mountPath: TRUST_PATH },
    ],
  };
}

const VOLUMES: readonly Volume[] = [
  {
    name: GATE_TOKEN_VOLUME,
    projected: { defaultMode: DEFAULT_MODE, sources: [tokenSource(GATE_AUDIENCE)] },
  },
  {
    name: AGENT_TOKEN_VOLUME,
    projected: {
      defaultMode: DEFAULT_MODE,
      sources: [
        tokenSource(AGENT_AUDIENCE),
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  },
  { name: GATE_STATE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
  // Twice what the spool may grow to: a pod over this limit is evicted.
  { name: GATE_SPOOL_VOLUME, emptyDir: { sizeLimit: '1Gi' } },
  { name: TRUST_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
];

function tokenSource(audience: string) {
  return { serviceAccountToken: { audience, path: 'token', expirationSeconds: TOKEN_SECONDS } };
}
