import { describeFault } from '@sidegate/crds';
import type { Command } from './command.ts';
import { ruleName } from './decision.ts';
import type { ExplainedRule, Explanation } from './explanation.ts';
import type { ExplainedRuleSet } from './rule-set.ts';
import type { SessionQuestion } from './session-rules.ts';

/** What the rule set says to a command in the session that `question` opens, and why: which rule of which side, and what would change it. */
export function explain(ruleSet: ExplainedRuleSet, question: SessionQuestion, command: Command): Explanation {
  return ruleSet.explain(question, command);
}

/** An explanation as plain text for a terminal; lines end in `\n`. */
export function renderExplanation(explanation: Explanation): string {
  if (explanation.kind === 'NotAdmitted') {
    return `NotAdmitted (${explanation.fault.code})\n${describeFault(explanation.fault)}\n`;
  }
  const { decision, parts, sides, rules, builtIn, otherPolicies, changes } = explanation;
  const lines = [
    `${decision.action} by ${ruleName(decision.by)}`,
    decision.reason,
    `command: ${parts.join(', ')}`,
    ...section(
      'Sides',
      sides.map(({ side, id, action, by }) => `${side} ${id.namespace}/${id.name}: ${action} by ${ruleName(by)}`),
    ),
    ...section(
      'Built in',
      builtIn.map(({ rule, reason }) => `${rule}: ${reason}`),
    ),
    ...section('Rules', rules.map(renderRule)),
    ...section(
      'Would have been stricter (Observe)',
      decision.observed.map(({ by, action, reason }) => `${action} by ${ruleName(by)}: ${reason}`),
    ),
    ...section(
      'Policies that do not apply',
      otherPolicies.map(({ policy, because }) => `${policy.namespace}/${policy.name}: ${because}`),
    ),
    ...section('What would change the answer', changes),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function renderRule({ by, mode, action, matched, because }: ExplainedRule): string {
  const observe = mode === 'Observe' ? ', Observe' : '';
  return `${matched ? 'yes' : 'no '} ${ruleName(by)} (${action}${observe}): ${because}`;
}
