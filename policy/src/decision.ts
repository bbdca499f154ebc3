import type { ApprovalTerms } from '@sidegate/crds';

/** The rule that spoke: the policy that holds it and its name; built-in rules (`incomplete`, `default`, `masked-condition`) have no policy. */
export interface RuleReference {
  readonly policy: { readonly namespace: string; readonly name: string } | undefined;
  readonly rule: string;
}

/** `namespace/policy/rule`, or the name alone of what is built in. */
export function ruleName(by: RuleReference): string {
  return by.policy === undefined ? by.rule : `${by.policy.namespace}/${by.policy.name}/${by.rule}`;
}

/** A rule of a policy in Observe mode that would have changed the answer. */
export interface Observation {
  readonly by: RuleReference;
  readonly action: 'Deny' | 'RequireApproval';
  readonly reason: string;
}

/** The answer to one command. `by` and `reason` are what the agent, the approver and the record see. */
export type Decision = {
  readonly by: RuleReference;
  readonly reason: string;
  /** The version of the bundle that decided. */
  readonly version: string;
  readonly observed: readonly Observation[];
} & (
  | { readonly action: 'Allow' }
  | { readonly action: 'Deny' }
  | {
      readonly action: 'RequireApproval';
      readonly terms: ApprovalTerms;
      readonly owner: { readonly namespace: string };
    }
);
