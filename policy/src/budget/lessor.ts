import { AMOUNT_NAMES, type Amounts, type KeptSlice, Meter } from './meter.ts';

/** Every amount, as a number of its own. */
export type Sums = Readonly<Required<Amounts>>;

/** What a gate says of its part of a limit. All amounts are counted from the start of its process on. */
export interface SpendingReport {
  /** Of the gate's process: another one starts from nothing. */
  readonly epoch: string;
  /** The number of the last grant that it heard on this stream; 0: none. */
  readonly seen: number;
  readonly used: Sums;
  /** It uses no more than this until it hears more. It may have lowered this itself. */
  readonly allowed: Sums;
  readonly wants: boolean;
  /** Nothing is used or heard under this epoch any longer. */
  readonly ends: boolean;
}

/** More for one gate. */
export interface LimitGrant {
  readonly gate: string;
  /** The stream that it was heard on last. On a newer one the grant must not be sent: what the gate says there does not know of it. */
  readonly stream: unknown;
  readonly number: number;
  readonly more: Sums;
}

/** An account as it outlives its lessor. */
export interface KeptAccount {
  readonly spent: readonly KeptSlice[];
  readonly holders: readonly {
    readonly gate: string;
    readonly epoch: string;
    readonly used: Sums;
    readonly allowed: Sums;
  }[];
  readonly renewed: readonly string[];
}

interface Holder {
  epoch: string;
  used: Sums;
  allowed: Sums;
  /** What it was sent on `stream` and may not have heard yet. */
  stream: unknown;
  number: number;
  unheard: LimitGrant[];
  wants: boolean;
}

const NOTHING: Sums = { rows: 0, bytes: 0, commands: 0 };
const SLICES_KEPT_MAX = 8;
const RENEWALS_KEPT_MAX = 16;

/**
 * One limit of one agent, shared out among the gates of its pods. What a gate may still use counts as used until the gate says otherwise, so the
 * sum of what all of them use in any window never exceeds the limit, whatever is lost on the way: a report that is lost makes the account look
 * fuller than it is, a grant that is lost is not used. What is granted must be kept before it is sent. Pure: every call brings the time, in
 * milliseconds.
 */
export class LimitAccount {
  #meter: Meter;
  #perSeconds: number;
  readonly #holders = new Map<string, Holder>();
  readonly #renewed: string[];

  constructor(perSeconds: number, kept?: KeptAccount) {
    this.#perSeconds = perSeconds;
    this.#meter = new Meter(perSeconds);
    this.#meter.restore(kept?.spent ?? []);
    this.#renewed = [...(kept?.renewed ?? [])];
    for (const { gate, epoch, used, allowed } of kept?.holders ?? []) {
      this.#holders.set(gate, { epoch, used, allowed, stream: undefined, number: 0, unheard: [], wants: false });
    }
  }

  /** What a gate says on a stream; what it was sent on an earlier stream and did not hear it never will. */
  hear(gate: string, stream: unknown, report: SpendingReport, nowMs: number): void {
    const holder = this.#holderOf(gate, report.epoch, nowMs);
    if (holder.stream !== stream) {
      holder.stream = stream;
      holder.number = 0;
      holder.unheard = [];
    }
    holder.unheard = holder.unheard.filter(({ number }) => number > report.seen);
    this.#meter.spend(nowMs, minus(report.used, holder.used));
    holder.used = most(report.used, holder.used);
    holder.allowed = holder.unheard.reduce((sum, { more }) => plus(sum, more), report.allowed);
    holder.wants = report.wants;
    // A grant that is still under way may be used under the next epoch.
    if (report.ends) this.gone(gate, nowMs);
  }

  /** The gate's pod or its epoch has ended: what it might have used unheard counts as used. */
  gone(gate: string, nowMs: number): void {
    const holder = this.#holders.get(gate);
    if (holder === undefined) return;
    this.#meter.spend(nowMs, minus(holder.allowed, holder.used));
    this.#holders.delete(gate);
  }

  /**
   * Somebody approved as much again for a command that waits at `gate`: what was used is forgotten, once for each `approval`, and the gate wants more.
   * What gates hold they hold.
   */
  renew(approval: string, gate: string, nowMs: number): void {
    const holder = this.#holders.get(gate);
    if (holder !== undefined) holder.wants = true;
    if (this.#renewed.includes(approval)) return;
    this.#renewed.push(approval);
    if (this.#renewed.length > RENEWALS_KEPT_MAX) this.#renewed.shift();
    this.#meter.forget(nowMs);
  }

  /** Shares what is left among the gates that want more. What comes out must be kept, then sent; or taken back. */
  share(limit: Amounts & { readonly perSeconds: number }, nowMs: number): readonly LimitGrant[] {
    if (limit.perSeconds !== this.#perSeconds) {
      this.#perSeconds = limit.perSeconds;
      this.#meter = new Meter(limit.perSeconds, this.#meter);
    }
    const wanting = [...this.#holders].filter(([, { wants }]) => wants);
    const grants: LimitGrant[] = [];
    for (const [index, [gate, holder]] of wanting.entries()) {
      const more = this.#part(this.#room(limit, nowMs), wanting.length - index);
      if (AMOUNT_NAMES.every((name) => more[name] === 0)) continue;
      holder.number += 1;
      holder.allowed = plus(holder.allowed, more);
      const grant = { gate, stream: holder.stream, number: holder.number, more };
      holder.unheard.push(grant);
      holder.wants = false;
      grants.push(grant);
    }
    return grants;
  }

  /** Grants that were never sent, the latest of their gates. */
  takeBack(grants: readonly LimitGrant[]): void {
    for (const { gate, number, more } of grants) {
      const holder = this.#holders.get(gate);
      if (holder === undefined || holder.unheard.at(-1)?.number !== number) continue;
      holder.unheard.pop();
      holder.number -= 1;
      holder.allowed = minus(holder.allowed, more);
      holder.wants = true;
    }
  }

  /** The gates that have what another one wants; empty when nobody goes without. */
  get recalls(): readonly string[] {
    const all = [...this.#holders];
    if (!all.some(([, { wants }]) => wants)) return [];
    return all.flatMap(([gate, { wants, allowed, used }]) =>
      !wants && AMOUNT_NAMES.some((name) => allowed[name] > used[name]) ? [gate] : [],
    );
  }

  /** True when it says nothing that a new account would not. */
  isIdle(nowMs: number): boolean {
    return this.#holders.size === 0 && this.#meter.isUnspent(nowMs);
  }

  get gates(): readonly string[] {
    return [...this.#holders.keys()];
  }

  kept(): KeptAccount {
    return {
      spent: this.#meter.kept(SLICES_KEPT_MAX),
      holders: [...this.#holders].map(([gate, { epoch, used, allowed }]) => ({ gate, epoch, used, allowed })),
      renewed: [...this.#renewed],
    };
  }

  #holderOf(gate: string, epoch: string, nowMs: number): Holder {
    const known = this.#holders.get(gate);
    if (known?.epoch === epoch) return known;
    // The gate's process before this one used what it had, for all that is known.
    this.gone(gate, nowMs);
    const fresh: Holder = {
      epoch,
      used: NOTHING,
      allowed: NOTHING,
      stream: undefined,
      number: 0,
      unheard: [],
      wants: false,
    };
    this.#holders.set(gate, fresh);
    return fresh;
  }

  #room(limit: Amounts, nowMs: number): Sums {
    const left = (name: (typeof AMOUNT_NAMES)[number]): number => {
      let room = (limit[name] ?? 0) - this.#meter.spent(nowMs, name);
      for (const { allowed, used } of this.#holders.values()) room -= Math.max(0, allowed[name] - used[name]);
      return Math.max(0, Math.floor(room));
    };
    return { rows: left('rows'), bytes: left('bytes'), commands: left('commands') };
  }

  #part({ rows, bytes, commands }: Sums, among: number): Sums {
    const part = (amount: number): number => Math.floor(amount / among);
    return { rows: part(rows), bytes: part(bytes), commands: part(commands) };
  }
}

function plus(one: Sums, other: Sums): Sums {
  return { rows: one.rows + other.rows, bytes: one.bytes + other.bytes, commands: one.commands + other.commands };
}

/** Never less than nothing. */
function minus(one: Sums, other: Sums): Sums {
  const left = (name: keyof Sums): number => Math.max(0, one[name] - other[name]);
  return { rows: left('rows'), bytes: left('bytes'), commands: left('commands') };
}

function most(one: Sums, other: Sums): Sums {
  const more = (name: keyof Sums): number => Math.max(one[name], other[name]);
  return { rows: more('rows'), bytes: more('bytes'), commands: more('commands') };
}
