import { assertNever, type Fault, type Result } from '@sidegate/crds';
import type { Command, MaskRules } from '@sidegate/policy';
import { openMint, type Permit } from '../permit.ts';
import type {
  AnswerMeter,
  CloseCode,
  CommandId,
  Credential,
  JudgedCommand,
  ProtocolSession,
  Refusal,
  Step,
} from './protocol.ts';

/** How the surroundings of a session answer in a playback. */
export interface PlaybackAnswers {
  readonly credential: Credential;
  readonly subject: string;
  readonly masks: MaskRules;
  /** What reading the catalog gives. */
  readonly catalog: Result<unknown, Fault>;
  /** `Hold` holds the command once and forwards it right after. */
  readonly settle: (judged: JudgedCommand) => 'Forward' | 'Hold' | Refusal;
}

/** One thing that happened, as it can be compared: bytes of neighbouring steps of one kind and command are joined. */
export interface TraceEntry {
  readonly kind: string;
  readonly commandId: CommandId | undefined;
  readonly bytes: Uint8Array | undefined;
  /** Everything else the step says, as text. */
  readonly details: string;
}

type Later = () => readonly Step[];

/**
 * Plays the part of everything around a session, without sockets or time: carries out steps in the gate's order, answers at once, notes what
 * happened, and watches that the session keeps the rules every session must keep. For tests and fuzzing.
 */
export class Playback {
  /** Rules that the session broke. */
  readonly violations: string[] = [];
  /** Counts what is answered to commands that come from here on. */
  meter: AnswerMeter | undefined;
  readonly #session: ProtocolSession;
  readonly #answers: PlaybackAnswers;
  readonly #mint = openMint();
  readonly #permits = new Map<CommandId, Permit>();
  readonly #judged = new Set<CommandId>();
  readonly #finished = new Set<CommandId>();
  readonly #later: Later[] = [];
  #joined: { kind: string; commandId: CommandId | undefined; parts: Uint8Array[]; details: string }[] = [];
  #isReady = false;
  #isClosed = false;

  constructor(session: ProtocolSession, answers: PlaybackAnswers) {
    this.#session = session;
    this.#answers = answers;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  get ready(): boolean {
    return this.#isReady;
  }

  /** What the session says goes on by itself. */
  get standing(): readonly Command[] {
    return this.#session.standing?.() ?? [];
  }

  /** The session takes no more from its agent for now. */
  get isFull(): boolean {
    return this.#session.isFull === true;
  }

  /** What the session holds in memory, in bytes. */
  get heldBytes(): number {
    return this.#session.heldBytes ?? 0;
  }

  /** Bytes come from the agent, as one chunk. Nothing comes from a closed connection. */
  agent(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#run(() => this.#session.receiveAgent(bytes));
  }

  target(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#run(() => this.#session.receiveTarget(bytes));
  }

  agentLeft(): void {
    if (!this.#isClosed) this.#run(() => this.#session.agentLeft());
  }

  targetLeft(): void {
    if (!this.#isClosed) this.#run(() => this.#session.targetLeft('the server closed the connection'));
  }

  terminate(refusal: Refusal, code: CloseCode): void {
    if (!this.#isClosed) this.#run(() => this.#session.terminate(refusal, code));
  }

  masksChanged(masks: MaskRules): void {
    if (!this.#isClosed) this.#run(() => this.#session.masksChanged(masks, masks));
  }

  get trace(): readonly TraceEntry[] {
    return this.#joined.map(({ kind, commandId, parts, details }) => ({
      kind,
      commandId,
      bytes: parts.length === 0 ? undefined : Buffer.concat(parts),
      details,
    }));
  }

  /** All that was sent to one side. */
  sent(side: 'Agent' | 'Target'): Uint8Array {
    const kinds = side === 'Agent' ? ['ToAgent', 'Answer'] : ['LoginToTarget', 'ToTarget', 'Input', 'PaceTarget'];
    return Buffer.concat(this.#joined.filter(({ kind }) => kinds.includes(kind)).flatMap(({ parts }) => parts));
  }

  #run(first: Later): void {
    this.#later.push(first);
    for (let next = this.#later.shift(); next !== undefined; next = this.#later.shift()) {
      if (this.#isClosed) return;
      this.#walk(next());
    }
  }

  /** What a step causes at once comes before its successors. */
  #walk(steps: readonly Step[]): void {
    const waiting = [...steps].toReversed();
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
      if (this.#isClosed) {
        this.#breach(`a ${step.kind} after Close`);
        return;
      }
      waiting.push(...this.#carryOut(step).toReversed());
    }
  }

  #carryOut(step: Step): readonly Step[] {
    const session = this.#session;
    const { credential, masks, subject, catalog } = this.#answers;
    switch (step.kind) {
      case 'ToAgent':
      case 'LoginToTarget':
        if (step.kind === 'LoginToTarget' && this.#isReady) this.#breach('a login after Ready');
        this.#note(step.kind, undefined, step.bytes);
        return [];
      case 'ToTarget':
      case 'Input':
        this.#checkPermit(step.kind, step.commandId, step.permit);
        this.#note(step.kind, step.commandId, step.bytes, step.kind === 'Input' ? hexOf(step.recorded) : '');
        return [];
      case 'PaceTarget':
        if (!this.#isReady) this.#breach('a PaceTarget before Ready');
        this.#note(step.kind, undefined, step.bytes);
        return [];
      case 'Answer':
        if (step.commandId !== 0 && !this.#judged.has(step.commandId)) this.#breach('an Answer to no command');
        if (this.#finished.has(step.commandId)) this.#breach('an Answer after Finished');
        this.#note(step.kind, step.commandId, step.bytes);
        return [];
      case 'Finished':
        if (!this.#judged.has(step.commandId)) this.#breach('Finished without Judge');
        if (this.#finished.has(step.commandId)) this.#breach('Finished twice');
        this.#finished.add(step.commandId);
        this.#note(step.kind, step.commandId, undefined, detailsOf(step));
        return [];
      case 'StartAgentTls':
        return this.#after(step, () => session.agentSecured());
      case 'StartTargetTls':
        return this.#after(step, () => session.targetSecured());
      case 'Identify':
        return this.#after(step, () => session.identified({ credential, masks, recordMasks: masks, subject }));
      case 'DialTarget':
        return this.#after(step, () => session.targetConnected());
      case 'NeedCatalog':
        return this.#after(step, () => session.catalogReady(catalog));
      case 'Judge':
        return this.#judge(step.commandId, step.judged);
      case 'Ready':
        if (this.#isReady) this.#breach('Ready twice');
        this.#isReady = true;
        this.#note(step.kind, undefined, undefined);
        return [];
      case 'Close':
        this.#isClosed = true;
        this.#note(step.kind, undefined, undefined, detailsOf(step));
        return [];
      case 'Remark':
      case 'Cancel':
      case 'CancelTarget':
      case 'CancelKey':
        this.#note(step.kind, undefined, undefined, detailsOf(step));
        return [];
      default:
        return assertNever(step);
    }
  }

  #after(step: Step, next: Later): readonly Step[] {
    this.#note(step.kind, undefined, undefined, detailsOf(step));
    this.#later.push(next);
    return [];
  }

  #judge(commandId: CommandId, judged: JudgedCommand): readonly Step[] {
    if (!this.#isReady) this.#breach('a Judge before Ready');
    if (this.#judged.has(commandId)) this.#breach('a command that is judged twice');
    this.#judged.add(commandId);
    const { text, wire, verbs, objects, cacheKey, prepares, place, command } = judged;
    const shown = { text, masked: judged.maskedText(), binds: judged.maskedBinds().map((bind) => bind ?? null) };
    const rest = { wire: hexOf(wire), verbs, objects, cacheKey, prepares, place, complete: command.complete };
    this.#note('Judge', commandId, undefined, JSON.stringify({ ...shown, ...rest }));
    const answer = this.#answers.settle(judged);
    if (typeof answer === 'object') return this.#session.settle(commandId, { kind: 'Refuse', refusal: answer });
    if (answer === 'Hold') {
      this.#later.push(() => this.#forward(commandId));
      return this.#session.settle(commandId, { kind: 'Hold', notice: 'It waits for a human.', hint: 'Wait.' });
    }
    return this.#forward(commandId);
  }

  #forward(commandId: CommandId): readonly Step[] {
    const permit = this.#mint.mint(commandId);
    this.#permits.set(commandId, permit);
    const { masks } = this.#answers;
    const meter = this.meter === undefined ? {} : { meter: this.meter };
    return this.#session.settle(commandId, { kind: 'Forward', permit, masks, recordMasks: masks, ...meter });
  }

  #checkPermit(kind: string, commandId: CommandId, permit: Permit): void {
    if (this.#permits.get(commandId) !== permit) this.#breach(`a ${kind} without the permit of its command`);
    if (this.#finished.has(commandId)) this.#breach(`a ${kind} after Finished`);
  }

  #breach(what: string): void {
    this.violations.push(what);
  }

  #note(kind: string, commandId: CommandId | undefined, bytes: Uint8Array | undefined, details = ''): void {
    const last = this.#joined.at(-1);
    const joins = bytes !== undefined && last?.kind === kind && last.commandId === commandId && last.parts.length > 0;
    // Copied: a chunk that a test cuts up may be written to again.
    if (joins) {
      last.parts.push(bytes.slice());
      last.details += details;
    } else {
      this.#joined.push({ kind, commandId, parts: bytes === undefined ? [] : [bytes.slice()], details });
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function detailsOf(step: Step): string {
  return JSON.stringify({ ...step, kind: undefined, commandId: undefined });
}
