import type { DefaultAction } from '@sidegate/crds';
import type { BoundPolicy, Voice } from './bound-policy.ts';
import { type BuiltInDenial, blindRead, unnamedForward, unreadable } from './built-in.ts';
import type { Command } from './command.ts';
import type { CompiledRule } from './compiled-policy.ts';
import { type ConditionSurroundings, conditionInput } from './condition.ts';
import { type Decision, type Observation, type RuleReference, ruleName } from './decision.ts';
import type { MaskRules } from './masking.ts';
import { type CommandPart, partsOf } from './match/command-part.ts';
import { compareText } from './order.ts';
import { judgeRule, type RuleJudgement } from './rule-judgement.ts';
import type { ObjectName } from './session-rules.ts';

export type SideName = Exclude<Voice, 'Operator'>;
type Action = Decision['action'];

/** All that a decision in one session rests on, besides the command. */
export interface Scope {
  readonly version: string;
  readonly target: { readonly id: ObjectName; readonly defaultAction: DefaultAction };
  readonly access: { readonly id: ObjectName; readonly defaultAction: DefaultAction };
  /** In the order of their names. */
  readonly bound: readonly BoundPolicy[];
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  readonly surroundings: ConditionSurroundings;
}

/** What one side says. `rule` is the rule that spoke, undefined for the side's default action. */
export interface SideJudgement {
  readonly side: SideName;
  readonly id: ObjectName;
  readonly defaultAction: DefaultAction;
  readonly action: Action;
  readonly rule: CompiledRule | undefined;
  /** Parts that no rule of this side covers; its default action speaks for them. */
  readonly uncovered: readonly CommandPart[];
  /** Rules that wait for a human, the strictest first. */
  readonly holds: readonly CompiledRule[];
}

/** A decision with everything that was weighed. `explain` shows it; `decide` keeps the decision. */
export interface Judgement {
  readonly decision: Decision;
  readonly parts: readonly CommandPart[];
  readonly sides: readonly SideJudgement[];
  readonly rules: readonly RuleJudgement[];
  readonly builtIn: readonly BuiltInDenial[];
}

const RANK: Readonly<Record<Action, number>> = { Allow: 0, RequireApproval: 1, Deny: 2 };

/** Judges a command. Pure, never throws; every rule is looked at, so that the answer and its explanation are one. */
export function judge(scope: Scope, command: Command, granted: (by: RuleReference) => boolean): Judgement {
  const parts = partsOf(command);
  const input = conditionInput(command, scope.surroundings);
  const rules = scope.bound.flatMap((bound) =>
    bound.policy.rules.map((rule) => judgeRule(bound, rule, command, parts.length, input)),
  );
  const enforced = rules.filter(({ bound }) => bound.policy.mode === 'Enforce');
  const target = judgeSide('Target', scope.target, enforced, parts, granted);
  const sides = [target, judgeSide('AgentAccess', scope.access, enforced, parts, granted)];
  const incomplete = unreadable(command, scope.bound);
  const other = blindRead(command, scope.masks) ?? unnamedForward(command, target.uncovered);
  const builtIn = [incomplete, other].filter((denial) => denial !== undefined);
  const answer = strictest(sides, incomplete, other);
  const decision: Decision = {
    ...answer,
    version: scope.version,
    observed: observe(scope, command, rules, answer.action),
  };
  return { decision, parts, sides, rules, builtIn };
}

function judgeSide(
  side: SideName,
  { id, defaultAction }: Scope['target'],
  rules: readonly RuleJudgement[],
  parts: readonly CommandPart[],
  granted: (by: RuleReference) => boolean,
): SideJudgement {
  const ofSide = rules.filter(({ bound }) => bound.voices.includes(side));
  const restricting = rules.filter(({ bound }) => bound.voices.includes(side) || bound.voices.includes('Operator'));
  const denial = restricting.find(({ rule, restricts }) => rule.action === 'Deny' && restricts)?.rule;
  const holds = restricting
    .filter(({ rule, restricts }) => rule.action === 'RequireApproval' && restricts && !granted(rule.by))
    .map(({ rule }) => rule)
    .toSorted(byStrictestTerms);
  const giving = ofSide.filter(({ bound, covered }) => bound.certain && covered !== undefined);
  const uncovered = parts.filter((_, index) => !giving.some(({ covered }) => covered?.[index] === true));
  const base = { side, id, defaultAction, uncovered, holds };
  if (denial !== undefined) return { ...base, action: 'Deny', rule: denial };
  if (uncovered.length > 0 && defaultAction === 'Deny') return { ...base, action: 'Deny', rule: undefined };
  if (holds.length > 0) return { ...base, action: 'RequireApproval', rule: holds[0] };
  return { ...base, action: 'Allow', rule: uncovered.length === 0 ? giving[0]?.rule : undefined };
}

function byStrictestTerms(one: CompiledRule, other: CompiledRule): number {
  const count = (other.terms?.count ?? 1) - (one.terms?.count ?? 1);
  return count === 0 ? compareText(ruleName(one.by), ruleName(other.by)) : count;
}

type Answer =
  | { readonly action: 'Allow' | 'Deny'; readonly by: RuleReference; readonly reason: string }
  | Pick<Extract<Decision, { action: 'RequireApproval' }>, 'action' | 'by' | 'reason' | 'terms' | 'owner'>;

/**
 * The strictest of all that spoke. Among denials the one that tells the most is named: what could not be read makes every other reason
 * doubtful; a rule that somebody wrote says more than what is built in; a default says the least.
 */
function strictest(
  sides: readonly SideJudgement[],
  incomplete: BuiltInDenial | undefined,
  other: BuiltInDenial | undefined,
): Answer {
  if (incomplete !== undefined) return builtInAnswer(incomplete);
  const denying = sides.filter((side) => side.action === 'Deny');
  const written = denying.find((side) => side.rule !== undefined)?.rule;
  if (written !== undefined) return { action: 'Deny', by: written.by, reason: written.reason };
  if (other !== undefined) return builtInAnswer(other);
  const byDefault = denying[0];
  if (byDefault !== undefined) return { action: 'Deny', by: builtInRule('default'), reason: defaultDenial(byDefault) };
  const hold = sides.flatMap((side) => side.holds).toSorted(byStrictestTerms)[0];
  if (hold?.terms !== undefined && hold.by.policy !== undefined) {
    const owner = { namespace: hold.by.policy.namespace };
    return { action: 'RequireApproval', by: hold.by, reason: hold.reason, terms: hold.terms, owner };
  }
  const allowing = sides.find((side) => side.rule !== undefined)?.rule;
  if (allowing !== undefined) return { action: 'Allow', by: allowing.by, reason: allowing.reason };
  return {
    action: 'Allow',
    by: builtInRule('default'),
    reason: 'No rule speaks against it, and both sides allow by default.',
  };
}

function builtInRule(rule: string): RuleReference {
  return { policy: undefined, rule };
}

function builtInAnswer({ rule, reason }: BuiltInDenial): Answer {
  return { action: 'Deny', by: builtInRule(rule), reason };
}

const PARTS_NAMED_MAX = 3;

function defaultDenial({ side, id, uncovered }: SideJudgement): string {
  const named = uncovered.slice(0, PARTS_NAMED_MAX).map((part) => part.text);
  const more = uncovered.length > named.length ? ` and ${uncovered.length - named.length} more` : '';
  return `No rule of ${side} ${id.namespace}/${id.name}'s side allows ${named.join(', ')}${more}, and its default action is Deny.`;
}

/** What policies in Observe mode would have made stricter. */
function observe(
  scope: Scope,
  command: Command,
  rules: readonly RuleJudgement[],
  action: Action,
): readonly Observation[] {
  const observed = rules.flatMap(({ bound, rule, restricts }): readonly Observation[] => {
    if (bound.policy.mode !== 'Observe' || !restricts || rule.action === 'Allow') return [];
    return [{ by: rule.by, action: rule.action, reason: rule.reason }];
  });
  const blind = scope.recordMasks === scope.masks ? undefined : blindRead(command, scope.recordMasks);
  const all = blind === undefined ? observed : [...observed, builtInObservation(blind)];
  return all.filter((observation) => RANK[observation.action] > RANK[action]);
}

function builtInObservation({ rule, reason }: BuiltInDenial): Observation {
  return { by: builtInRule(rule), action: 'Deny', reason };
}
