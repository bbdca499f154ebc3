import { type ApprovalTerms, assertNever, type Policy, type PolicyRule } from '@sidegate/crds';
import { requireApprovers } from './approval/terms.ts';
import type { LimitRule } from './budget/limit-rule.ts';
import { compileLimit } from './compiled-limit.ts';
import { type CompiledMask, compileMask } from './compiled-mask.ts';
import type { Condition, ConditionCompiler } from './condition.ts';
import type { RuleReference } from './decision.ts';
import { type CommandTest, compileCommandMatch } from './match/command-match.ts';
import { sortedBy } from './order.ts';
import { FaultList, fieldOf, type ResourcePlace } from './policy-fault.ts';
import type { ObjectName } from './session-rules.ts';

/** Most rules, masks or limits of one policy, and most names in one selector. */
export const POLICY_ITEMS_MAX = 256;

export interface CompiledRule {
  readonly by: RuleReference;
  readonly action: PolicyRule['action'];
  readonly reason: string;
  readonly terms: ApprovalTerms | undefined;
  readonly when: Condition | undefined;
  /** Leans to matching: what it denies or holds. */
  readonly restricts: CommandTest;
  /** Leans to not matching: what it allows, or would allow once approved. */
  readonly permits: CommandTest;
  /** The patterns of Redis keys that it tells apart. */
  readonly keyPatterns: readonly string[];
}

/** A policy, checked, with its patterns compiled. Rules, masks and limits are in the order of their names. */
export interface CompiledPolicy {
  readonly id: ObjectName;
  readonly mode: 'Enforce' | 'Observe';
  /** Undefined: every Target in scope. */
  readonly targets: readonly ObjectName[] | undefined;
  /** Undefined: every identity. */
  readonly who: { readonly groups: readonly string[]; readonly subjects: readonly string[] } | undefined;
  readonly rules: readonly CompiledRule[];
  readonly masks: readonly CompiledMask[];
  readonly limits: readonly LimitRule[];
  readonly allowIncomplete: readonly string[];
}

/** Compiles one policy; what is wrong with it is added to `faults`, all at once. */
export function compilePolicy(policy: Policy, conditions: ConditionCompiler, faults: FaultList): CompiledPolicy {
  const { spec } = policy;
  const id = { namespace: policy.metadata.namespace ?? 'default', name: policy.metadata.name };
  const place: ResourcePlace = { kind: 'Policy', ...id, field: 'spec' };
  const { targetRefs = [], groups = [], subjects = [] } = spec.selector ?? {};
  boundLists(spec, place, faults);
  for (const list of ['rules', 'masks', 'limits'] as const) refuseSameNames(spec[list] ?? [], list, place, faults);
  return {
    id,
    mode: spec.mode ?? 'Enforce',
    targets:
      targetRefs.length === 0
        ? undefined
        : targetRefs.map((ref) => ({ namespace: ref.namespace ?? id.namespace, name: ref.name })),
    who: groups.length + subjects.length === 0 ? undefined : { groups, subjects },
    rules: sortedBy(
      (spec.rules ?? []).map((rule, index) =>
        compileRule(rule, id, fieldOf(place, `spec.rules[${index}]`), conditions, faults),
      ),
      (rule) => rule.by.rule,
    ),
    masks: sortedBy(
      (spec.masks ?? []).map((mask, index) => compileMask(mask, id, fieldOf(place, `spec.masks[${index}]`), faults)),
      ({ mask }) => mask.rule,
    ),
    limits: sortedBy(
      (spec.limits ?? []).map((limit, index) =>
        compileLimit(limit, id, fieldOf(place, `spec.limits[${index}]`), faults),
      ),
      (limit) => limit.name,
    ),
    allowIncomplete: spec.allowIncomplete ?? [],
  };
}

function compileRule(
  rule: PolicyRule,
  policy: ObjectName,
  place: ResourcePlace,
  conditions: ConditionCompiler,
  faults: FaultList,
): CompiledRule {
  const matchPlace = fieldOf(place, `${place.field}.match`);
  requireApprovers(rule.action, rule.approval, place, faults);
  return {
    by: { policy, rule: rule.name },
    action: rule.action,
    reason: rule.reason ?? defaultReason(rule, policy),
    terms: rule.approval,
    when:
      rule.when === undefined
        ? undefined
        : conditions.compile(rule.when, fieldOf(place, `${place.field}.when`), faults),
    restricts: compileCommandMatch(rule.match, 'Restrict', matchPlace, faults),
    // The same patterns: their faults are told once.
    permits: compileCommandMatch(rule.match, 'Permit', matchPlace, new FaultList()),
    keyPatterns: rule.match?.redis?.keys?.map(({ name }) => name) ?? [],
  };
}

function defaultReason(rule: PolicyRule, policy: ObjectName): string {
  const name = `${policy.namespace}/${policy.name}/${rule.name}`;
  switch (rule.action) {
    case 'Allow':
      return `Rule ${name} allows it.`;
    case 'Deny':
      return `Rule ${name} denies it.`;
    case 'RequireApproval':
      return `Rule ${name} asks for an approval.`;
    default:
      return assertNever(rule.action);
  }
}

function boundLists(spec: Policy['spec'], place: ResourcePlace, faults: FaultList): void {
  const lists: readonly (readonly [string, readonly unknown[] | undefined])[] = [
    ['spec.rules', spec.rules],
    ['spec.masks', spec.masks],
    ['spec.limits', spec.limits],
    ['spec.selector.targetRefs', spec.selector?.targetRefs],
    ['spec.selector.groups', spec.selector?.groups],
    ['spec.selector.subjects', spec.selector?.subjects],
  ];
  for (const [field, list = []] of lists) {
    if (list.length <= POLICY_ITEMS_MAX) continue;
    faults.add(
      fieldOf(place, field),
      'OutOfBounds',
      `It has ${list.length} items; at most ${POLICY_ITEMS_MAX} are taken.`,
      'Split the policy.',
    );
  }
}

function refuseSameNames(
  items: readonly { readonly name: string }[],
  list: string,
  place: ResourcePlace,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const [index, { name }] of items.entries()) {
    if (seen.has(name)) {
      faults.add(
        fieldOf(place, `spec.${list}[${index}].name`),
        'Duplicate',
        `There are two ${list} named ${JSON.stringify(name)}.`,
        'A name stands for one: records and approvals point at it.',
      );
    }
    seen.add(name);
  }
}
