import {
  LimitAccount,
  type Amounts as LimitAmounts,
  type LimitGrant,
  type SpendingReport,
  type Sums,
} from '@sidegate/policy';
import type { LimitAccount as Address, Amounts, Spending } from '@sidegate/policy/control';
import type { GateSession } from '../control/gate-session.ts';
import type { Timing } from '../kube/timing.ts';
import type { LimitStore, LimitStoreFault } from './limit-store.ts';

export interface LimitDeskOptions {
  readonly store: LimitStore;
  readonly timing: Timing;
  /** The limit as it stands now; undefined: there is none of that name, and nothing is shared out. */
  readonly limitOf: (address: Address) => SharedLimit | undefined;
  /** Whether a gate may use the limit: it was given the AgentAccess and the Policy. What it holds already it may give back nevertheless. */
  readonly mayUse: (address: Address, session: GateSession) => boolean;
  /** Whether the pod of that UID in the namespace lives; undefined: not known. */
  readonly lives: (uid: string, namespace: string) => boolean | undefined;
  readonly trouble: (what: string) => void;
}

/** The amounts that a limit names. */
export type SharedLimit = LimitAmounts & { readonly perSeconds: number };

interface Open {
  readonly account: LimitAccount;
  /** Undefined while only what was kept is known of it. */
  address: Address | undefined;
}

type Said =
  | { readonly kind: 'Spending'; readonly spending: Spending; readonly session: GateSession }
  | {
      readonly kind: 'Renewal';
      readonly address: Address;
      readonly approval: string;
      readonly gate: string;
      readonly done: (kept: boolean) => void;
    };

const AGAIN_MS = 1_000;
const LOOK_MS = 10_000;
/** Accounts of the cluster: more are given nothing. */
const ACCOUNTS_MAX = 5_000;
const WINDOW_SECONDS_UNKNOWN = 31 * 24 * 3600;

/** Shares limits out among gates. What it gives is kept before it is sent; while it cannot be kept nothing is given. */
export class LimitDesk {
  readonly #options: LimitDeskOptions;
  readonly #accounts = new Map<string, Open>();
  readonly #sessions = new Map<string, GateSession>();
  /** Accounts that were opened since the list was kept last. */
  #unwritten = 0;
  #inbox: Said[] = [];
  #wake = new AbortController();

  constructor(options: LimitDeskOptions) {
    this.#options = options;
  }

  heard(spending: Spending, session: GateSession): void {
    this.#sessions.set(session.attested.uid, session);
    this.#put({ kind: 'Spending', spending, session });
  }

  /** A gate's stream is over: what it has it may still use. */
  left(session: GateSession): void {
    if (this.#sessions.get(session.attested.uid) === session) this.#sessions.delete(session.attested.uid);
  }

  /**
   * People approved as much again: the limit is as good as new, once for each `approval`. Resolves when the gate that asked has been sent more; false:
   * it cannot be kept now.
   */
  renew(address: Address, approval: string, { attested }: GateSession): Promise<boolean> {
    return new Promise((done) => this.#put({ kind: 'Renewal', address, approval, gate: attested.uid, done }));
  }

  /** Works until `signal` aborts: then another may lead. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    while (!signal.aborted) {
      if (await this.#read(signal)) await this.#work(signal);
      this.#putOff();
      if (!signal.aborted) await timing.pause(AGAIN_MS, signal);
    }
    this.#accounts.clear();
    this.#putOff();
  }

  /** Whoever waits for a renewal tries again. */
  #putOff(): void {
    for (const said of this.#inbox) if (said.kind === 'Renewal') said.done(false);
    this.#inbox = this.#inbox.filter(({ kind }) => kind === 'Spending');
  }

  #put(said: Said): void {
    this.#inbox.push(said);
    this.#wake.abort();
  }

  async #read(signal: AbortSignal): Promise<boolean> {
    const { store, trouble } = this.#options;
    const kept = await store.read(signal);
    if (!kept.ok) {
      if (!signal.aborted) trouble(`What was shared out of limits cannot be read: ${kept.fault.message}`);
      return false;
    }
    this.#accounts.clear();
    this.#unwritten = 0;
    for (const [key, account] of kept.value) {
      const address = parseKey(key);
      const seconds = (address === undefined ? undefined : this.#options.limitOf(address))?.perSeconds;
      this.#accounts.set(key, { account: new LimitAccount(seconds ?? WINDOW_SECONDS_UNKNOWN, account), address });
    }
    return true;
  }

  /** Until something is out of date and must be read again. */
  async #work(signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    let lookedMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const said = this.#inbox.splice(0);
      const touched = new Set(said.map((one) => this.#take(one)));
      if (timing.monotonicMs() - lookedMs >= LOOK_MS) {
        lookedMs = timing.monotonicMs();
        this.#settleGone();
      }
      const renewed = said.some(({ kind }) => kind === 'Renewal');
      const kept = await this.#share(touched, renewed, signal);
      for (const one of said) if (one.kind === 'Renewal') one.done(kept === 'Kept');
      if (kept === 'OutOfDate') return this.#endStreams();
      if (this.#inbox.length === 0) await timing.pause(LOOK_MS, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** What is read anew knows nothing of what is under way: gates say everything again on new streams. */
  #endStreams(): void {
    for (const session of this.#sessions.values())
      session.end('What was shared out of limits is read again.', AGAIN_MS);
    this.#sessions.clear();
    this.#inbox = this.#inbox.filter(({ kind }) => kind === 'Renewal');
  }

  #take(said: Said): string {
    const address = said.kind === 'Spending' ? said.spending.account : said.address;
    const key = keyOf(address);
    const { timing, limitOf, mayUse } = this.#options;
    const limit = address === undefined ? undefined : limitOf(address);
    let open = this.#accounts.get(key);
    const isUser = said.kind === 'Renewal' || (address !== undefined && mayUse(address, said.session));
    if (!isUser && open?.account.gates.includes(said.session.attested.uid) !== true) return '';
    if (open === undefined) {
      if (limit === undefined || !this.#hasRoom) return '';
      open = { account: new LimitAccount(limit.perSeconds), address };
      this.#accounts.set(key, open);
      this.#unwritten += 1;
    }
    open.address = address;
    if (said.kind === 'Renewal') open.account.renew(said.approval, said.gate, timing.nowMs());
    else {
      const report = reportOf(said.spending);
      const { uid } = said.session.attested;
      open.account.hear(uid, said.session, { ...report, wants: report.wants && isUser }, timing.nowMs());
    }
    return key;
  }

  get #hasRoom(): boolean {
    return this.#accounts.size < ACCOUNTS_MAX && this.#options.store.hasRoomFor(this.#unwritten + 1);
  }

  /** What pods that have ended did not say is used. */
  #settleGone(): void {
    const nowMs = this.#options.timing.nowMs();
    for (const [key, { account, address }] of this.#accounts) {
      for (const gate of account.gates) {
        const lives = this.#options.lives(gate, address?.access?.namespace ?? '');
        if (!this.#sessions.has(gate) && lives === false) account.gone(gate, nowMs);
      }
      if (account.isIdle(nowMs)) this.#accounts.delete(key);
    }
  }

  /** `OutOfDate`: what is known here is. */
  async #share(
    touched: ReadonlySet<string>,
    renewed: boolean,
    signal: AbortSignal,
  ): Promise<'Kept' | LimitStoreFault['code']> {
    const { store, timing, limitOf, trouble } = this.#options;
    const shared: { readonly open: Open; readonly grants: readonly LimitGrant[] }[] = [];
    for (const key of touched) {
      const open = this.#accounts.get(key);
      const limit = open?.address === undefined ? undefined : limitOf(open.address);
      if (open === undefined || limit === undefined) continue;
      shared.push({ open, grants: open.account.share(limit, timing.nowMs()) });
    }
    if (renewed || shared.some(({ grants }) => grants.length > 0)) {
      const kept = await store.write(
        new Map([...this.#accounts].map(([key, { account }]) => [key, account.kept()])),
        signal,
      );
      if (!kept.ok) {
        for (const { open, grants } of shared) open.account.takeBack(grants);
        if (!signal.aborted) trouble(`What is shared out of limits cannot be kept: ${kept.fault.message}`);
        return kept.fault.code;
      }
      this.#unwritten = 0;
    }
    for (const { open, grants } of shared) this.#send(open, grants);
    return 'Kept';
  }

  #send({ account, address }: Open, grants: readonly LimitGrant[]): void {
    if (address === undefined) return;
    for (const { gate, stream, number, more } of grants) {
      const session = this.#sessions.get(gate);
      // The gate came back while the grant was being kept.
      if (session !== stream) continue;
      session?.say({ case: 'allowance', value: { account: address, number: BigInt(number), more: amountsOf(more) } });
    }
    for (const gate of account.recalls) {
      this.#sessions.get(gate)?.say({ case: 'recall', value: { account: address } });
    }
  }
}

function keyOf(address: Address | undefined): string {
  const { access, issuer = '', subject = '', policy, limit = '' } = address ?? {};
  return JSON.stringify([access?.namespace, access?.name, issuer, subject, policy?.namespace, policy?.name, limit]);
}

function parseKey(key: string): Address | undefined {
  const [accessNamespace, access, issuer, subject, namespace, policy, limit] = JSON.parse(key) as readonly (
    | string
    | null
  )[];
  if (!accessNamespace || !access || !issuer || !subject || !namespace || !policy || !limit) return undefined;
  const reference = (inNamespace: string, name: string) => ({
    $typeName: 'sidegate.control.v1.Reference' as const,
    namespace: inNamespace,
    name,
  });
  return {
    $typeName: 'sidegate.control.v1.LimitAccount',
    access: reference(accessNamespace, access),
    issuer,
    subject,
    policy: reference(namespace, policy),
    limit,
  };
}

function reportOf({ epoch, seen, used, allowed, wants, ends }: Spending): SpendingReport {
  return { epoch, seen: Number(seen), used: sumsOf(used), allowed: sumsOf(allowed), wants, ends };
}

function sumsOf(amounts: Amounts | undefined): Sums {
  const { rows = 0n, bytes = 0n, commands = 0n } = amounts ?? {};
  return { rows: Number(rows), bytes: Number(bytes), commands: Number(commands) };
}

function amountsOf({ rows, bytes, commands }: Sums) {
  return { rows: BigInt(rows), bytes: BigInt(bytes), commands: BigInt(commands) };
}
