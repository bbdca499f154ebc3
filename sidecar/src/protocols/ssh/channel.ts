import type { MaskRules } from '@sidegate/policy';
import type { Permit } from '../../permit.ts';
import { bothMasks } from '../both-masks.ts';
import type { AnswerMeter, CommandId, JudgedCommand, Refusal, Settlement } from '../protocol.ts';
import type { Request } from './classify.ts';
import type { Flow } from './flow.ts';
import type { SftpSession } from './sftp/session.ts';
import { StreamMask } from './stream-mask.ts';

const NOTHING = new Uint8Array(0);

/** What a channel is asked to run. */
export interface Asked {
  readonly request: Request;
  /** The message as it came. */
  readonly message: Uint8Array;
  readonly wantsReply: boolean;
}

/** The same when it waits for its decision. */
export interface Waiting extends Asked {
  readonly judged: JudgedCommand;
}

/** The masks on both outputs of a command: as the agent sees them and, where that differs, as the record does. */
class OutputMasks {
  readonly #shown: StreamMask;
  #recorded: StreamMask | undefined;

  constructor(masks: MaskRules, recordMasks: MaskRules) {
    this.#shown = new StreamMask(masks);
    this.#recorded = masks === recordMasks ? undefined : new StreamMask(recordMasks, 'Record');
  }

  get maskedValues(): number {
    return this.#shown.maskedValues;
  }

  /** Something is kept back from the agent. */
  get isKeeping(): boolean {
    return this.#shown.isKeeping;
  }

  /** Nothing more is given: something is too long to be read whole. */
  get isOverlong(): boolean {
    return this.#shown.isOverlong;
  }

  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    this.#shown.addMasks(masks);
    if (masks !== recordMasks) this.#recorded ??= new StreamMask(recordMasks, 'Record');
    this.#recorded?.addMasks(recordMasks);
  }

  push(data: Uint8Array): { data: Uint8Array; recorded: Uint8Array } {
    const shown = this.#shown.push(data);
    return { data: shown, recorded: this.#recorded?.push(data) ?? shown };
  }

  end(): { data: Uint8Array; recorded: Uint8Array } {
    const shown = this.#shown.end();
    return { data: shown, recorded: this.#recorded?.end() ?? shown };
  }

  /** What is kept of both, in bytes. */
  get keptBytes(): number {
    return this.#shown.keptBytes + (this.#recorded?.keptBytes ?? 0);
  }

  /** What went to the agent and waits for its line to end before the record shows it. */
  endRecord(): Uint8Array {
    const recorded = this.#recorded;
    return recorded === undefined || recorded.keptBytes <= this.#shown.keptBytes ? NOTHING : recorded.end();
  }
}

/** What a channel runs, from its permit to its end. */
export class RunningCommand {
  readonly id: CommandId;
  readonly permit: Permit;
  readonly meter: AnswerMeter | undefined;
  readonly outputs: readonly [stdout: OutputMasks, stderr: OutputMasks];
  /** Why it must end once masks are in force; undefined: its output can be masked. */
  readonly cannotMask: Refusal | undefined;
  /** Masks what the record shows of the input. */
  readonly input: StreamMask;
  tag = '';
  errorCode = '';
  /** Says how it ended, as the agent and the record see it, and waits for output that is kept back. */
  status: readonly [shown: Uint8Array, recorded: Uint8Array] | undefined;
  #masks: MaskRules;
  #recordMasks: MaskRules;

  constructor(id: CommandId, permit: Permit, rules: Rules) {
    this.id = id;
    this.permit = permit;
    this.meter = rules.meter;
    this.cannotMask = rules.cannotMask;
    this.outputs = [new OutputMasks(rules.masks, rules.recordMasks), new OutputMasks(rules.masks, rules.recordMasks)];
    this.input = new StreamMask(rules.recordMasks, 'RecordOfKeys');
    this.#masks = rules.masks;
    this.#recordMasks = rules.recordMasks;
  }

  /** The masks in force now: for the agent, and for the record. */
  get masks(): readonly [masks: MaskRules, recordMasks: MaskRules] {
    return [this.#masks, this.#recordMasks];
  }

  get maskedValues(): number {
    return this.outputs[0].maskedValues + this.outputs[1].maskedValues;
  }

  get isKeeping(): boolean {
    return this.outputs.some((output) => output.isKeeping);
  }

  /** What masks keep of it, in bytes. */
  get keptBytes(): number {
    const [stdout, stderr] = this.outputs;
    return stdout.keptBytes + stderr.keptBytes + this.input.keptBytes;
  }

  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    for (const output of this.outputs) output.addMasks(masks, recordMasks);
    this.input.addMasks(recordMasks);
    this.#masks = bothMasks(this.#masks, masks);
    this.#recordMasks = bothMasks(this.#recordMasks, recordMasks);
  }
}

interface Rules {
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  readonly meter?: AnswerMeter | undefined;
  readonly cannotMask?: Refusal | undefined;
}

/** A conversation of SFTP in a channel, as the channel's messages drive it. */
export interface CarriedSftp {
  readonly session: SftpSession;
  receiveAgent(bytes: Uint8Array): void;
  receiveTarget(bytes: Uint8Array): void;
  /** The agent takes more. */
  widened(): void;
  /** Gives the target what it takes now. */
  drain(): void;
  /** Grants both sides what there is room for. */
  grant(): void;
}

/** What is typed into a shell, as the channel's messages drive it. */
export interface CarriedTyping {
  /** Nothing waits in it. */
  readonly isIdle: boolean;
  /** Output of the shell. */
  see(data: Uint8Array): void;
  /** Gives the target what it takes now. */
  drain(): void;
  /** True when the command was a line of this shell. */
  settle(commandId: CommandId, settlement: Settlement): boolean;
  /** The channel is over. */
  abandon(reason: string): void;
}

/** One channel. Both sides know it by `id`, which the gate gave; each has a number of its own besides. */
export class Channel {
  readonly id: number;
  readonly agentNumber: number;
  /** Undefined until the target has opened it. */
  targetNumber: number | undefined;
  readonly toAgent: Flow;
  /** Undefined until the target says what it takes. */
  toTarget: Flow | undefined;
  /** env and pty-req, which wait for what they belong to. */
  preparing: Uint8Array[] = [];
  preparingBytes = 0;
  hasTerminal = false;
  commandId: CommandId | undefined;
  waiting: Waiting | undefined;
  command: RunningCommand | undefined;
  /** What runs in it is taken apart into operations. */
  sftp: CarriedSftp | undefined;
  /** What is typed into a shell on a terminal. */
  typed: CarriedTyping | undefined;
  /** It leads to another place, and runs nothing: the target opens it once it may. */
  readonly isForward: boolean;
  /** The target was asked to open it, and has not answered. */
  isOpening: boolean;
  /** It was asked to run something. */
  isAsked: boolean;
  /** Nothing can be asked of it any more. */
  spent = false;
  /** What the target still owes answers to, in order. */
  readonly owed: ('Preparing' | 'Start' | 'StartUnasked' | 'Agent')[] = [];
  readonly closed = { byAgent: false, byTarget: false, toAgent: false, toTarget: false };
  readonly ended = { byAgent: false, toTarget: false, byTarget: false };

  constructor(id: number, agentNumber: number, toAgent: Flow, isForward = false) {
    this.id = id;
    this.agentNumber = agentNumber;
    this.toAgent = toAgent;
    this.isForward = isForward;
    this.isAsked = isForward;
    this.isOpening = !isForward;
  }

  /** The target has opened it. */
  get isOpen(): boolean {
    return this.targetNumber !== undefined;
  }

  /** What it holds in memory, in bytes. */
  get heldBytes(): number {
    const { toAgent, toTarget, waiting, command, sftp } = this;
    const queued = toAgent.queued + (toTarget?.queued ?? 0);
    const asked = this.preparingBytes + (waiting?.message.length ?? 0);
    return queued + asked + (command?.keptBytes ?? 0) + (sftp?.session.heldBytes ?? 0);
  }
}
