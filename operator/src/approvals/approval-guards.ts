/** One thing that is refused of an ApprovalRequest. */
export interface ApprovalGuard {
  /** Its name within the policy. */
  readonly id: string;
  /** CEL: true when the request may pass. */
  readonly expression: string;
  /** What is refused, and how to mend it. */
  readonly message: string;
}

/** Guards of the same requests. */
export interface ApprovalGuardPolicy {
  readonly name: string;
  readonly operations: readonly ('CREATE' | 'UPDATE')[];
  readonly resource: 'approvalrequests' | 'approvalrequests/status';
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly clauses: readonly ApprovalGuard[];
}

function mayDo(verb: string): string {
  return `authorizer.group("sidegate.dev").resource("approvalrequests").namespace(request.namespace).name(request.name).check("${verb}").allowed()`;
}

/** CEL: the operator asks: by its service account's name, which others may bear, and by a verb that only the chart's role gives. */
const IS_OPERATOR = {
  name: 'isOperator',
  expression: `request.userInfo.username.matches("^system:serviceaccount:[^:]+:sidegate-operator$") && ${mayDo('operate')}`,
};

/** Who may make and change requests: the operator. */
const REQUEST_GUARDS: ApprovalGuardPolicy = {
  name: 'sidegate-approval-requests',
  operations: ['CREATE', 'UPDATE'],
  resource: 'approvalrequests',
  variables: [IS_OPERATOR],
  clauses: [
    {
      id: 'create',
      expression: 'request.operation != "CREATE" || variables.isOperator',
      message:
        'ApprovalRequests are made by the operator alone, for commands that wait at a gate. Let the agent ask, and decide that request.',
    },
    {
      id: 'change',
      // Whoever collects garbage may take owners away.
      expression:
        'request.operation != "UPDATE" || variables.isOperator || (object.spec == oldObject.spec && object.metadata.?labels == oldObject.metadata.?labels && object.metadata.?annotations == oldObject.metadata.?annotations)',
      message: 'What was asked cannot change. Refuse this request and let the agent ask again.',
    },
  ],
};

/** Who may decide, and how. What an entry says is checked here, where the API server knows who writes it; the operator judges it again. */
const DECISION_GUARDS: ApprovalGuardPolicy = {
  name: 'sidegate-approval-decisions',
  operations: ['UPDATE'],
  resource: 'approvalrequests/status',
  variables: [
    IS_OPERATOR,
    { name: 'me', expression: 'request.userInfo.username' },
    { name: 'before', expression: 'oldObject.?status.?decisions.orValue({})' },
    { name: 'after', expression: 'object.?status.?decisions.orValue({})' },
    { name: 'isMine', expression: 'variables.me in variables.after && !(variables.me in variables.before)' },
    {
      name: 'groups',
      expression: 'variables.me in variables.after ? variables.after[variables.me].?groups.orValue([]) : []',
    },
  ],
  clauses: [
    {
      id: 'right',
      expression: `variables.isOperator || ${mayDo('approve')}`,
      message:
        'Deciding needs the RBAC verb approve on this ApprovalRequest: ask for the ClusterRole sidegate-approver.',
    },
    {
      id: 'own',
      expression: 'variables.isOperator || variables.after.all(user, user in variables.before || user == variables.me)',
      message: 'An entry in status.decisions bears the name of the user who writes it. See kubectl auth whoami.',
    },
    {
      id: 'kept',
      expression:
        'variables.before.all(user, user in variables.after && variables.after[user] == variables.before[user])',
      message: 'A decision that was made cannot change. Let the agent ask again.',
    },
    {
      id: 'conditions',
      expression:
        'variables.isOperator || (object.?status.?conditions.orValue([]) == oldObject.?status.?conditions.orValue([]) && object.?status.?observedGeneration.orValue(0) == oldObject.?status.?observedGeneration.orValue(0))',
      message: 'What came of a request is said by the operator alone. Write status.decisions only.',
    },
    {
      id: 'requester',
      expression:
        'variables.isOperator || !variables.isMine || !(variables.me in object.spec.identity.?users.orValue([]))',
      message: 'Nobody decides what they asked for themselves. Ask another approver.',
    },
    {
      id: 'named',
      expression:
        'variables.isOperator || !variables.isMine || variables.me in object.spec.?approverUsers.orValue([]) || variables.groups.exists(group, group in object.spec.approval.approvers.?groups.orValue([]))',
      message:
        'The rule names neither this user nor a group that the entry states. Put one of spec.approval.approvers.groups that is yours into groups.',
    },
    {
      id: 'groups',
      expression:
        'variables.isOperator || !variables.isMine || variables.groups.all(group, group in request.userInfo.?groups.orValue([]))',
      message: 'The entry states a group that the user is not in. See kubectl auth whoami.',
    },
    {
      id: 'open',
      expression:
        'variables.isOperator || !variables.isMine || !oldObject.?status.?conditions.orValue([]).exists(one, one.type == "Decided" && one.status == "True")',
      message: 'This request is decided already, or its time is over. Let the agent ask again.',
    },
  ],
};

/** Every guard of ApprovalRequests, by the policy that it is a clause of. */
export const APPROVAL_GUARD_POLICIES: readonly ApprovalGuardPolicy[] = [REQUEST_GUARDS, DECISION_GUARDS];

/**
 * The guards as ValidatingAdmissionPolicies with their bindings. `without` names clauses (`policy/clause`) that are left out, so that a test can
 * show what each is for.
 */
export function approvalGuards(without: ReadonlySet<string> = new Set()): readonly object[] {
  return APPROVAL_GUARD_POLICIES.flatMap((policy) => render(policy, without));
}

function render({ name, operations, resource, variables, clauses }: ApprovalGuardPolicy, without: ReadonlySet<string>) {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['sidegate.dev'], apiVersions: ['*'], operations, resources: [resource] };
  const kept = clauses.filter(({ id }) => !without.has(`${name}/${id}`));
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [rule] },
        variables,
        validations: kept.map(({ expression, message }) => ({ expression, message, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
