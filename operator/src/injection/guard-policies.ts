import type { GuardPolicy } from './guard.ts';
import { DEBUG_GUARDS, OUTSIDE_GUARDS, POD_GUARDS } from './guards-of-pods.ts';
import { CHANGE_GUARDS, CONNECT_GUARDS, NAMESPACE_GUARDS, SECRET_GUARDS, TOKEN_GUARDS } from './guards-of-rights.ts';
import { BY_CONFIG_MAP, configMapBinding, LABELLED, UNLABELLED } from './mutating-policy.ts';

/** Every guard, by the policy that it is a clause of. */
export const GUARD_POLICIES: readonly GuardPolicy[] = [
  POD_GUARDS,
  OUTSIDE_GUARDS,
  DEBUG_GUARDS,
  CHANGE_GUARDS,
  ...CONNECT_GUARDS,
  TOKEN_GUARDS,
  NAMESPACE_GUARDS,
  SECRET_GUARDS,
];

/**
 * The guards as ValidatingAdmissionPolicies with their bindings: the last word on a pod, whoever put the gate in, with no process of ours running.
 * `without` names clauses (`policy/clause`) and resources
 * (`policy@resource`) that are left out, so that a test can show what each is for.
 */
export function guardPolicies(without: ReadonlySet<string> = new Set()): readonly object[] {
  return GUARD_POLICIES.flatMap((policy) => render(policy, without));
}

function render(policy: GuardPolicy, without: ReadonlySet<string>): readonly object[] {
  const { name, scope, operations, matchConditions = [], variables = [] } = policy;
  const resources = policy.resources.filter((resource) => !without.has(`${name}@${resource}`));
  const clauses = policy.clauses.filter(({ id }) => !without.has(`${name}/${id}`));
  const metadata = { name };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        ...(scope === 'LabelledByConfigMap' ? BY_CONFIG_MAP : {}),
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources }] },
        ...(matchConditions.length === 0 ? {} : { matchConditions }),
        ...(variables.length === 0 ? {} : { variables }),
        // One that always holds: a policy without clauses is refused.
        validations:
          clauses.length === 0
            ? [{ expression: 'true' }]
            : clauses.map(({ expression, message, messageExpression }) => ({
                expression,
                message,
                ...(messageExpression === undefined ? {} : { messageExpression }),
                reason: 'Forbidden',
              })),
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: name,
        validationActions: ['Deny'],
        ...(scope === 'LabelledByConfigMap' ? configMapBinding() : {}),
        ...(scope === 'Labelled' ? { matchResources: LABELLED } : {}),
        ...(scope === 'Unlabelled' ? { matchResources: UNLABELLED } : {}),
      },
    },
  ];
}
