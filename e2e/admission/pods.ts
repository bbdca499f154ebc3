import { AGENTS, type Manifest } from './admission-stage.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The container of an agent as one is written who follows the documentation. */
export const AGENT: Fields = { name: 'agent', image: 'agent.test/agent:1', securityContext: { runAsUser: 1000 } };

/** A pod of one agent; `spec` is put over it. */
export function podOf(spec: Fields = {}, name = 'pod', namespace = AGENTS): Manifest {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { containers: [AGENT], ...spec } };
}

const agent = (more: Fields, name = 'agent'): Fields => ({ ...AGENT, ...more, name });
const one = (more: Fields): Fields => ({ containers: [agent(more)] });
const token = (audience?: string): Fields => ({
  serviceAccountToken: { path: 'token', ...(audience === undefined ? {} : { audience }) },
});
const mounted = (volume: Fields, mount: Fields = {}): Fields => ({
  volumes: [volume],
  ...one({ volumeMounts: [{ name: volume['name'], mountPath: '/data', ...mount }] }),
});
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TRUST = '/var/run/sidegate/trust';

/** Pods that are let in, of every shape that changes what injection does. */
export const PODS: Readonly<Record<string, Fields>> = {
  'one container': {},
  'two containers': { containers: [agent({}), agent({}, 'second')] },
  'twelve containers': { containers: Array.from({ length: 12 }, (_, index) => agent({}, `agent-${index}`)) },
  'many containers with many variables': {
    containers: Array.from({ length: 40 }, (_, index) =>
      agent({ env: Array.from({ length: 60 }, (__, at) => ({ name: `V${at}`, value: 'x' })) }, `agent-${index}`),
    ),
  },
  'an init container': { initContainers: [agent({}, 'prepare')] },
  'three init containers': { initContainers: ['a', 'b', 'c'].map((name) => agent({}, name)) },
  'a sidecar of its own': { initContainers: [agent({ restartPolicy: 'Always' }, 'proxy')] },
  'an init container with variables': { initContainers: [agent({ env: [{ name: 'A', value: 'b' }] }, 'prepare')] },
  'empty lists': { initContainers: [], volumes: [], ...one({ env: [], volumeMounts: [] }) },
  'the user on the pod': {
    securityContext: { runAsUser: 1000 },
    containers: [{ name: 'agent', image: 'agent.test/agent:1' }],
  },
  'a user on the pod and another on the container': { securityContext: { runAsUser: 1001, fsGroup: 2000 } },
  'another sysctl': { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } },
  'our sysctl with another value': {
    securityContext: {
      sysctls: [
        { name: 'net.ipv4.ip_unprivileged_port_start', value: '1024' },
        { name: 'net.ipv4.ip_local_port_range', value: '32768 60999' },
      ],
    },
  },
  'the restricted profile': {
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    ...one({ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }),
  },
  'dropped capabilities': one({ securityContext: { runAsUser: 1000, capabilities: { drop: ['NET_RAW'] } } }),
  'other capabilities dropped': one({ securityContext: { runAsUser: 0, capabilities: { drop: ['CHOWN'] } } }),
  'the change of user dropped': one({ securityContext: { runAsUser: 0, capabilities: { drop: ['SETUID'] } } }),
  'no privilege escalation': one({ securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false } }),
  'no word on capabilities': one({ securityContext: { runAsUser: 1000, capabilities: {} } }),
  variables: one({
    env: [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)' },
    ],
  }),
  'a variable of ours': one({ env: [{ name: 'SSL_CERT_FILE', value: '/etc/own.pem' }] }),
  'a variable of ours, from a Secret': one({
    env: [{ name: 'PGSSLROOTCERT', valueFrom: { secretKeyRef: { name: 'certs', key: 'path' } } }],
  }),
  'a variable of ours, from the pod': one({
    env: [{ name: 'CURL_CA_BUNDLE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
  }),
  'a variable of ours, from a ConfigMap that may be missing': one({
    env: [
      { name: 'NODE_EXTRA_CA_CERTS', valueFrom: { configMapKeyRef: { name: 'certs', key: 'ca', optional: true } } },
      { name: 'AFTER', value: 'x' },
    ],
  }),
  'all variables of ours': one({
    env: [
      'SSL_CERT_FILE',
      'NODE_EXTRA_CA_CERTS',
      'REQUESTS_CA_BUNDLE',
      'CURL_CA_BUNDLE',
      'PGSSLROOTCERT',
      'GIT_SSL_CAINFO',
      'AWS_CA_BUNDLE',
    ].map((name) => ({ name, value: '' })),
  }),
  'a variable from resources': one({
    resources: { limits: { cpu: '1', memory: '64Mi' } },
    env: [{ name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }],
  }),
  'a text with quotes and lines': one({ env: [{ name: 'A', value: 'a "b"\n\\c\u00e9' }] }),
  'variables from elsewhere': one({
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'P_', secretRef: { name: 's' } }],
  }),
  'a volume in memory': mounted({ name: 'scratch', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } }),
  'a volume that nobody mounts': { volumes: [{ name: 'idle', emptyDir: {} }] },
  'a folder of a volume': mounted({ name: 'scratch', emptyDir: {} }, { subPath: 'below', readOnly: true }),
  'a folder that a variable names': mounted({ name: 'scratch', emptyDir: {} }, { subPathExpr: '$(HOSTNAME)' }),
  'a Secret': mounted({ name: 'own', secret: { secretName: 'own', items: [{ key: 'a', path: 'b', mode: 256 }] } }),
  'a claim': mounted({ name: 'disk', persistentVolumeClaim: { claimName: 'disk' } }),
  'a claim of the pod’s own': mounted({
    name: 'disk',
    ephemeral: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    },
  }),
  'facts about the pod': mounted({
    name: 'facts',
    downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
  }),
  'a token for the gate': mounted({ name: 'mine', projected: { sources: [token('sidegate-agent')] } }),
  'a projected ConfigMap': mounted({ name: 'mine', projected: { sources: [{ configMap: { name: 'settings' } }] } }),
  'its own folder where the service account is': mounted({ name: 'own', emptyDir: {} }, { mountPath: SERVICE_ACCOUNT }),
  'its own folder where the authorities are': mounted({ name: 'own', emptyDir: {} }, { mountPath: TRUST }),
  'no service-account token': { automountServiceAccountToken: false },
  'a service-account token by wish': { automountServiceAccountToken: true },
  'a volume named like the API server’s': mounted({
    name: 'kube-api-access-mine',
    projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
  }),
  'its own DNS': {
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['192.0.2.1'], searches: ['example.test'], options: [{ name: 'edns0' }] },
  },
  'the node’s DNS': { dnsPolicy: 'Default' },
  'more search domains': { dnsConfig: { searches: ['example.test'] } },
  'names of hosts': { hostAliases: [{ ip: '192.0.2.1', hostnames: ['a.test'] }] },
  'a pod of a Job': {
    restartPolicy: 'Never',
    activeDeadlineSeconds: 600,
    ...one({ command: ['sh', '-c', 'exit 0'], terminationMessagePolicy: 'FallbackToLogsOnError' }),
  },
  'probes and hooks': one({
    ports: [{ containerPort: 8080, name: 'http' }],
    readinessProbe: { httpGet: { path: '/', port: 'http' } },
    livenessProbe: { exec: { command: ['true'] } },
    lifecycle: { preStop: { sleep: { seconds: 1 } } },
  }),
  'a place to run': {
    nodeSelector: { disk: 'fast' },
    tolerations: [{ key: 'agents', operator: 'Exists' }],
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone' }] } },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
  },
  'a user namespace of its own': { hostUsers: false },
  'resources of the pod': { resources: { limits: { cpu: '2', memory: '1Gi' } } },
  'shared processes refused': { shareProcessNamespace: false },
  'no links to services': { enableServiceLinks: false, hostname: 'agent', subdomain: 'agents' },
  'a terminal': one({ stdin: true, tty: true, workingDir: '/srv' }),
};
