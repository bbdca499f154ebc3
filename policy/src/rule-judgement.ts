import type { BoundPolicy } from './bound-policy.ts';
import type { Command } from './command.ts';
import type { CompiledRule } from './compiled-policy.ts';
import type { ConditionAnswer, ConditionInput } from './condition.ts';

/** What one rule says to one command. */
export interface RuleJudgement {
  readonly bound: BoundPolicy;
  readonly rule: CompiledRule;
  /** Its denial or hold applies. Always false for an Allow rule. */
  readonly restricts: boolean;
  /** The parts that it allows, or would allow once approved; undefined when it gives nothing. */
  readonly covered: readonly boolean[] | undefined;
  /** For `explain`: why it matches or not. */
  readonly because: () => string;
}

/** Matches one rule. A condition that gives no answer counts against the command: a denial or hold applies, a permission does not. */
export function judgeRule(
  bound: BoundPolicy,
  rule: CompiledRule,
  command: Command,
  partCount: number,
  input: ConditionInput,
): RuleJudgement {
  const restricts = rule.action === 'Allow' ? undefined : rule.restricts(command, partCount);
  const permits = rule.action === 'Deny' ? undefined : rule.permits(command, partCount);
  const matched = restricts?.matched === true || permits?.matched === true;
  const answer: ConditionAnswer = rule.when === undefined || !matched ? 'True' : rule.when(input);
  return {
    bound,
    rule,
    restricts: restricts?.matched === true && answer !== 'False',
    covered: permits?.matched === true && answer === 'True' ? permits.covered : undefined,
    because() {
      const told = restricts ?? permits;
      if (told !== undefined && !told.matched) return told.why();
      if (rule.when === undefined) return 'its match fits';
      return `its match fits and its condition ${SAID[answer]}`;
    },
  };
}

const SAID: Readonly<Record<ConditionAnswer, string>> = {
  True: 'holds',
  False: 'does not hold',
  Failed: 'gave no answer, which counts against the command',
};
