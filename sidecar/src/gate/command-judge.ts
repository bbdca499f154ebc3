import { assertNever } from '@sidegate/crds';
import {
  type ApprovalState,
  type ApprovalUse,
  type Command,
  type Decision,
  KeptByName,
  type MaskRules,
  type RuleReference,
  ruleName,
} from '@sidegate/policy';
import type { CommandJudged, HoldEnded } from '@sidegate/session';
import type { Permit } from '../permit.ts';
import {
  type AnswerMeter,
  type CommandId,
  type JudgedCommand,
  type Refusal,
  refusalOf,
  type Settlement,
} from '../protocols/protocol.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { type AskingSession, bindingOf } from './approval-question.ts';
import type { BudgetBook, SessionBudget } from './budget-book.ts';
import { describeCommand, describeRule } from './command-record.ts';
import { describeHold, whyNotApproved } from './hold-record.ts';
import { decideByLimit, type Exceeded, refuseByLimit } from './limit-decision.ts';
import type { Admission } from './surroundings.ts';

/** What is asked before a command may pass: limits of rows and bytes that are used up stop it, whatever it would read. */
const PROBE = { commands: 1, rows: 1, bytes: 1 };
const ONE_COMMAND = { commands: 1 };
/** Decisions kept of one session, and the longest cache key of one: those of Redis hold names of keys. */
const [DECISIONS_KEPT_MAX, CACHE_KEY_LENGTH_MAX] = [1_000, 1_024];
/** Commands that people approved and that may be gone on with: the oldest are forgotten, and asked for again. */
const APPROVED_KEPT_MAX = 1_000;

type RuleNames = ReadonlySet<string>;
const NO_RULES: RuleNames = new Set();

export interface JudgeSurroundings {
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** Undefined where nobody can be asked. */
  readonly desk: ApprovalDesk | undefined;
  readonly budgets: BudgetBook;
  readonly append: (event: CommandJudged | HoldEnded) => void;
  readonly permit: (commandId: CommandId) => Permit;
  /** Carries out an answer that came later than the question. */
  readonly settle: (commandId: CommandId, settlement: Settlement) => void;
  readonly decided: (decision: Decision, durationUs: number) => void;
}

/** A decision, and the limit that made it, if one did. */
interface Weighed {
  readonly decision: Decision;
  readonly exceeded: Exceeded | undefined;
}

type Approval = Extract<Decision, { readonly action: 'RequireApproval' }>;

/** A command that waits for a human. */
interface Held {
  readonly judged: JudgedCommand;
  readonly approvalId: string;
  readonly weighed: Weighed;
  readonly decision: Approval;
  /** The rules that a human answered for this command before. */
  readonly granted: RuleNames;
}

/**
 * Decides every command of one session: by the rules, by what is left of the limits, and by people where a rule or a limit asks for them. What
 * people said is judged again before it counts, and every decision is recorded before it is carried out.
 */
export class CommandJudge {
  readonly #around: JudgeSurroundings;
  readonly #session: AskingSession;
  /** Of this version of the rules, by the cache keys of commands that may be run again. */
  readonly #decisions = new KeptByName<Decision>(DECISIONS_KEPT_MAX, CACHE_KEY_LENGTH_MAX);
  readonly #held = new Map<CommandId, Held>();
  readonly #approved = new Map<CommandId, RuleNames>();
  readonly #meter: AnswerMeter = { take: (rows, bytes) => this.#take(rows, bytes) };
  /** Words of whoever it may be, as the record and others see them. */
  readonly #shown = (text: string): string => this.#admission.rules.recordMasks.maskContent(text);
  #admission: Admission;
  #budget: SessionBudget | undefined;

  constructor(around: JudgeSurroundings, session: AskingSession, admission: Admission) {
    this.#around = around;
    this.#session = session;
    this.#admission = admission;
    this.#budget = around.budgets.open(session, admission.rules.limits);
  }

  judge(commandId: CommandId, judged: JudgedCommand): Settlement {
    const atUs = this.#around.nowUs();
    const granted = (judged.continues === undefined ? undefined : this.#approved.get(judged.continues)) ?? NO_RULES;
    const weighed = this.#weigh(judged, granted);
    this.#record(commandId, judged, weighed.decision, atUs);
    this.#around.decided(weighed.decision, this.#around.nowUs() - atUs);
    return this.#settlement(commandId, judged, weighed, granted);
  }

  /** What waits is judged anew: people answered a question of the rules before. */
  rulesChanged(admission: Admission): void {
    this.#admission = admission;
    this.#decisions.clear();
    this.#approved.clear();
    this.#budget = this.#around.budgets.open(this.#session, admission.rules.limits);
    const { version } = admission.rules;
    for (const [commandId, { judged, approvalId }] of this.#held) {
      const atMs = this.#nowMs();
      const state = this.#around.desk?.withdraw(approvalId, { kind: 'PolicyChanged', version, atMs });
      if (state?.kind === 'Pending') continue;
      this.#held.delete(commandId);
      if (state !== undefined) this.#recordHold(commandId, state, 'The policy changed; the command was judged anew.');
      this.#judgeAgain(commandId, judged, NO_RULES);
    }
  }

  /** Why something of what goes on by itself may not any longer; undefined: all of it may. */
  refuseStanding(commands: readonly Command[]): Refusal | undefined {
    const { rules } = this.#admission;
    for (const command of commands) {
      const decision = masked(rules.decide(command), rules.recordMasks);
      if (decision.action !== 'Allow') return refusalOf(decision);
    }
    return undefined;
  }

  /** True while a command waits for a human. */
  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** The agent no longer wants what waits; false when nothing does. */
  cancel(): boolean {
    const waiting = [...this.#held];
    for (const [commandId, { decision }] of waiting) {
      const reason = 'The agent cancelled it while it waited.';
      this.#withdraw(commandId, reason);
      this.#around.settle(commandId, { kind: 'Refuse', refusal: notApproved(decision.by, reason) });
    }
    return waiting.length > 0;
  }

  /** The session is over: nothing of it waits any longer. */
  end(reason: string): void {
    for (const commandId of this.#held.keys()) this.#withdraw(commandId, reason);
    this.#around.desk?.sessionEnded(this.#session.sessionId);
    this.#around.budgets.sessionEnded(this.#session.sessionId);
  }

  #weigh(judged: JudgedCommand, granted: RuleNames): Weighed {
    const decision = masked(this.#byRules(judged, granted), this.#admission.rules.recordMasks);
    // What is only made ready is neither held nor counted: its execution is.
    if (judged.prepares !== undefined) return { decision: prepared(decision), exceeded: undefined };
    if (decision.action !== 'Allow' || this.#budget === undefined) return { decision, exceeded: undefined };
    const atMs = this.#nowMs();
    const outcome = this.#budget.ask(atMs, PROBE);
    if (outcome.kind === 'Exceeded') return { decision: decideByLimit(outcome, decision), exceeded: outcome };
    this.#budget.spend(atMs, ONE_COMMAND);
    return { decision, exceeded: undefined };
  }

  #byRules(judged: JudgedCommand, granted: RuleNames): Decision {
    const { rules } = this.#admission;
    const { command } = judged;
    if (granted.size > 0) return rules.decide(command, (by) => granted.has(ruleName(by)));
    const known = rules.recall?.(command);
    if (known !== undefined) return known;
    const { cacheKey } = judged;
    if (cacheKey === undefined) return rules.decide(command);
    return this.#decisions.get(cacheKey, () => rules.decide(command));
  }

  /** What follows from a decision. Approvals that people gave for longer than one command are used up to the first that is missing. */
  #settlement(commandId: CommandId, judged: JudgedCommand, first: Weighed, before: RuleNames): Settlement {
    let weighed = first;
    let granted = before;
    for (;;) {
      const { decision, exceeded } = weighed;
      switch (decision.action) {
        case 'Allow':
          return this.#forward(commandId, granted);
        case 'Deny':
          return { kind: 'Refuse', refusal: exceeded === undefined ? refusalOf(decision) : refuseByLimit(exceeded) };
        case 'RequireApproval': {
          const grant = granted.has(askerOf(weighed))
            ? undefined
            : this.#around.desk?.useGrant(this.#useOf(judged, weighed));
          if (grant === undefined) return this.#hold({ commandId, judged, weighed, decision, granted });
          this.#recordHold(commandId, grant, `An earlier approval (${grant.request.id}) holds for this command.`);
          granted = this.#grant(weighed, granted);
          weighed = this.#weigh(judged, granted);
          this.#record(commandId, judged, weighed.decision);
          break;
        }
        default:
          return assertNever(decision);
      }
    }
  }

  #forward(commandId: CommandId, granted: RuleNames): Settlement {
    if (granted.size > 0) this.#keepApproved(commandId, granted);
    const { masks, recordMasks } = this.#admission.rules;
    const permit = this.#around.permit(commandId);
    const meter = this.#budget === undefined ? {} : { meter: this.#meter };
    return { kind: 'Forward', permit, masks, recordMasks, ...meter };
  }

  #hold({
    commandId,
    judged,
    weighed,
    decision,
    granted,
  }: Omit<Held, 'approvalId'> & { commandId: CommandId }): Settlement {
    const { desk } = this.#around;
    const { by, reason, terms, version } = decision;
    if (desk === undefined) {
      const why = `${reason} It needs an approval, and nobody can be asked here.`;
      return { kind: 'Refuse', refusal: notApproved(by, why, 'Ask whoever runs the gate.') };
    }
    const binding = bindingOf(this.#session, judged, askerOf(weighed));
    const isLimit = weighed.exceeded !== undefined;
    const question = {
      session: this.#session,
      judged,
      commandId,
      isLimit,
      binding,
      shown: this.#shown,
      by,
      reason,
      terms,
      policyVersion: version,
    };
    const asked = desk.ask(question, (state) => this.#ended(commandId, state));
    if (!asked.ok) {
      const { message, mend = '' } = asked.fault;
      return { kind: 'Refuse', refusal: notApproved(by, `${reason} ${message}`, mend) };
    }
    const { id, expiresAtMs, howToApprove } = asked.value;
    this.#held.set(commandId, { judged, approvalId: id, weighed, decision, granted });
    const until = new Date(expiresAtMs).toISOString();
    const notice = `this command waits for approval ${id} (${describeRule(by)}: ${reason})`;
    return {
      kind: 'Hold',
      notice,
      hint: `Somebody who may approve it runs: ${howToApprove}. It is refused at ${until}.`,
    };
  }

  /** People or time ended the waiting. An approval is checked against the very command, and then the rules are asked again. */
  #ended(commandId: CommandId, state: ApprovalState): void {
    const held = this.#held.get(commandId);
    if (held === undefined) return;
    this.#held.delete(commandId);
    const { judged, weighed, decision, granted } = held;
    const { by } = decision;
    if (state.kind !== 'Approved') {
      const why = this.#shown(whyNotApproved(state));
      this.#recordHold(commandId, state, why);
      this.#around.settle(commandId, { kind: 'Refuse', refusal: notApproved(by, why) });
      return;
    }
    const used = this.#around.desk?.use(state.request.id, this.#useOf(judged, weighed));
    if (used?.ok !== true) {
      const why = used?.fault.message ?? 'Nobody can be asked here.';
      this.#recordHold(commandId, state, why);
      this.#around.settle(commandId, { kind: 'Refuse', refusal: notApproved(by, why) });
      return;
    }
    this.#recordHold(commandId, state, '');
    this.#judgeAgain(commandId, judged, this.#grant(weighed, granted));
  }

  #keepApproved(commandId: CommandId, granted: RuleNames): void {
    this.#approved.set(commandId, granted);
    const [oldest] = this.#approved.keys();
    if (this.#approved.size > APPROVED_KEPT_MAX && oldest !== undefined) this.#approved.delete(oldest);
  }

  #judgeAgain(commandId: CommandId, judged: JudgedCommand, granted: RuleNames): void {
    const weighed = this.#weigh(judged, granted);
    this.#record(commandId, judged, weighed.decision);
    this.#around.settle(commandId, this.#settlement(commandId, judged, weighed, granted));
  }

  #grant(weighed: Weighed, granted: RuleNames): RuleNames {
    const { exceeded } = weighed;
    if (exceeded !== undefined) this.#budget?.renew(exceeded.limit.by);
    return new Set([...granted, askerOf(weighed)]);
  }

  #withdraw(commandId: CommandId, reason: string): void {
    const held = this.#held.get(commandId);
    this.#held.delete(commandId);
    if (held === undefined) return;
    const state = this.#around.desk?.withdraw(held.approvalId, { kind: 'Cancel', reason, atMs: this.#nowMs() });
    if (state !== undefined) this.#recordHold(commandId, state, reason);
  }

  #record(commandId: CommandId, judged: JudgedCommand, decision: Decision, atUs = this.#around.nowUs()): void {
    this.#around.append(describeCommand({ commandId, judged, decision, atUs }, this.#shown));
  }

  #recordHold(commandId: CommandId, state: ApprovalState, why: string): void {
    this.#around.append(describeHold({ commandId, state, atUs: this.#around.nowUs(), why }, this.#shown));
  }

  #useOf(judged: JudgedCommand, weighed: Weighed): ApprovalUse {
    const { issuer, subject } = this.#session.identity.verified;
    return {
      sha256: bindingOf(this.#session, judged, askerOf(weighed)),
      identity: { issuer, subject },
      session: this.#session.sessionId,
      rule: weighed.decision.by,
      policyVersion: this.#admission.rules.version,
      atMs: this.#nowMs(),
    };
  }

  #take(rows: number, bytes: number): Refusal | undefined {
    const outcome = this.#budget?.charge(this.#nowMs(), { rows, bytes });
    return outcome?.kind === 'Exceeded' ? refuseByLimit(outcome) : undefined;
  }

  #nowMs(): number {
    return this.#around.nowUs() / 1000;
  }
}

/** Its reasons may say what an agent wrote: names that are not known, words that are not read. */
function masked(decision: Decision, masks: MaskRules): Decision {
  if (masks.empty) return decision;
  const reason = masks.maskContent(decision.reason);
  const observed = decision.observed.map((one) => ({ ...one, reason: masks.maskContent(one.reason) }));
  const isSame =
    reason === decision.reason && observed.every((one, at) => one.reason === decision.observed[at]?.reason);
  return isSame ? decision : { ...decision, reason, observed };
}

/** What asks, by name; a limit and a rule of one name are two. */
function askerOf({ decision, exceeded }: Weighed): string {
  return exceeded === undefined ? ruleName(decision.by) : `limit ${ruleName(decision.by)}`;
}

function notApproved(by: RuleReference, reason: string, hint = ''): Refusal {
  return { kind: 'ApprovalRefused', rule: describeRule(by), reason, hint };
}

/** A statement that is only made ready waits for nobody yet: it is held when it is to be carried out. */
function prepared(decision: Decision): Decision {
  if (decision.action !== 'RequireApproval') return decision;
  const { by, reason, version, observed } = decision;
  return {
    action: 'Allow',
    by,
    reason: `Only prepared; carrying it out needs an approval. ${reason}`,
    version,
    observed,
  };
}
