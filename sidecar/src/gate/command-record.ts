import { hash } from 'node:crypto';
import type { Decision, RuleReference } from '@sidegate/policy';
import type { CommandJudged } from '@sidegate/session';
import type { CommandId, JudgedCommand } from '../protocols/protocol.ts';

/** A rule as records and refusals name it: `namespace/policy/rule`, or the built-in rule's own name. */
export function describeRule({ policy, rule }: RuleReference): string {
  return policy === undefined ? rule : `${policy.namespace}/${policy.name}/${rule}`;
}

/** The record of a judged command: its masked text, and the hash of the very bytes that would go to the target. */
export function describeCommand(
  commandId: CommandId,
  judged: JudgedCommand,
  decision: Decision,
  atUs: number,
): CommandJudged {
  return {
    kind: 'CommandJudged',
    atUs,
    commandId,
    text: judged.maskedText(),
    sha256: hash('sha256', judged.wire, 'buffer'),
    binds: judged.maskedBinds(),
    verbs: judged.verbs,
    objects: judged.objects,
    complete: judged.command.complete,
    decision: decision.action,
    rule: describeRule(decision.by),
    reason: decision.reason,
    policyVersion: decision.version,
    observed: decision.observed.map(({ by, action, reason }) => `${action} ${describeRule(by)}: ${reason}`),
    claimed: judged.claims,
    ...(judged.prepares === undefined ? {} : { prepares: judged.prepares }),
  };
}
