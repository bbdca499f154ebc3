import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION } from '@sidegate/crds';
import { OWN_CONTAINERS } from './agent-container.ts';
import { celOf } from './cel.ts';
import { LOCK_CONTAINER } from './egress-lock.ts';
import { AGENT_AUDIENCE, GATE_AUDIENCE, GATE_CONTAINER } from './gate-template.ts';
import { type GuardPolicy, hasVerb, isLabelled } from './guard.ts';

const OWN_OF = (object: string): string =>
  `${object}.spec.?initContainers.orValue([]).filter(c, c.name in ${celOf(OWN_CONTAINERS)})`;

/** What may be changed of a pod that has its gate: nothing of our containers. A lock is run again when the pod's sandbox is made anew. */
export const CHANGE_GUARDS: GuardPolicy = {
  name: 'sidegate-pod-changes',
  scope: 'Labelled',
  operations: ['UPDATE'],
  resources: ['pods', 'pods/resize', 'pods/ephemeralcontainers'],
  variables: [
    { name: 'before', expression: OWN_OF('oldObject') },
    { name: 'after', expression: OWN_OF('object') },
  ],
  clauses: [
    {
      id: 'image',
      expression: 'variables.before.map(c, c.image) == variables.after.map(c, c.image)',
      message: `The image of the container ${GATE_CONTAINER} cannot be changed in a pod that is there, nor that of ${LOCK_CONTAINER}. Make the pod again: it gets the gate of today.`,
    },
    {
      id: 'resources',
      expression:
        'variables.before.map(c, c.?resources.orValue({})) == variables.after.map(c, c.?resources.orValue({}))',
      message: `The resources of the container ${GATE_CONTAINER} cannot be changed: a gate that is starved does not record. Resize the other containers.`,
    },
  ],
};

/** Who may connect to containers. */
export const CONNECT_GUARDS: readonly GuardPolicy[] = [
  {
    name: 'sidegate-exec',
    scope: 'Labelled',
    operations: ['CONNECT'],
    resources: ['pods/exec', 'pods/attach'],
    clauses: [
      {
        id: 'gate',
        expression: `!(object.?container.orValue("") in ${celOf(OWN_CONTAINERS)})`,
        message: `Nobody runs programs in the container ${GATE_CONTAINER}, or in ${LOCK_CONTAINER}, or attaches to it: it holds the credentials. Name another container with -c; its log can be read with kubectl logs.`,
      },
    ],
  },
  {
    name: 'sidegate-port-forward',
    scope: 'Labelled',
    operations: ['CONNECT'],
    resources: ['pods/portforward'],
    clauses: [
      {
        id: 'right',
        expression: hasVerb('pods', 'portforward', 'request.name'),
        message:
          'A forwarded port comes out beside the gate, where only the agent should speak. Whoever may do so nevertheless needs the RBAC verb portforward on pods in the API group sidegate.dev.',
      },
    ],
  },
];

/** Who may have tokens of our audiences made: they open what is the gate's alone. */
export const TOKEN_GUARDS: GuardPolicy = {
  name: 'sidegate-tokens',
  scope: 'Everywhere',
  operations: ['CREATE'],
  resources: ['serviceaccounts/token'],
  clauses: [
    {
      id: 'audience',
      expression: `!object.spec.?audiences.orValue([]).exists(a, a in ["${GATE_AUDIENCE}", "${AGENT_AUDIENCE}"]) || "system:nodes" in request.userInfo.?groups.orValue([])`,
      message: `Only kubelets request tokens of the audiences ${GATE_AUDIENCE} and ${AGENT_AUDIENCE}: they mount them into pods. Ask for another audience.`,
    },
  ],
};

/** Who may turn injection off, or give back what it takes away. */
export const NAMESPACE_GUARDS: GuardPolicy = {
  name: 'sidegate-namespaces',
  scope: 'Everywhere',
  operations: ['UPDATE'],
  // A change of the label passes through each of them.
  resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'],
  matchConditions: [{ name: 'labelled', expression: isLabelled('oldObject') }],
  clauses: [
    {
      id: 'label',
      expression: `${isLabelled('object')} || ${hasVerb('namespaces', 'unlabel', 'request.name')}`,
      message: `The label ${INJECTION_LABEL}=enabled stays: without it pods get no gate. Whoever may take it away needs the RBAC verb unlabel on namespaces in the API group sidegate.dev (cluster-admin has it).`,
    },
    {
      id: 'tokens',
      expression: `object.metadata.?annotations[?"${KEEP_TOKENS_ANNOTATION}"] == oldObject.metadata.?annotations[?"${KEEP_TOKENS_ANNOTATION}"] || ${hasVerb('namespaces', 'unlabel', 'request.name')}`,
      message: `The annotation ${KEEP_TOKENS_ANNOTATION} gives agents the API server's tokens. Whoever may change it needs the RBAC verb unlabel on namespaces in the API group sidegate.dev (cluster-admin has it).`,
    },
  ],
};

/** A token in a Secret never expires, and every pod of the namespace may mount it. */
export const SECRET_GUARDS: GuardPolicy = {
  name: 'sidegate-token-secrets',
  scope: 'Labelled',
  operations: ['CREATE'],
  resources: ['secrets'],
  clauses: [
    {
      id: 'type',
      expression: 'object.?type.orValue("") != "kubernetes.io/service-account-token"',
      message:
        'A Secret that holds a service-account token cannot be made where agents run: they could mount it. Keep it in another namespace.',
    },
  ],
};
