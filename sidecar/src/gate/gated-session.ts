import { assertNever, type Fault } from '@sidegate/crds';
import type { Decision, SessionRules } from '@sidegate/policy';
import type { CloseCode, CommandId, JudgedCommand, ProtocolSession, Refusal, Step } from '../protocols/protocol.ts';
import { refusalOf } from '../protocols/protocol.ts';
import type { SessionRecord } from '../recorder.ts';
import { describeCommand, describeRule } from './command-record.ts';
import { Outbox } from './outbox.ts';
import { RunningCommands } from './running-commands.ts';
import { walkSteps } from './step-walk.ts';
import type { Admission, HeldCommand, SessionSurroundings, StepOf } from './surroundings.ts';

/** Decisions kept for statements that are run again, in one session. */
const DECISIONS_KEPT_MAX = 1_000;
const NOTHING: readonly Step[] = [];

/**
 * One conversation, taken through the only order there is: judge, record, permit, forward. It carries out the protocol session's
 * steps; bytes wait in the outbox until the turn that holds their records is written.
 */
export class GatedSession {
  readonly #session: ProtocolSession;
  readonly #around: SessionSurroundings;
  readonly #outbox: Outbox;
  readonly #running = new RunningCommands();
  readonly #decisions = new Map<string, Decision>();
  readonly #abort = new AbortController();
  #admission: Admission | undefined;
  #record: SessionRecord | undefined;
  #closed = false;

  constructor(session: ProtocolSession, around: SessionSurroundings) {
    this.#session = session;
    this.#around = around;
    this.#outbox = new Outbox(around.turn, around.wires, (fault) => this.#unrecordable(fault));
  }

  get admission(): Admission | undefined {
    return this.#admission;
  }

  get sessionId(): string | undefined {
    return this.#record?.sessionId;
  }

  receiveAgent(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#expired()) this.expire();
    else this.#carryOut(this.#session.receiveAgent(bytes));
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

  /** The identity's token has ended, and the session with it. */
  expire(): void {
    const reason = 'The token that opened this session has expired.';
    this.terminate(
      { kind: 'Terminated', rule: 'expired', reason, hint: 'Get a new token and connect again.' },
      'Expired',
    );
  }

  /** The bundle changed: what holds from the next command on. */
  rulesChanged(rules: SessionRules): void {
    if (this.#admission === undefined || this.#closed) return;
    this.#admission = { ...this.#admission, rules };
    this.#outbox.central = rules.durability === 'Central';
    this.#record?.require(rules.durability);
    this.#decisions.clear();
    this.#remark('PolicyChanged', `Policy version ${rules.version} holds from here.`);
    this.#carryOut(this.#session.masksChanged(rules.masks, rules.recordMasks));
  }

  cancelBytes(): Uint8Array | undefined {
    return this.#session.cancelBytes();
  }

  #expired(): boolean {
    const expiresAtMs = this.#admission?.identity.verified.expiresAtMs;
    return expiresAtMs !== undefined && this.#around.nowUs() >= expiresAtMs * 1000;
  }

  #append(event: Parameters<SessionRecord['append']>[0]): void {
    if (this.#record === undefined) return;
    this.#record.append(event);
    this.#outbox.join();
  }

  #remark(code: string, text: string): void {
    this.#append({ kind: 'Remark', atUs: this.#around.nowUs(), code, text });
  }

  #carryOut(steps: readonly Step[]): void {
    walkSteps(
      steps,
      (step) => this.#carryOutOne(step),
      () => this.#closed,
    );
  }

  #carryOutOne(step: Step): readonly Step[] {
    const { wires } = this.#around;
    switch (step.kind) {
      case 'Answer':
        this.#answer(step);
        return NOTHING;
      case 'ToTarget':
        this.#forward(step);
        return NOTHING;
      case 'Input':
        this.#forwardInput(step);
        return NOTHING;
      case 'PaceTarget':
        this.#outbox.toTarget(step.bytes);
        return NOTHING;
      case 'Judge':
        return this.#judge(step.commandId, step.judged);
      case 'Finished':
        this.#finish(step);
        return NOTHING;
      case 'ToAgent':
        this.#outbox.toAgent(step.bytes);
        return NOTHING;
      case 'LoginToTarget':
        this.#outbox.toTarget(step.bytes);
        return NOTHING;
      case 'StartAgentTls':
        this.#outbox.act(() => wires.startAgentTls(step.received));
        return NOTHING;
      case 'StartTargetTls':
        this.#outbox.act(() => wires.startTargetTls());
        return NOTHING;
      case 'DialTarget':
        this.#outbox.act(() => wires.dialTarget());
        return NOTHING;
      case 'Identify':
        void this.#identify(step);
        return NOTHING;
      case 'NeedCatalog':
        void this.#readCatalog(step);
        return NOTHING;
      case 'Ready':
        return NOTHING;
      case 'Remark':
        this.#remark(step.code, step.text);
        return NOTHING;
      case 'Cancel':
        this.#around.cancelOther(step.key);
        return NOTHING;
      case 'CancelKey':
        this.#around.claimCancelKey(step.key);
        return NOTHING;
      case 'Close':
        this.#close(step.code, step.reason);
        return NOTHING;
      default:
        return assertNever(step);
    }
  }

  #answer({ commandId, bytes, recorded = bytes }: StepOf<'Answer'>): void {
    this.#running.answered(commandId, bytes.length);
    if (this.#admission?.rules.content === 'Full') {
      this.#append({ kind: 'AnswerPart', atUs: this.#around.nowUs(), commandId, bytes: recorded });
    }
    this.#outbox.toAgent(bytes);
  }

  #forward({ commandId, permit, bytes }: StepOf<'ToTarget'>): void {
    if (this.#running.forward(commandId, permit)) {
      this.#append({ kind: 'CommandForwarded', atUs: this.#around.nowUs(), commandId });
    }
    this.#outbox.toTarget(bytes);
  }

  #forwardInput({ commandId, permit, bytes, recorded }: StepOf<'Input'>): void {
    this.#running.forward(commandId, permit);
    if (this.#admission?.rules.content === 'Full') {
      this.#append({ kind: 'InputPart', atUs: this.#around.nowUs(), commandId, bytes: recorded });
    }
    this.#outbox.toTarget(bytes);
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
    this.#running.begin(commandId, atUs);
    this.#append(describeCommand(commandId, judged, decision, atUs));
    this.#around.observe.decided(decision, this.#around.nowUs() - atUs);
    switch (decision.action) {
      case 'Allow':
        return this.#letPass(commandId, admission);
      case 'Deny':
        return this.#session.settle(commandId, { kind: 'Refuse', refusal: refusalOf(decision) });
      case 'RequireApproval':
        return this.#hold(commandId, judged, decision, admission);
      default:
        return assertNever(decision);
    }
  }

  #letPass(commandId: CommandId, { rules: { masks, recordMasks } }: Admission): readonly Step[] {
    return this.#session.settle(commandId, {
      kind: 'Forward',
      permit: this.#running.permit(commandId),
      masks,
      recordMasks,
    });
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
      const reason = `${decision.reason} It needs an approval, and nobody can be asked here.`;
      const refusal: Refusal = {
        kind: 'ApprovalRefused',
        rule: describeRule(decision.by),
        reason,
        hint: 'Ask whoever runs the gate.',
      };
      return this.#session.settle(commandId, { kind: 'Refuse', refusal });
    }
    const tell = (notice: string, hint: string): void => {
      if (!this.#closed) this.#carryOut(this.#session.settle(commandId, { kind: 'Hold', notice, hint }));
    };
    void this.#awaitHuman(hold, { commandId, judged, decision, admission, record, signal: this.#abort.signal, tell });
    return NOTHING;
  }

  async #awaitHuman(hold: NonNullable<SessionSurroundings['hold']>, question: HeldCommand): Promise<void> {
    const outcome = await hold(question);
    const admission = this.#admission;
    if (this.#closed || admission === undefined) return;
    const { commandId } = question;
    this.#outbox.join();
    this.#carryOut(
      outcome.kind === 'Forward' ? this.#letPass(commandId, admission) : this.#session.settle(commandId, outcome),
    );
  }

  #finish({ commandId, outcome, tag, errorCode, errorText, rows, maskedValues }: StepOf<'Finished'>): void {
    const atUs = this.#around.nowUs();
    const { durationUs, answerBytes } = this.#running.finish(commandId, atUs);
    const figures = { rows, answerBytes, durationUs, maskedValues };
    this.#append({ kind: 'CommandFinished', atUs, commandId, outcome, tag, errorCode, errorText, ...figures });
    this.#around.observe.finished(outcome, durationUs);
  }

  async #identify(step: StepOf<'Identify'>): Promise<void> {
    const admission = await this.#around.admit(step);
    if (this.#closed) return;
    this.#record = this.#around.openRecord(admission, step);
    this.#outbox.join();
    if (!admission.ok) return this.terminate(admission.fault.refusal, 'Refused');
    this.#admission = admission.value;
    const { credential, rules, identity } = admission.value;
    this.#outbox.central = rules.durability === 'Central';
    const { masks, recordMasks } = rules;
    this.#carryOut(this.#session.identified({ credential, masks, recordMasks, subject: identity.verified.subject }));
  }

  async #readCatalog({ database, fresh }: StepOf<'NeedCatalog'>): Promise<void> {
    const credential = this.#admission?.credential;
    if (credential === undefined) throw new Error('a catalog was asked for before anybody was admitted');
    const catalog = await this.#around.readCatalog(database, fresh, credential);
    if (!this.#closed) this.#carryOut(this.#session.catalogReady(catalog));
  }

  #close(code: CloseCode, reason: string): void {
    if (this.#closed) return;
    for (const commandId of this.#running.ids) {
      const lost = { outcome: 'Lost', tag: '', errorCode: '', errorText: reason, rows: 0, maskedValues: 0 } as const;
      this.#finish({ kind: 'Finished', commandId, ...lost });
    }
    this.#append({ kind: 'Closed', atUs: this.#around.nowUs(), code, reason });
    this.#end();
    this.#outbox.act(() => this.#around.wires.close());
  }

  /** Nothing can be written down: the agent is told, and that word alone passes unrecorded. */
  #unrecordable(fault: Fault): void {
    const { wires } = this.#around;
    if (!this.#closed) {
      const reason = `Nothing can be recorded, so nothing may pass: ${fault.message}`;
      const hint = 'Free space for the spool or bring the store back, then connect again.';
      const refusal: Refusal = { kind: 'NotRecorded', rule: 'record', reason, hint };
      for (const step of this.#session.terminate(refusal, 'Fault')) {
        if (step.kind === 'ToAgent' || step.kind === 'Answer') wires.sendAgent(step.bytes);
      }
      this.#end();
    }
    wires.close();
  }

  #end(): void {
    this.#closed = true;
    this.#abort.abort();
    this.#around.ended();
  }
}
