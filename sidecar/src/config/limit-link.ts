import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Sums } from '@sidegate/policy';
import type { Allowance, Amounts, FollowRequestSchema, LimitAccount, Recall } from '@sidegate/policy/control';
import { accountKey, type LeasedAccount, type LeasedBudgets } from '../gate/leased-budgets.ts';

type Sentence = NonNullable<MessageInitShape<typeof FollowRequestSchema>['message']>;

/** Tells the operator what is used of shared limits, and the budgets what they may use. */
export class LimitLink {
  readonly #budgets: LeasedBudgets;
  /** The keys of accounts by what they are called on the stream. */
  readonly #keys = new Map<string, string>();

  constructor(budgets: LeasedBudgets) {
    this.#budgets = budgets;
  }

  /** A stream has begun. */
  open(say: (sentence: Sentence) => void): void {
    this.#keys.clear();
    this.#budgets.streamBegan((account, { epoch, seen, used, allowed, wants, ends }) => {
      const told = addressOf(account);
      this.#keys.set(nameOf(told), accountKey(account));
      const value = { account: told, epoch, seen: BigInt(seen), used: big(used), allowed: big(allowed), wants, ends };
      say({ case: 'spending', value });
    });
  }

  close(): void {
    this.#budgets.streamEnded();
  }

  allowance({ account, number, more }: Allowance): void {
    const key = account === undefined ? undefined : this.#keys.get(nameOf(account));
    if (key !== undefined && more !== undefined) this.#budgets.granted(key, Number(number), small(more));
  }

  recall({ account }: Recall): void {
    const key = account === undefined ? undefined : this.#keys.get(nameOf(account));
    if (key !== undefined) this.#budgets.recalled(key);
  }
}

type Name = { readonly namespace: string; readonly name: string };

type Address = Pick<LimitAccount, 'issuer' | 'subject' | 'limit'> & {
  readonly access?: Name | undefined;
  readonly policy?: Name | undefined;
};

function addressOf({ access, issuer, subject, limit }: LeasedAccount) {
  const { policy = { namespace: '', name: '' }, rule } = limit.by;
  return { access: { ...access }, issuer, subject, policy: { ...policy }, limit: rule };
}

function nameOf({ access, issuer, subject, policy, limit }: Address): string {
  return JSON.stringify([access?.namespace, access?.name, issuer, subject, policy?.namespace, policy?.name, limit]);
}

function big({ rows, bytes, commands }: Sums) {
  return { rows: BigInt(rows), bytes: BigInt(bytes), commands: BigInt(commands) };
}

function small({ rows, bytes, commands }: Amounts): Sums {
  return { rows: Number(rows), bytes: Number(bytes), commands: Number(commands) };
}
