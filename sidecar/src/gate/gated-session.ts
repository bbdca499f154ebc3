import { assertNever, type Fault, type Result } from '@sidegate/crds';
import type { Decision, Identity, SessionRules } from '@sidegate/policy';
import type { Opened } from '@sidegate/session';
import { openMint } from '../permit.ts';
import {
  type CloseCode,
  type CommandId,
  type Credential,
  type JudgedCommand,
  type ProtocolSession,
  type Refusal,
  refusalOf,
  type Step,
} from '../protocols/protocol.ts';
import type { SessionRecord } from '../recorder.ts';
import { describeCommand, describeRule } from './command-record.ts';
import type { Turn, TurnMember } from './turn.ts';
import type { Wires } from './wires.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** A verified identity, admitted to the target, and what it comes with. */
export interface Admission {
  readonly identity: Identity;
  readonly rules: SessionRules;
  readonly credential: Credential;
}

/** A connection that was turned away before it became a session: what is known of who it was, and what it is told. */
export interface TurnedAway {
  readonly refusal: Refusal;
  readonly identity: Identity | undefined;
}

/** How a command that must wait for a human ends; `Forward` names who decided in the record. */
export type HoldOutcome = { readonly kind: 'Forward' } | { readonly kind: 'Refuse'; readonly refusal: Refusal };

/** What a session needs from the gate around it. */
export interface SessionSurroundings {
  readonly turn: Turn;
  readonly wires: Wires;
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** Verifies who asks and finds the rules; never rejects. */
  admit(step: StepOf<'Identify'>): Promise<Result<Admission, TurnedAway>>;
  openRecord(admission: Result<Admission, TurnedAway>, step: StepOf<'Identify'>): SessionRecord;
  /** Answers with the catalog; never rejects. */
  readCatalog(database: string, fresh: boolean, credential: Credential): Promise<Result<unknown, Fault>>;
  cancelOther(key: string): void;
  claimCancelKey(key: string): void;
  /** Waits for a human; undefined where nobody can be asked. */
  readonly hold: ((question: HeldCommand) => Promise<HoldOutcome>) | undefined;
  /** The session is over: forget it. */
  ended(): void;
  readonly observe: SessionObserver;
}

/** What the gate counts. */
export interface SessionObserver {
  decided(decision: Decision, durationUs: number): void;
  finished(outcome: StepOf<'Finished'>['outcome'], durationUs: number): void;
}

export interface HeldCommand {
  readonly commandId: CommandId;
  readonly judged: JudgedCommand;
  readonly decision: Extract<Decision, { readonly action: 'RequireApproval' }>;
  readonly admission: Admission;
  readonly record: SessionRecord;
  readonly signal: AbortSignal;
  /** Tells the agent why it waits and how to approve. */
  tell(notice: string, hint: string): void;
}

interface RunningCommand {
  readonly startedUs: number;
  forwarded: boolean;
  answerBytes: number;
}

type Outgoing =
  | { readonly kind: 'Agent' | 'Target'; readonly bytes: Uint8Array }
  | { readonly kind: 'Act'; readonly act: () => void };

/** Decisions kept for statements that are run again, in one session. */
const DECISIONS_KEPT_MAX = 1_000;

/**
 * One conversation, taken through the only order there is: judge, record, permit, forward. It carries out the protocol session's
 * steps; bytes wait in `#outgoing` until the turn that holds their records is written.
 */
export class GatedSession implements TurnMember {
  readonly #session: ProtocolSession;
  readonly #around: SessionSurroundings;
  readonly #mint = openMint();
  readonly #running = new Map<CommandId, RunningCommand>();
  readonly #decisions = new Map<string, Decision>();
  readonly #abort = new AbortController();
  #outgoing: Outgoing[] = [];
  #joined = false;
  #reading = true;
  #admission: Admission | undefined;
  #record: SessionRecord | undefined;
  #storing: Promise<void> | undefined;
  #closed = false;

  constructor(session: ProtocolSession, around: SessionSurroundings) {
    this.#session = session;
    this.#around = around;
  }

  get central(): boolean {
    return this.#admission?.rules.durability === 'Central';
  }

  get admission(): Admission | undefined {
    return this.#admission;
  }

  get sessionId(): string | undefined {
    return this.#record?.sessionId;
  }

  receiveAgent(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#expired())
      return this.terminate(
        {
          kind: 'Terminated',
          rule: 'expired',
          reason: 'The token has expired.',
          hint: 'Get a new token and connect again.',
        },
        'Expired',
      );
    this.#carryOut(this.#session.receiveAgent(bytes));
  }

  receiveTarget(bytes: Uint8Array): void {
    if (!this.#closed) this.#carryOut(this.#session.receiveTarget(bytes));
  }

  agentSecured(): void {
    if (!this.#closed) this.#carryOut(this.#session.agentSecured());
  }

  targetSecured(): void {
    if (!this.#closed) this.#carryOut(this.#session.targetSecured());
  }

  targetConnected(): void {
    if (!this.#closed) this.#carryOut(this.#session.targetConnected());
  }

  agentLeft(): void {
    if (this.#closed) return;
    this.#carryOut(this.#session.agentLeft());
    this.#close('AgentLeft', 'The agent closed the connection.');
  }

  targetLeft(reason: string): void {
    if (this.#closed) return;
    this.#carryOut(this.#session.targetLeft(reason));
    this.#close('TargetLeft', reason);
  }

  /** Ends the session with a word to the agent in its own protocol. */
  terminate(refusal: Refusal, code: CloseCode): void {
    if (this.#closed) return;
    this.#carryOut(this.#session.terminate(refusal, code));
    this.#close(code, refusal.reason);
  }

  /** The bundle changed: what holds from the next command on. */
  rulesChanged(rules: SessionRules): void {
    if (this.#admission === undefined || this.#closed) return;
    this.#admission = { ...this.#admission, rules };
    this.#decisions.clear();
    this.#append({
      kind: 'Remark',
      atUs: this.#around.nowUs(),
      code: 'PolicyChanged',
      text: `Policy version ${rules.version} holds from here.`,
    });
    this.#carryOut(this.#session.masksChanged(rules.masks));
  }

  cancelBytes(): Uint8Array | undefined {
    return this.#session.cancelBytes();
  }

  release(): void {
    this.#joined = false;
    if (!this.#reading) {
      this.#reading = true;
      this.#around.wires.resumeReading();
    }
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    this.#send(outgoing);
  }

  block(): void {
    if (!this.#reading) return;
    this.#reading = false;
    this.#around.wires.holdReading();
  }

  refuse(fault: Fault): void {
    this.#joined = false;
    this.#outgoing = [];
    if (this.#closed) return this.#around.wires.close();
    const refusal: Refusal = {
      kind: 'NotRecorded',
      rule: 'record',
      reason: `Nothing can be recorded, so nothing may pass: ${fault.message}`,
      hint: 'Free space for the spool or bring the store back, then connect again.',
    };
    for (const step of this.#session.terminate(refusal, 'Fault')) {
      if (step.kind === 'ToAgent' || step.kind === 'Answer') this.#around.wires.sendAgent(step.bytes);
    }
    this.#end();
    this.#around.wires.close();
  }

  releaseAfter(stored: Promise<Result<void, Fault>>): void {
    this.#joined = false;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    const before = this.#storing;
    const waiting = (async () => {
      await before;
      const result = await stored;
      if (result.ok) this.#send(outgoing);
      else this.refuse(result.fault);
      if (this.#storing === waiting) this.#storing = undefined;
    })();
    this.#storing = waiting;
  }

  #expired(): boolean {
    const expiresAtMs = this.#admission?.identity.verified.expiresAtMs;
    return expiresAtMs !== undefined && this.#around.nowUs() >= expiresAtMs * 1000;
  }

  #send(outgoing: readonly Outgoing[]): void {
    const { wires } = this.#around;
    wires.cork();
    for (const one of outgoing) {
      if (one.kind === 'Agent') wires.sendAgent(one.bytes);
      else if (one.kind === 'Target') wires.sendTarget(one.bytes);
      else one.act();
    }
    wires.uncork();
  }

  #queue(one: Outgoing): void {
    this.#outgoing.push(one);
    this.#join();
  }

  #join(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#around.turn.join(this);
  }

  #append(event: Parameters<SessionRecord['append']>[0]): void {
    if (this.#record === undefined) return;
    this.#record.append(event);
    this.#join();
  }

  #carryOut(steps: readonly Step[]): void {
    // A settled command may give more steps; they come after those that were there before it, which belong to earlier commands.
    const waiting = [...steps];
    for (let next = 0; next < waiting.length && !this.#closed; next++) {
      const step = waiting[next];
      if (step !== undefined) waiting.splice(next + 1, 0, ...this.#carryOutOne(step));
    }
  }

  #carryOutOne(step: Step): readonly Step[] {
    const { wires } = this.#around;
    switch (step.kind) {
      case 'Answer':
        this.#answer(step);
        break;
      case 'ToTarget':
        this.#forward(step);
        break;
      case 'ToAgent':
        this.#queue({ kind: 'Agent', bytes: step.bytes });
        break;
      case 'LoginToTarget':
        this.#queue({ kind: 'Target', bytes: step.bytes });
        break;
      case 'Judge':
        return this.#judge(step.commandId, step.judged);
      case 'Finished':
        this.#finish(step);
        break;
      case 'StartAgentTls':
        this.#queue({ kind: 'Act', act: () => wires.startAgentTls(step.received) });
        break;
      case 'StartTargetTls':
        this.#queue({ kind: 'Act', act: () => wires.startTargetTls() });
        break;
      case 'DialTarget':
        this.#queue({ kind: 'Act', act: () => wires.dialTarget() });
        break;
      case 'Identify':
        void this.#identify(step);
        break;
      case 'NeedCatalog':
        void this.#readCatalog(step);
        break;
      case 'Ready':
        break;
      case 'Remark':
        this.#append({ kind: 'Remark', atUs: this.#around.nowUs(), code: step.code, text: step.text });
        break;
      case 'Cancel':
        this.#around.cancelOther(step.key);
        break;
      case 'CancelKey':
        this.#around.claimCancelKey(step.key);
        break;
      case 'Close':
        this.#close(step.code, step.reason);
        break;
      default:
        assertNever(step);
    }
    return [];
  }

  #answer({ commandId, bytes }: StepOf<'Answer'>): void {
    const running = this.#running.get(commandId);
    if (running !== undefined) running.answerBytes += bytes.length;
    if (this.#admission?.rules.content === 'Full')
      this.#append({ kind: 'AnswerPart', atUs: this.#around.nowUs(), commandId, bytes });
    this.#queue({ kind: 'Agent', bytes });
  }

  #forward({ commandId, permit, bytes }: StepOf<'ToTarget'>): void {
    if (!this.#mint.admits(permit, commandId))
      throw new Error(`command ${commandId} was about to be forwarded without a permit`);
    const running = this.#running.get(commandId);
    if (running !== undefined && !running.forwarded) {
      running.forwarded = true;
      this.#append({ kind: 'CommandForwarded', atUs: this.#around.nowUs(), commandId });
    }
    this.#queue({ kind: 'Target', bytes });
  }

  #decide(admission: Admission, { command, cacheKey }: JudgedCommand): Decision {
    if (cacheKey === undefined) return admission.rules.decide(command);
    const known = this.#decisions.get(cacheKey);
    if (known !== undefined) return known;
    const decision = admission.rules.decide(command);
    if (this.#decisions.size >= DECISIONS_KEPT_MAX) this.#decisions.clear();
    this.#decisions.set(cacheKey, decision);
    return decision;
  }

  #judge(commandId: CommandId, judged: JudgedCommand): readonly Step[] {
    const admission = this.#admission;
    if (admission === undefined) throw new Error('a command came before anybody was admitted');
    const atUs = this.#around.nowUs();
    const decision = this.#decide(admission, judged);
    this.#running.set(commandId, { startedUs: atUs, forwarded: false, answerBytes: 0 });
    this.#append(describeCommand(commandId, judged, decision, atUs));
    this.#around.observe.decided(decision, this.#around.nowUs() - atUs);
    switch (decision.action) {
      case 'Allow':
        return this.#session.settle(commandId, {
          kind: 'Forward',
          permit: this.#mint.mint(commandId),
          masks: admission.rules.masks,
        });
      case 'Deny':
        return this.#session.settle(commandId, { kind: 'Refuse', refusal: refusalOf(decision) });
      case 'RequireApproval':
        return this.#hold(commandId, judged, decision, admission);
      default:
        return assertNever(decision);
    }
  }

  #hold(
    commandId: CommandId,
    judged: JudgedCommand,
    decision: HeldCommand['decision'],
    admission: Admission,
  ): readonly Step[] {
    const { hold } = this.#around;
    const record = this.#record;
    if (hold === undefined || record === undefined) {
      return this.#session.settle(commandId, {
        kind: 'Refuse',
        refusal: {
          kind: 'ApprovalRefused',
          rule: describeRule(decision.by),
          reason: `${decision.reason} It needs an approval, and nobody can be asked here.`,
          hint: 'Ask whoever runs the gate.',
        },
      });
    }
    void this.#awaitHuman(hold, {
      commandId,
      judged,
      decision,
      admission,
      record,
      signal: this.#abort.signal,
      tell: (notice, hint) => this.#carryOut(this.#session.settle(commandId, { kind: 'Hold', notice, hint })),
    });
    return [];
  }

  async #awaitHuman(hold: NonNullable<SessionSurroundings['hold']>, question: HeldCommand): Promise<void> {
    const outcome = await hold(question);
    const admission = this.#admission;
    if (this.#closed || admission === undefined) return;
    const { commandId } = question;
    this.#join();
    this.#carryOut(
      outcome.kind === 'Forward'
        ? this.#session.settle(commandId, {
            kind: 'Forward',
            permit: this.#mint.mint(commandId),
            masks: admission.rules.masks,
          })
        : this.#session.settle(commandId, { kind: 'Refuse', refusal: outcome.refusal }),
    );
  }

  #finish(step: StepOf<'Finished'>): void {
    const { commandId, outcome, tag, errorCode, errorText, rows, maskedValues } = step;
    const running = this.#running.get(commandId);
    const atUs = this.#around.nowUs();
    const durationUs = running === undefined ? 0 : atUs - running.startedUs;
    this.#running.delete(commandId);
    this.#mint.retire(commandId);
    this.#append({
      kind: 'CommandFinished',
      atUs,
      commandId,
      outcome,
      tag,
      errorCode,
      errorText,
      rows,
      answerBytes: running?.answerBytes ?? 0,
      durationUs,
      maskedValues,
    });
    this.#around.observe.finished(outcome, durationUs);
  }

  async #identify(step: StepOf<'Identify'>): Promise<void> {
    const admission = await this.#around.admit(step);
    if (this.#closed) return;
    this.#record = this.#around.openRecord(admission, step);
    this.#join();
    if (!admission.ok) return this.terminate(admission.fault.refusal, 'Refused');
    this.#admission = admission.value;
    const { credential, rules, identity } = admission.value;
    this.#carryOut(this.#session.identified({ credential, masks: rules.masks, subject: identity.verified.subject }));
  }

  async #readCatalog({ database, fresh }: StepOf<'NeedCatalog'>): Promise<void> {
    const credential = this.#admission?.credential;
    if (credential === undefined) throw new Error('a catalog was asked for before anybody was admitted');
    const catalog = await this.#around.readCatalog(database, fresh, credential);
    if (!this.#closed) this.#carryOut(this.#session.catalogReady(catalog));
  }

  #close(code: CloseCode, reason: string): void {
    if (this.#closed) return;
    const atUs = this.#around.nowUs();
    for (const [commandId, { startedUs, answerBytes }] of this.#running) {
      this.#append({
        kind: 'CommandFinished',
        atUs,
        commandId,
        outcome: 'Lost',
        tag: '',
        errorCode: '',
        errorText: reason,
        rows: 0,
        answerBytes,
        durationUs: atUs - startedUs,
        maskedValues: 0,
      });
    }
    this.#append({ kind: 'Closed', atUs, code, reason });
    this.#end();
    this.#queue({ kind: 'Act', act: () => this.#around.wires.close() });
  }

  #end(): void {
    this.#closed = true;
    this.#running.clear();
    this.#abort.abort();
    this.#around.ended();
  }
}

/** The first event of a record. */
export type OpenedFacts = Omit<Opened, 'kind' | 'atUs'>;
