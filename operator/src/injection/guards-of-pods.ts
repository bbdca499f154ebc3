import { NEAR_VOLUMES, OWN_CONTAINERS } from './agent-container.ts';
import { celOf } from './cel.ts';
import { LOCK_CONTAINER, USER_CAPABILITY, USER_DROPPED } from './egress-lock.ts';
import {
  AGENT_AUDIENCE,
  GATE_AUDIENCE,
  GATE_CONTAINER,
  GATE_ONLY_VOLUMES,
  GATE_TOKEN_VOLUME,
  GATE_UID,
  PORT_SYSCTL,
  RAW_CAPABILITY,
  RAW_DROPPED,
  TRUST_VOLUME,
} from './gate-template.ts';
import { agentGuard, type Guard, type GuardPolicy } from './guard.ts';
import { API_VOLUME } from './inject-pod.ts';
import { FREE_FIELDS, KNOWN_SOURCES } from './injection-check.ts';
import { INJECTION_CONFIG_MAP } from './injection-settings.ts';
import {
  HOST_PATHS,
  KEEPS_RAW,
  KEEPS_TOKENS,
  LOCKED,
  LOCKED_POD,
  MISSING_SETTING,
  OPEN_LOCK,
  OPEN_TEMPLATE,
} from './mutating-policy.ts';

/** A Secret's name that Kubernetes gave to the token of a service account. */
const TOKEN_SECRET = '-token-[a-z0-9]{5}$';

const AGENTS = `(object.spec.?initContainers.orValue([]) + object.spec.containers).filter(c, !(c.name in ${celOf(OWN_CONTAINERS)}))`;
const VOLUMES = 'object.spec.?volumes.orValue([])';

/** What holds of each agent's container, whenever it comes. */
const AGENT_GUARDS: readonly Guard[] = [
  agentGuard(
    'gate-volumes',
    `c.?volumeMounts.orValue([]).exists(m, m.name in ${celOf(GATE_ONLY_VOLUMES)})`,
    'mounts a volume that is the gate’s alone',
    `Take the mounts of ${GATE_ONLY_VOLUMES.join(', ')} away.`,
  ),
  agentGuard(
    'gate-files',
    `c.?env.orValue([]).exists(e, e.?valueFrom.?fileKeyRef.?volumeName.orValue("") in ${celOf(GATE_ONLY_VOLUMES)})`,
    'reads variables from a volume that is the gate’s alone',
    'Take the variables with that fileKeyRef away.',
  ),
  agentGuard(
    'trust',
    `c.?volumeMounts.orValue([]).exists(m, m.name == "${TRUST_VOLUME}" && !m.?readOnly.orValue(false))`,
    `mounts ${TRUST_VOLUME} so that it can write what others trust`,
    'Mount it with readOnly: true, or not at all: injection does.',
  ),
  agentGuard(
    'privileged',
    'c.?securityContext.?privileged.orValue(false)',
    'is privileged',
    'An agent that owns its node owns the gate: take securityContext.privileged away.',
  ),
  agentGuard(
    'capabilities',
    'c.?securityContext.?capabilities.?add.orValue([]).size() > 0',
    'adds capabilities',
    'Take securityContext.capabilities.add away.',
  ),
  agentGuard(
    'raw-sockets',
    KEEPS_RAW,
    `keeps the capability ${RAW_CAPABILITY}`,
    `With it an agent reads what the gate sends: drop ${RAW_DROPPED.join(' or ')} in securityContext.capabilities; injection does.`,
  ),
  agentGuard(
    'change-user',
    `variables.locked && !c.?securityContext.?capabilities.?drop.orValue([]).exists(d, d in ${celOf(USER_DROPPED)})`,
    `keeps the capability ${USER_CAPABILITY}, and the pod is locked`,
    `With it an agent becomes the gate’s user, which gets out: drop ${USER_DROPPED.join(' or ')} in securityContext.capabilities; injection does.`,
  ),
  agentGuard(
    'escalation',
    'variables.locked && c.?securityContext.?allowPrivilegeEscalation.orValue(true)',
    'allows privilege escalation, and the pod is locked',
    'A program with the set-user-ID bit makes an agent the gate’s user, which gets out: set securityContext.allowPrivilegeEscalation to false; injection does, where nothing is said.',
  ),
  agentGuard(
    'user-stated',
    '!c.?securityContext.?runAsUser.hasValue() && !object.spec.?securityContext.?runAsUser.hasValue()',
    'does not say which user it runs as',
    `Set securityContext.runAsUser, on the pod or the container, to another user than ${GATE_UID}: what user an image names cannot be seen here.`,
  ),
  agentGuard(
    'user',
    `c.?securityContext.?runAsUser.orValue(object.spec.?securityContext.?runAsUser.orValue(0)) == ${GATE_UID}`,
    `runs as the gate’s own user ${GATE_UID}`,
    'Set securityContext.runAsUser to another user.',
  ),
];

/** CEL: what of the found container is not as stated, of all that counts. Each is the name of a variable. */
function changedFields(stated: string, found: string): string {
  const free = celOf([...FREE_FIELDS].filter((field) => field !== 'image'));
  return `(variables.${stated}.map(k, k) + variables.${found}.map(k, k).filter(k, !(k in variables.${stated})))
  .filter(k, !(k in ${free}) && variables.${stated}[?k] != variables.${found}[?k])`;
}

/** CEL: the found gate has no less than is stated of what it needs; a LimitRange, say, may give it more. */
function enough({ requests = {}, limits = {} }: Resources): string {
  const given = (list: string, name: string): string => `variables.found.?resources.?${list}[?"${name}"]`;
  const least = (list: string, name: string, amount: string, absent: string): string =>
    `quantity(${given(list, name)}.orValue("${absent}")).compareTo(quantity("${amount}")) >= 0`;
  const all = [
    ...Object.entries(requests).map(([name, amount]) => least('requests', name, amount, '0')),
    ...Object.entries(limits).map(([name, amount]) => least('limits', name, amount, amount)),
  ];
  // Where it is not the gate that stands there another clause says so.
  return `variables.found.?name.orValue("") != "${GATE_CONTAINER}" || (${all.join(' && ')})`;
}

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

const FLAGS = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;

const FLAG_GUARDS: readonly Guard[] = FLAGS.map((field) => ({
  id: field,
  expression: `!object.spec.?${field}.orValue(false)`,
  message: `spec.${field} is true: the gate would not be the agent's only way, or not its own. Take it away.`,
}));

/** Every pod of a labelled namespace, as it is after everybody's mutations. */
export const POD_GUARDS: GuardPolicy = {
  name: 'sidegate-pods',
  scope: 'LabelledByConfigMap',
  operations: ['CREATE'],
  resources: ['pods'],
  variables: [
    MISSING_SETTING,
    KEEPS_TOKENS,
    HOST_PATHS,
    LOCKED,
    { name: 'agents', expression: AGENTS },
    { name: 'gate', expression: `variables.missing != "" ? {} : ${celOf(OPEN_TEMPLATE.container)}` },
    { name: 'lock', expression: `variables.missing != "" || !variables.locked ? {} : ${celOf(OPEN_LOCK)}` },
    {
      name: 'hasLock',
      expression: `object.spec.?initContainers[?0].?name.orValue("") == "${LOCK_CONTAINER}"`,
    },
    { name: 'foundLock', expression: 'variables.hasLock ? object.spec.initContainers[0] : {}' },
    { name: 'found', expression: 'object.spec.?initContainers[?(variables.hasLock ? 1 : 0)].orValue({})' },
    { name: 'changed', expression: changedFields('gate', 'found') },
    { name: 'changedLock', expression: changedFields('lock', 'foundLock') },
    { name: 'volumes', expression: celOf(OPEN_TEMPLATE.volumes) },
    {
      name: 'changedVolumes',
      expression: `variables.volumes.filter(o, ${VOLUMES}.filter(v, v.name == o.name).map(v, dyn(v)) != [o]).map(o, o.name)`,
    },
  ],
  clauses: [
    {
      id: 'settings',
      expression: 'variables.missing == ""',
      message: `The ConfigMap ${INJECTION_CONFIG_MAP} does not say what to inject.`,
      messageExpression: `"The ConfigMap ${INJECTION_CONFIG_MAP} says nothing, or nothing that can be, for " + variables.missing + ". Install the chart again with these values; root.crt comes from the operator."`,
    },
    {
      id: 'one-gate',
      expression: `variables.found.?name.orValue("") == "${GATE_CONTAINER}" && variables.agents.size() + (variables.hasLock ? 2 : 1) == object.spec.containers.size() + object.spec.?initContainers.orValue([]).size()`,
      message: `The first init container (where egress is Locked, the first after ${LOCK_CONTAINER}), and no other container, must be ${GATE_CONTAINER}: without it nothing of the agent's is judged. A pod must not bring a container of this name; if it does not, the policy sidegate-inject or the webhook did not run.`,
    },
    {
      id: 'lock',
      expression: 'variables.changedLock.size() == 0',
      message: `The container ${LOCK_CONTAINER} is not the one that is injected.`,
      messageExpression: `variables.locked && !variables.hasLock
? "Egress is Locked, and the first init container is not ${LOCK_CONTAINER}: a pod must not bring a container of this name, and no other webhook may put one before it; if neither is so, the policy sidegate-inject or the webhook did not run."
: "The container ${LOCK_CONTAINER} is not the one that is injected: " + variables.changedLock.join(", ") + ". A pod must not bring a container of this name, and no other webhook may change it."`,
    },
    {
      id: 'gate',
      expression: 'variables.changed.size() == 0',
      message: `The container ${GATE_CONTAINER} is not the one that is injected.`,
      messageExpression: `"The container ${GATE_CONTAINER} is not the one that is injected: " + variables.changed.join(", ") + ". A pod must not bring a container of this name, and no other webhook may change it."`,
    },
    {
      id: 'resources',
      expression: enough(Object(OPEN_TEMPLATE.container['resources'])),
      message: `The container ${GATE_CONTAINER} has less than it needs: a gate that is starved does not record. A pod must not bring a container of this name, and no other webhook may take from it.`,
    },
    {
      id: 'volumes',
      expression: 'variables.changedVolumes.size() == 0',
      message: 'Volumes of the gate are not those that are injected.',
      messageExpression:
        '"Volumes that are not as they are injected: " + variables.changedVolumes.join(", ") + ". A pod must not bring volumes of these names, and no other webhook may change them."',
    },
    ...FLAG_GUARDS,
    {
      id: 'names',
      expression:
        'object.spec.?dnsPolicy.orValue("") == "None" && object.spec.?dnsConfig.?nameservers.orValue([]) == ["127.0.0.1"]',
      message:
        'The pod asks another name server than its gate, so that it would not find its Targets. No webhook may change dnsPolicy and dnsConfig after injection.',
    },
    {
      id: 'port',
      expression: `object.spec.?securityContext.?sysctls.orValue([]).exists(s, s.name == "${PORT_SYSCTL.name}" && s.value == "${PORT_SYSCTL.value}")`,
      message: `The sysctl ${PORT_SYSCTL.name} is not ${PORT_SYSCTL.value}, so that the gate could not answer for names. No webhook may change it after injection.`,
    },
    {
      id: 'host-path',
      expression: `${VOLUMES}.all(v, !has(v.hostPath) || v.hostPath.path in variables.hostPaths)`,
      message:
        'A hostPath volume shows files of the node, where the gate’s are as well. Use another kind of volume; whoever installs Sidegate may allow a path (injection.allowedHostPaths).',
    },
    {
      id: 'outlets',
      expression: `!variables.locked || ${VOLUMES}.all(v, v.all(kind, kind == "name" || kind in ${celOf(NEAR_VOLUMES)}))`,
      message: `Egress is Locked, and a volume is mounted by the node from where the pod says (nfs, iscsi): what is written there leaves. Use a PersistentVolumeClaim. Kinds that may be: ${NEAR_VOLUMES.join(', ')}.`,
    },
    {
      id: 'tokens',
      expression: `${VOLUMES}.all(v, v.?projected.?sources.orValue([]).all(s, !has(s.serviceAccountToken)
  || s.serviceAccountToken.?audience.orValue("") == (v.name == "${GATE_TOKEN_VOLUME}" ? "${GATE_AUDIENCE}" : "${AGENT_AUDIENCE}")
  || (variables.keepsTokens && v.name.startsWith("${API_VOLUME}") && !has(s.serviceAccountToken.audience))))`,
      message: `A projected volume holds a service-account token that is good elsewhere than at the gate. Take it away, or ask for the audience ${AGENT_AUDIENCE}.`,
    },
    {
      id: 'certificates',
      // A kind that a later Kubernetes brings may prove as much.
      expression: `${VOLUMES}.all(v, v.?projected.?sources.orValue([]).all(s, s.all(kind, kind in ${celOf(KNOWN_SOURCES)})))`,
      message: `A projected volume holds a certificate that proves who the pod is elsewhere than at the gate, or what is not known here. Take podCertificate away, and whatever is none of ${KNOWN_SOURCES.join(', ')}.`,
    },
    {
      id: 'token-secrets',
      expression: `${VOLUMES}.all(v, !v.?secret.?secretName.orValue("").matches("${TOKEN_SECRET}")
  && v.?projected.?sources.orValue([]).all(s, !s.?secret.?name.orValue("").matches("${TOKEN_SECRET}")))
&& variables.agents.all(c, c.?env.orValue([]).all(e, !e.?valueFrom.?secretKeyRef.?name.orValue("").matches("${TOKEN_SECRET}"))
  && c.?envFrom.orValue([]).all(e, !e.?secretRef.?name.orValue("").matches("${TOKEN_SECRET}")))`,
      message:
        'A Secret with the name of a service-account token is given to the agent. Take it away, or give it another name if it is none.',
    },
    ...AGENT_GUARDS,
  ],
};

/** A token of ours in a pod that has no gate speaks to operator and store as one. */
export const OUTSIDE_GUARDS: GuardPolicy = {
  name: 'sidegate-outside',
  scope: 'Unlabelled',
  operations: ['CREATE'],
  resources: ['pods'],
  clauses: [
    {
      id: 'tokens',
      expression: `${VOLUMES}.all(v, v.?projected.?sources.orValue([]).all(s, !(s.?serviceAccountToken.?audience.orValue("") in ${celOf([GATE_AUDIENCE, AGENT_AUDIENCE])})))`,
      message: `A projected volume holds a token of the audience ${GATE_AUDIENCE} or ${AGENT_AUDIENCE}, which only pods with a gate have. Ask for another audience, or label the namespace.`,
    },
  ],
};

/** Containers for debugging, which are added to a pod that runs. */
export const DEBUG_GUARDS: GuardPolicy = {
  name: 'sidegate-debug',
  scope: 'Labelled',
  operations: ['UPDATE'],
  resources: ['pods/ephemeralcontainers'],
  matchConditions: [
    {
      name: 'has-gate',
      expression: `object.spec.?initContainers.orValue([]).exists(c, c.name == "${GATE_CONTAINER}")`,
    },
  ],
  variables: [LOCKED_POD, { name: 'agents', expression: 'object.spec.?ephemeralContainers.orValue([])' }],
  clauses: [
    agentGuard(
      'processes',
      `c.?targetContainerName.orValue("") in ${celOf(OWN_CONTAINERS)}`,
      'would see the gate’s processes',
      'Name another container with --target, or none.',
    ),
    ...AGENT_GUARDS,
  ],
};
