import { hash } from 'node:crypto';
import type { Decision, RuleReference } from '@sidegate/policy';
import type { CommandJudged } from '@sidegate/session';
import type { CommandId, JudgedCommand } from '../protocols/protocol.ts';

/** A rule as records and refusals name it: `namespace/policy/rule`, or the built-in rule's own name. */
export function describeRule({ policy, rule }: RuleReference): string {
  return policy === undefined ? rule : `${policy.namespace}/${policy.name}/${rule}`;
}

interface DescribedDecision {
  readonly rule: string;
  readonly observed: readonly string[];
}

/** Statements that are run again meet the very same decision. */
const described = new WeakMap<Decision, DescribedDecision>();

function describeDecision(decision: Decision): DescribedDecision {
  let words = described.get(decision);
  if (words === undefined) {
    const observed = decision.observed.map(({ by, action, reason }) => `${action} ${describeRule(by)}: ${reason}`);
    words = { rule: describeRule(decision.by), observed };
    described.set(decision, words);
  }
  return words;
}

interface JudgedFacts {
  readonly commandId: CommandId;
  readonly judged: JudgedCommand;
  readonly decision: Decision;
  readonly atUs: number;
}

/** The record of a judged command: its masked text, and the hash of the very bytes that would go to the target. `shown`: as its words may be shown. */
export function describeCommand(
  { commandId, judged, decision, atUs }: JudgedFacts,
  shown: (text: string) => string,
): CommandJudged {
  const { rule, observed } = describeDecision(decision);
  return {
    kind: 'CommandJudged',
    atUs,
    commandId,
    text: judged.maskedText(),
    sha256: hashOf(judged.wire),
    binds: judged.maskedBinds(),
    verbs: judged.verbs.map(shown),
    objects: judged.objects.map(shown),
    complete: judged.command.complete,
    decision: decision.action,
    rule,
    reason: decision.reason,
    policyVersion: decision.version,
    observed,
    claimed: judged.claims,
    ...(judged.prepares === undefined ? {} : { prepares: shown(judged.prepares) }),
  };
}

/** Through a text: Node.js makes a buffer for each hash that lives outside of V8's heap, which costs four times as much and then the collector. */
function hashOf(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}
