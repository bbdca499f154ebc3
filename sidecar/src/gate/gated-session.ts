import { assertNever, type Fault } from '@sidegate/crds';
import type { Decision, SessionRules } from '@sidegate/policy';
import type {
  CloseCode,
  CommandId,
  JudgedCommand,
  ProtocolSession,
  Refusal,
  SecuredChannel,
  Settlement,
  Step,
} from '../protocols/protocol.ts';
import type { SessionRecord } from '../recorder.ts';
import { AgentPace } from './agent-pace.ts';
import { CommandJudge } from './command-judge.ts';
import { Outbox } from './outbox.ts';
import { RunningCommands } from './running-commands.ts';
import { walkSteps } from './step-walk.ts';
import type { Admission, SessionSurroundings, StepOf } from './surroundings.ts';

/** Sessions that somebody or a token's time ends are over within a second, whatever their peers do: how long those may take to read. */
const URGENT_LAST_BYTES_MS = 500;
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
  readonly #pace: AgentPace;
  #judge: CommandJudge | undefined;
  #admission: Admission | undefined;
  #record: SessionRecord | undefined;
  #closed = false;
  readonly #carryOutStep = (step: Step): readonly Step[] => this.#carryOutOne(step);
  readonly #isClosed = (): boolean => this.#closed;

  constructor(session: ProtocolSession, around: SessionSurroundings) {
    this.#session = session;
    this.#around = around;
    this.#pace = new AgentPace(session, around.wires, around.held);
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
    const isTooFar = this.#pace.sent(bytes.length, this.#judge?.isHolding === true);
    if (this.#expired()) this.expire();
    else if (isTooFar !== undefined) this.terminate(isTooFar, 'Refused');
    else this.#carryOut(this.#session.receiveAgent(bytes));
  }

  receiveTarget(bytes: Uint8Array): void {
    if (!this.#closed) this.#carryOut(this.#session.receiveTarget(bytes));
  }

  agentSecured(channel?: SecuredChannel): void {
    if (!this.#closed) this.#carryOut(this.#session.agentSecured(channel));
  }

  targetSecured(channel?: SecuredChannel): void {
    if (!this.#closed) this.#carryOut(this.#session.targetSecured(channel));
  }

  targetConnected(): void {
    if (!this.#closed) this.#carryOut(this.#session.targetConnected());
  }

  agentLeft(): void {
    const reason = 'The agent closed the connection.';
    this.#leave(reason, () => this.#session.agentLeft(), 'AgentLeft');
  }

  targetLeft(reason: string): void {
    this.#leave(reason, () => this.#session.targetLeft(reason), 'TargetLeft');
  }

  /** Ends the session with a word to the agent in its own protocol. */
  terminate(refusal: Refusal, code: CloseCode): void {
    this.#leave(refusal.reason, () => this.#session.terminate(refusal, code), code);
  }

  /** Another connection asks to stop what runs here: what waits for a human is withdrawn; otherwise these bytes tell the target. */
  cancel(): Uint8Array | undefined {
    if (this.#closed || this.#judge?.cancel() === true) return undefined;
    return this.#session.cancelBytes();
  }

  /** Called about once a second. An agent that is not read cannot be seen to leave: what is written to it tells. */
  tick(nowMs: number): void {
    if (!this.#closed) this.#carryOut(this.#pace.watch(nowMs));
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
    this.#outbox.central = rules.durability === 'Central' ? this.#record : undefined;
    this.#record?.require(rules.durability);
    this.#remark('PolicyChanged', `Policy version ${rules.version} holds from here.`);
    this.#carryOut(this.#session.masksChanged(rules.masks, rules.recordMasks));
    this.#judge?.rulesChanged(this.#admission);
    const refusal = this.#judge?.refuseStanding(this.#session.standing?.() ?? []);
    if (refusal !== undefined) this.terminate({ ...refusal, hint: 'It was allowed before. Connect again.' }, 'Refused');
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
    this.#append({ kind: 'Remark', atUs: this.#around.nowUs(), code, text: this.#shown(text) });
  }

  /** Words in which agents and targets may be quoted, as the record shows them. */
  #shown(text: string): string {
    return this.#admission?.rules.recordMasks.maskContent(text) ?? text;
  }

  #carryOut(steps: readonly Step[]): void {
    walkSteps(steps, this.#carryOutStep, this.#isClosed);
    if (this.#closed) return;
    const tooMuch = this.#pace.settle();
    if (tooMuch !== undefined) this.terminate(tooMuch, 'Refused');
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
        return this.#decide(step.commandId, step.judged);
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
      case 'CancelTarget':
        this.#cancelTarget();
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

  #cancelTarget(): void {
    const delivered = (): void => {
      if (!this.#closed) this.#carryOut(this.#session.cancelDelivered?.() ?? NOTHING);
    };
    const bytes = this.#session.cancelBytes();
    if (bytes === undefined) delivered();
    else this.#around.wires.sendCancel(bytes, delivered);
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

  #decide(commandId: CommandId, judged: JudgedCommand): readonly Step[] {
    if (this.#judge === undefined) throw new Error('a command came before anybody was admitted');
    this.#running.begin(commandId, this.#around.nowUs());
    return this.#session.settle(commandId, this.#judge.judge(commandId, judged));
  }

  /** The answer to a command that had to wait. */
  #settle(commandId: CommandId, settlement: Settlement): void {
    if (this.#closed) return;
    if (this.#expired()) this.expire();
    else this.#carryOut(this.#session.settle(commandId, settlement));
  }

  #finish({ commandId, outcome, errorCode, rows, maskedValues, ...words }: StepOf<'Finished'>): void {
    const tag = this.#shown(words.tag);
    const errorText = this.#shown(words.errorText);
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
    this.#judge = this.#openJudge(this.#record.sessionId, admission.value, step.details);
    this.#outbox.central = rules.durability === 'Central' ? this.#record : undefined;
    const { masks, recordMasks } = rules;
    this.#carryOut(this.#session.identified({ credential, masks, recordMasks, subject: identity.verified.subject }));
  }

  #openJudge(sessionId: string, admission: Admission, details: StepOf<'Identify'>['details']): CommandJudge {
    const { nowUs, desk, budgets, door, observe } = this.#around;
    const around = {
      nowUs,
      desk,
      budgets,
      append: (event: Parameters<SessionRecord['append']>[0]) => this.#append(event),
      permit: (commandId: CommandId) => this.#running.permit(commandId),
      settle: (commandId: CommandId, settlement: Settlement) => this.#settle(commandId, settlement),
      decided: (decision: Decision, durationUs: number) => observe.decided(decision, durationUs),
    };
    return new CommandJudge(around, { sessionId, door, identity: admission.identity, details }, admission);
  }

  async #readCatalog({ database, fresh, recent, changes }: StepOf<'NeedCatalog'>): Promise<void> {
    const credential = this.#admission?.credential;
    if (credential === undefined) throw new Error('a catalog was asked for before anybody was admitted');
    const catalog = await this.#around.readCatalog(
      database,
      fresh ? 'Now' : recent ? 'Recent' : 'Any',
      credential,
      changes,
    );
    if (!this.#closed) this.#carryOut(this.#session.catalogReady(catalog));
  }

  /** The end of the conversation: nothing waits for a human any longer, the protocol says its last words, both sides close. */
  #leave(reason: string, lastWords: () => readonly Step[], code: CloseCode): void {
    if (this.#closed) return;
    this.#judge?.end(reason);
    if (isUrgent(code)) this.#stopAtOnce();
    this.#carryOut(lastWords());
    this.#close(code, reason);
  }

  #close(code: CloseCode, reason: string): void {
    if (this.#closed) return;
    this.#judge?.end(reason);
    this.#recordEnd(code, reason);
    this.#end();
    const { wires, turn } = this.#around;
    const close = (): void => wires.close(isUrgent(code) ? URGENT_LAST_BYTES_MS : undefined);
    this.#outbox.act(close);
    // The spool has no room, and may have none for long: what is left to write waits for it, the session does not.
    if (isUrgent(code) && turn.blocked) {
      this.#outbox.drop();
      close();
    }
  }

  #recordEnd(code: CloseCode, reason: string): void {
    for (const commandId of this.#running.ids) {
      const lost = { outcome: 'Lost', tag: '', errorCode: '', errorText: reason, rows: 0, maskedValues: 0 } as const;
      this.#finish({ kind: 'Finished', commandId, ...lost });
    }
    this.#append({ kind: 'Closed', atUs: this.#around.nowUs(), code, reason: this.#shown(reason) });
  }

  /** What runs is cancelled at the target, and nothing waits for the store any longer. */
  #stopAtOnce(): void {
    const bytes = this.#running.isAnyForwarded ? this.#session.cancelBytes() : undefined;
    if (bytes !== undefined) this.#around.wires.sendCancel(bytes);
    this.#outbox.abandonStored();
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
      this.#judge?.end(reason);
      // Gathered, to be written once that is possible: whether what waited was forwarded is not to be guessed from a missing end.
      this.#recordEnd('Fault', reason);
      this.#end();
    }
    wires.close();
  }

  #end(): void {
    this.#closed = true;
    this.#pace.end();
    this.#around.ended();
  }
}

function isUrgent(code: CloseCode): boolean {
  return code === 'Killed' || code === 'Expired';
}
