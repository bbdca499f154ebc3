import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION } from '@sidegate/crds';
import { OWN_CONTAINERS } from './agent-container.ts';
import { celHole, celOf, celWhen } from './cel.ts';
import { allowStatement, LOCK_CONTAINER, lockContainer } from './egress-lock.ts';
import {
  AGENT_TOKEN_VOLUME,
  dnsConfig,
  GATE_CONTAINER,
  GATE_UID,
  type GateTemplate,
  gateTemplate,
  PORT_SYSCTL,
  RAW_DROPPED,
} from './gate-template.ts';
import { API_VOLUME, agentMounts, droppedCapabilities } from './inject-pod.ts';
import {
  HOST_PATHS_KEY,
  INJECTION_CONFIG_MAP,
  KEEP_TOKEN_KEY,
  SETTING_KEYS,
  START_CLOSED_FLAG,
  START_CLOSED_KEY,
} from './injection-settings.ts';
import { ALLOWED_CIDRS_KEY, EGRESS_KEY, EGRESS_LOCKED, EGRESS_VALUES, LOCK_IMAGE_KEY } from './lock-settings.ts';

/** The namespace that the generated files name; the chart puts the release's in its place. */
export const DEFAULT_NAMESPACE = 'sidegate-system';

export interface PolicyVariable {
  readonly name: string;
  readonly expression: string;
}

/** The template with the settings' places open: each is read from the ConfigMap when a pod is made. */
export const OPEN_TEMPLATE: GateTemplate = gateTemplate({
  image: setting('image'),
  control: setting('control'),
  store: setting('store'),
  upstreamDns: setting('upstreamDns'),
  clusterDomain: setting('clusterDomain'),
  root: setting('root'),
  startClosed: celWhen(`params.?data[?"${START_CLOSED_KEY}"].orValue("") == "true"`, START_CLOSED_FLAG),
});

/** CEL: the value of an optional setting, or an empty text. */
const optional = (key: string): string => `params.?data[?"${key}"].orValue("")`;
const IS_LOCKED = `${optional(EGRESS_KEY)} == "${EGRESS_LOCKED}"`;
const CIDRS = `${optional(ALLOWED_CIDRS_KEY)}.split(",").filter(c, c != "")`;
const CIDRS_4 = `${CIDRS}.filter(c, !c.contains(":"))`;
const CIDRS_6 = `${CIDRS}.filter(c, c.contains(":"))`;

/** The lock with its places open, as {@link OPEN_TEMPLATE} is. */
export const OPEN_LOCK = lockContainer(
  {
    image: celHole(`params.data["${LOCK_IMAGE_KEY}"]`),
    allow4: celWhen(`${CIDRS_4}.size() > 0`, allowStatement('ip', celHole(`${CIDRS_4}.join(", ")`))),
    allow6: celWhen(`${CIDRS_6}.size() > 0`, allowStatement('ip6', celHole(`${CIDRS_6}.join(", ")`))),
  },
  GATE_UID,
);

/** The variable with the names of settings that the ConfigMap lacks, or that cannot be so; or an empty text. */
export const MISSING_SETTING: PolicyVariable = {
  name: 'missing',
  expression: `(${celOf(Object.values(SETTING_KEYS))}.filter(key, params.?data[?key].orValue("") == "")
+ (${optional(EGRESS_KEY)} in ${celOf(EGRESS_VALUES)} ? [] : ["${EGRESS_KEY}"])
+ (${IS_LOCKED} && ${optional(LOCK_IMAGE_KEY)} == "" ? ["${LOCK_IMAGE_KEY}"] : [])
+ (${CIDRS}.all(c, isCIDR(c)) ? [] : ["${ALLOWED_CIDRS_KEY}"])).join(", ")`,
};

/** True where pods that are made are locked. */
export const LOCKED: PolicyVariable = { name: 'locked', expression: IS_LOCKED };

/** True for a pod that was made with its lock, whatever is set by now. */
export const LOCKED_POD: PolicyVariable = {
  name: 'locked',
  expression: `object.spec.?initContainers.orValue([]).exists(c, c.name == "${LOCK_CONTAINER}")`,
};

/** True in a namespace that keeps its service-account tokens, where the settings allow it. */
export const KEEPS_TOKENS: PolicyVariable = {
  name: 'keepsTokens',
  expression: `params.?data[?"${KEEP_TOKEN_KEY}"].orValue("") == "true" && namespaceObject.metadata.?annotations[?"${KEEP_TOKENS_ANNOTATION}"].orValue("") == "true"`,
};

/** The paths of the node that pods may mount. */
export const HOST_PATHS: PolicyVariable = {
  name: 'hostPaths',
  expression: `params.?data[?"${HOST_PATHS_KEY}"].orValue("").split(",")`,
};

/** What a policy needs that judges pods of labelled namespaces by the ConfigMap. */
export const BY_CONFIG_MAP = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } } as const;

/** The binding of such a policy. Without the ConfigMap nothing passes. */
export function configMapBinding(): object {
  return {
    paramRef: { name: INJECTION_CONFIG_MAP, namespace: DEFAULT_NAMESPACE, parameterNotFoundAction: 'Deny' },
    matchResources: LABELLED,
  };
}

/** Of a binding: labelled namespaces alone. */
export const LABELLED = { namespaceSelector: { matchLabels: { [INJECTION_LABEL]: 'enabled' } } } as const;

/** Of a binding: all other namespaces. */
export const UNLABELLED = {
  namespaceSelector: { matchExpressions: [{ key: INJECTION_LABEL, operator: 'NotIn', values: ['enabled'] }] },
} as const;

const VARIABLES: readonly PolicyVariable[] = [
  MISSING_SETTING,
  KEEPS_TOKENS,
  {
    name: 'dropped',
    expression: `variables.locked ? ${celOf(droppedCapabilities(true))} : ${celOf(droppedCapabilities(false))}`,
  },
  { name: 'gate', expression: celOf(OPEN_TEMPLATE.container) },
  { name: 'volumes', expression: celOf(OPEN_TEMPLATE.volumes) },
  { name: 'trust', expression: celOf(OPEN_TEMPLATE.agent.variables) },
  {
    name: 'mounts',
    expression: `variables.keepsTokens ? ${celOf(agentMounts(OPEN_TEMPLATE.agent.mounts, true))} : ${celOf(agentMounts(OPEN_TEMPLATE.agent.mounts, false))}`,
  },
];

/** What {@link injectPod} does, as MutatingAdmissionPolicies with their bindings: no process of ours is needed to make a pod. */
export function mutatingPolicies(): readonly object[] {
  return [
    ...policy('sidegate-inject', 'CREATE', 'pods', [LOCKED, ...VARIABLES, ...OWN], POD_PATCH),
    ...policy(
      'sidegate-inject-ephemeral',
      'UPDATE',
      'pods/ephemeralcontainers',
      [LOCKED_POD, ...VARIABLES],
      EPHEMERAL_PATCH,
    ),
  ];
}

function policy(
  name: string,
  operation: string,
  resource: string,
  variables: readonly PolicyVariable[],
  patch: string,
): readonly object[] {
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicy',
      metadata: { name },
      spec: {
        ...BY_CONFIG_MAP,
        failurePolicy: 'Fail',
        // Once more when another webhook added a container.
        reinvocationPolicy: 'IfNeeded',
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: [resource] }],
        },
        variables,
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: patch } }],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, ...configMapBinding() },
    },
  ];
}

/** CEL: the container `c` may open raw sockets, where its user may. */
export const KEEPS_RAW = `!c.?securityContext.?capabilities.?drop.orValue([]).exists(d, d in ${celOf(RAW_DROPPED)})`;

/** CEL: the container `c` is an agent's. */
const IS_AGENT = `!(c.name in ${celOf(OWN_CONTAINERS)})`;

/** CEL: the capabilities that the container `c` still has to drop. */
const UNDROPPED = `variables.dropped.filter(x, !c.?securityContext.?capabilities.?drop.orValue([]).exists(d, d == "ALL" || d == x))`;

/** Of a list of agents' containers: each one's variables and mounts. Literals of `Object` types in a list crash the API server, so there are none. */
function agentPatches(list: string): string {
  const path = (field: string): string => `"/spec/${list}/" + string(i) + "/${field}"`;
  return `object.spec.?${list}.orValue([]).transformList(i, c, ${IS_AGENT},
  JSONPatch{op: "add", path: ${path('env')}, value:
    c.?env.orValue([]).map(e, dyn(e)) + variables.trust.filter(v, !c.?env.orValue([]).exists(e, e.name == v.name))})
+ object.spec.?${list}.orValue([]).transformList(i, c, ${IS_AGENT},
  JSONPatch{op: "add", path: ${path('volumeMounts')}, value:
    c.?volumeMounts.orValue([]).filter(m, !variables.mounts.exists(o, o.mountPath == m.mountPath)).map(m,
      variables.keepsTokens || !m.name.startsWith("${API_VOLUME}") ? dyn(m)
      : dyn(m.transformMapEntry(k, v, {k: k == "name" ? dyn("${AGENT_TOKEN_VOLUME}") : dyn(v)})))
    + variables.mounts})
+ object.spec.?${list}.orValue([]).transformList(i, c, ${IS_AGENT} && ${UNDROPPED}.size() > 0,
  JSONPatch{op: "add",
    path: ${path('securityContext')} + (!has(c.securityContext) ? "" : !has(c.securityContext.capabilities) ? "/capabilities" : "/capabilities/drop"),
    value: !has(c.securityContext) ? dyn({"capabilities": dyn({"drop": dyn(${UNDROPPED})})})
      : !has(c.securityContext.capabilities) ? dyn({"drop": dyn(${UNDROPPED})})
      : dyn(c.securityContext.capabilities.?drop.orValue([]).map(d, dyn(d)) + ${UNDROPPED}.map(d, dyn(d)))})
+ object.spec.?${list}.orValue([]).transformList(i, c, variables.locked && ${IS_AGENT} && !c.?securityContext.?allowPrivilegeEscalation.hasValue(),
  JSONPatch{op: "add", path: ${path('securityContext/allowPrivilegeEscalation')}, value: false})
+ object.spec.?${list}.orValue([]).transformList(i, c, !${IS_AGENT} && has(c.volumeMounts) && !variables.keepsTokens,
  JSONPatch{op: "add", path: ${path('volumeMounts')}, value:
    c.volumeMounts.filter(m, !m.name.startsWith("${API_VOLUME}")).map(m, dyn(m))})`;
}

const HAS_GATE = `object.spec.?initContainers.orValue([]).exists(c, c.name == "${GATE_CONTAINER}")`;

/** Our containers that the pod does not bring, the lock first. */
const OWN: readonly PolicyVariable[] = [
  { name: 'lock', expression: celOf(OPEN_LOCK) },
  {
    name: 'own',
    expression: `((variables.locked ? [dyn(variables.lock)] : []) + [dyn(variables.gate)])
  .filter(o, !(object.spec.?initContainers.orValue([]) + object.spec.containers).exists(c, c.name == o.name))`,
  },
];

const POD_PATCH = `variables.missing != "" ? [] : (
${agentPatches('containers')}
+ ${agentPatches('initContainers')}
+ (has(object.spec.initContainers)
  ? variables.own.transformList(i, o, JSONPatch{op: "add", path: "/spec/initContainers/" + string(i), value: o})
  : variables.own.size() == 0 ? [] : [JSONPatch{op: "add", path: "/spec/initContainers", value: variables.own}])
+ [JSONPatch{op: "add", path: "/spec/volumes", value:
  object.spec.?volumes.orValue([]).filter(v, variables.keepsTokens || !v.name.startsWith("${API_VOLUME}")).map(v, dyn(v))
  + variables.volumes.filter(o, !object.spec.?volumes.orValue([]).exists(v, v.name == o.name))}]
+ (has(object.spec.securityContext) ? [] : [JSONPatch{op: "add", path: "/spec/securityContext", value: {}}])
+ [JSONPatch{op: "add", path: "/spec/securityContext/sysctls", value:
    object.spec.?securityContext.?sysctls.orValue([]).filter(s, s.name != "${PORT_SYSCTL.name}").map(s, dyn(s))
    + ${celOf(OPEN_TEMPLATE.sysctls)}},
  JSONPatch{op: "add", path: "/spec/dnsPolicy", value: "None"},
  JSONPatch{op: "add", path: "/spec/dnsConfig", value: ${celOf(dnsConfig(celHole('request.namespace'), OPEN_TEMPLATE.clusterDomain))}},
  JSONPatch{op: "add", path: "/spec/automountServiceAccountToken", value: false}])`;

const EPHEMERAL_PATCH = `variables.missing != "" || !${HAS_GATE} ? [] : (
${agentPatches('ephemeralContainers')})`;

function setting(field: keyof typeof SETTING_KEYS): string {
  return celHole(`params.data["${SETTING_KEYS[field]}"]`);
}
