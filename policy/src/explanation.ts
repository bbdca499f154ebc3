import type { UnboundPolicy, Voice } from './bound-policy.ts';
import type { Command } from './command.ts';
import { type Decision, type RuleReference, ruleName } from './decision.ts';
import { type Judgement, judge, type Scope, type SideJudgement, type SideName } from './judgement.ts';
import { shownWords } from './match/command-part.ts';
import type { RuleJudgement } from './rule-judgement.ts';
import type { AdmissionFault, ObjectName } from './session-rules.ts';

export interface ExplainedSide {
  readonly side: SideName;
  readonly id: ObjectName;
  readonly action: Decision['action'];
  /** The rule that spoke for this side, or `default`. */
  readonly by: RuleReference;
  /** What no rule of this side speaks for: `SELECT`, `read of public.orders`. */
  readonly uncovered: readonly string[];
}

export interface ExplainedRule {
  readonly by: RuleReference;
  readonly mode: 'Enforce' | 'Observe';
  readonly voices: readonly Voice[];
  readonly action: Decision['action'];
  readonly matched: boolean;
  readonly because: string;
}

/** Why a command gets its answer. */
export type Explanation =
  /** The session would not even open. */
  | { readonly kind: 'NotAdmitted'; readonly fault: AdmissionFault }
  | {
      readonly kind: 'Judged';
      readonly decision: Decision;
      /** What the command is made of. */
      readonly parts: readonly string[];
      readonly sides: readonly ExplainedSide[];
      /** Every rule of every policy that applies, in the order of their names. */
      readonly rules: readonly ExplainedRule[];
      /** What is built in and spoke against the command. */
      readonly builtIn: readonly { readonly rule: string; readonly reason: string }[];
      readonly otherPolicies: readonly { readonly policy: ObjectName; readonly because: string }[];
      /** Sentences, the most telling first. */
      readonly changes: readonly string[];
    };

export function explainFault(fault: AdmissionFault): Explanation {
  return { kind: 'NotAdmitted', fault };
}

/** Turns a judgement into what a person or program reads. */
export function explainJudgement(
  scope: Scope,
  command: Command,
  judgement: Judgement,
  unbound: readonly UnboundPolicy[],
): Explanation {
  return {
    kind: 'Judged',
    decision: judgement.decision,
    parts: judgement.parts.map(({ text }) => text),
    sides: judgement.sides.map(explainSide),
    rules: judgement.rules.map(explainRule),
    builtIn: judgement.builtIn,
    otherPolicies: unbound.map(({ policy, why }) => ({ policy: policy.id, because: why })),
    changes: [...wants(scope, command, judgement), ...withoutEachRule(scope, command, judgement)],
  };
}

function explainSide({ side, id, action, rule, uncovered }: SideJudgement): ExplainedSide {
  const by = rule?.by ?? { policy: undefined, rule: 'default' };
  return { side, id, action, by, uncovered: uncovered.map(({ text }) => text) };
}

function explainRule(judged: RuleJudgement): ExplainedRule {
  const { bound, rule, restricts, covered } = judged;
  const matched = restricts || covered !== undefined;
  return {
    by: rule.by,
    mode: bound.policy.mode,
    voices: bound.voices,
    action: rule.action,
    matched,
    because:
      matched && !restricts && !bound.certain
        ? 'it fits, but gives nothing: nobody knows the groups'
        : judged.because(),
  };
}

/** What somebody would have to add for a milder answer. */
function wants(scope: Scope, command: Command, { decision, sides, builtIn }: Judgement): readonly string[] {
  const lines: string[] = [];
  const incomplete = builtIn.find(({ rule }) => rule === 'incomplete');
  if (incomplete !== undefined) {
    const kinds = [...new Set(command.incomplete.map(({ kind }) => kind))].join(', ');
    lines.push(
      `A policy in namespace ${scope.target.id.namespace} that names ${kinds || 'its kind'} in allowIncomplete.`,
    );
  }
  if (builtIn.some(({ rule }) => rule.startsWith('masked-'))) {
    lines.push('A command that does not filter by, sort by or copy the masked column.');
  }
  if (builtIn.some(({ rule }) => rule === 'forward')) lines.push(forwardRule(scope, command));
  for (const { side, id, action, rule, uncovered } of sides) {
    if (action !== 'Deny' || rule !== undefined) continue;
    const missing = uncovered.map(({ text }) => text).join(', ');
    lines.push(`An Allow rule in a policy of namespace ${id.namespace} (the ${side}'s) for: ${missing}.`);
  }
  if (decision.action === 'RequireApproval') {
    const { approvers, count = 1 } = decision.terms;
    const names = [...(approvers.groups ?? []).map((group) => `group ${group}`), ...(approvers.subjects ?? [])];
    lines.push(`An approval by ${count} of ${names.join(', ')}.`);
  }
  return lines;
}

function forwardRule({ target }: Scope, command: Command): string {
  const [use] = command.protocol === 'SSH' ? command.commands : [];
  const pattern = shownWords([use?.name, ...(use?.args ?? [])]);
  return `An Allow rule in a policy of namespace ${target.id.namespace} with channels: [forward] and commands: ['${pattern}'].`;
}

/** For each rule that had a say: the answer if it did not stand there. */
function withoutEachRule(scope: Scope, command: Command, { decision, rules }: Judgement): readonly string[] {
  return rules.flatMap(({ bound, rule, restricts, covered }) => {
    if (bound.policy.mode === 'Observe' || (!restricts && covered === undefined)) return [];
    const without: Scope = {
      ...scope,
      bound: scope.bound.map((other) => {
        if (other !== bound) return other;
        const left = bound.policy.rules.filter(({ by }) => by.rule !== rule.by.rule);
        return { ...bound, policy: { ...bound.policy, rules: left } };
      }),
    };
    const answer = judge(without, command, () => false).decision;
    if (answer.action === decision.action) return [];
    return [`Without rule ${ruleName(rule.by)} the answer would be ${answer.action} by ${ruleName(answer.by)}.`];
  });
}
