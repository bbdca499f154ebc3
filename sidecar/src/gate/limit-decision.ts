import type { ChargeOutcome, Decision, LimitRule } from '@sidegate/policy';
import type { Refusal } from '../protocols/protocol.ts';
import { describeRule } from './command-record.ts';

export type Exceeded = Extract<ChargeOutcome, { readonly kind: 'Exceeded' }>;

/** What a limit that is used up says of a command that every rule allows. */
export function decideByLimit(exceeded: Exceeded, { version, observed }: Decision): Decision {
  const { limit } = exceeded;
  const said = { by: limit.by, reason: describeLimit(exceeded), version, observed };
  const owner = limit.by.policy?.namespace;
  if (limit.action === 'Deny' || limit.approval === undefined || owner === undefined)
    return { ...said, action: 'Deny' };
  return { ...said, action: 'RequireApproval', terms: limit.approval, owner: { namespace: owner } };
}

/** The refusal of a command, or of the rest of an answer. */
export function refuseByLimit(exceeded: Exceeded): Refusal {
  return {
    kind: 'LimitExceeded',
    rule: describeRule(exceeded.limit.by),
    reason: describeLimit(exceeded),
    hint: hintOf(exceeded),
  };
}

function describeLimit({ limit, amount }: Exceeded): string {
  return `The limit ${limit.name} of ${amountOf(limit, amount)} in ${limit.perSeconds} seconds is used up.`;
}

function amountOf(limit: LimitRule, amount: Exceeded['amount']): string {
  const most = limit[amount] ?? 0;
  return `${most} ${most === 1 ? amount.slice(0, -1) : amount}`;
}

function hintOf({ limit, retryAtMs }: Exceeded): string {
  const when = retryAtMs === undefined ? '' : `There is room again from ${new Date(retryAtMs).toISOString()}. `;
  if (limit.action === 'RequireApproval') return `${when}The next command waits for somebody who approves more.`;
  return `${when === '' ? 'Ask for less. ' : when}The owner of the limit can change it.`;
}
