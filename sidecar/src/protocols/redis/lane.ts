import type { MaskRules } from '@sidegate/policy';
import type { Outbox } from '../outbox.ts';
import type {
  AnswerMeter,
  CloseCode,
  CommandId,
  Credential,
  JudgedCommand,
  ProtocolLimits,
  SessionOptions,
  Step,
} from '../protocol.ts';
import type { RedisReading } from './classify.ts';
import type { CommandCatalog } from './command-catalog.ts';
import { type AnswerRules, type RunningCommand, withMasks } from './running-command.ts';
import { Subscriptions } from './subscriptions.ts';

/** What the agent is owed, in the order of its commands. */
export type Owed =
  | { readonly kind: 'Forwarded'; readonly command: RunningCommand }
  /** The gate answers by itself; undefined bytes: not at all. */
  | {
      readonly kind: 'Local';
      readonly bytes: Uint8Array | undefined;
      readonly finished: Extract<Step, { readonly kind: 'Finished' }> | undefined;
      readonly closes: boolean;
    }
  /** The answer to what the gate itself asked, which nobody sees: its login, or whether the server is in step. */
  | { readonly kind: 'Own'; readonly expected: 'OK' | 'PONG' };

/** A command that waits for its decision. */
export interface Waiting {
  readonly commandId: CommandId;
  readonly args: readonly Uint8Array[];
  readonly wire: Uint8Array;
  readonly reading: RedisReading;
  readonly judged: JudgedCommand;
}

/** A command of a transaction that the server has put off. */
export interface PutOff extends AnswerRules {
  readonly onOk: RunningCommand['onOk'];
  /** As that of its command. */
  readonly keptBytes: number;
}

export interface LaneOptions {
  readonly outbox: Outbox;
  readonly limits: ProtocolLimits;
  readonly catalog: CommandCatalog;
  readonly credential: Credential;
  /** The token that the agent came with; undefined when none was asked for. */
  readonly token: string | undefined;
  readonly version: 2 | 3;
  readonly databases: ReadonlySet<number> | undefined;
  readonly redirect: SessionOptions['target']['redirect'] | undefined;
  readonly host: string;
  /** The gate speaks TLS with the target. */
  readonly targetTls: boolean;
  /** The gate's doors take TLS too. */
  readonly agentTls: boolean;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
}

/** What both sides of an open session share: what the agent is owed, and what the session has set up so far. */
export class Lane {
  readonly outbox: Outbox;
  readonly options: LaneOptions;
  readonly catalog: CommandCatalog;
  readonly queue: Owed[] = [];
  masks: MaskRules;
  recordMasks: MaskRules;
  waiting: Waiting | undefined;
  /** The gate has yet to say anything about `waiting`, which it does at once: what the server sends stays behind it. */
  isJudging = false;
  /** A CLIENT REPLY behind subscriptions that are not confirmed yet: where one stands, it is refused. */
  replyMode: Waiting | undefined;
  /** Nothing is read from the agent until this command is answered: it changes what later ones mean. */
  barrier: RunningCommand | 'Login' | undefined;
  lastCommandId: CommandId = 0;
  over = false;
  /** The agent said QUIT: what it sends after it is not read. */
  quitting = false;
  /** Part of an answer has gone out: nothing else may be written into it. */
  midAnswer = false;
  /** The protocol version of answers. */
  version: 2 | 3;
  database = 0;
  /** The database that a SELECT names which was put off until EXEC. */
  selecting: number | undefined;
  /** MULTI was forwarded and neither EXEC nor DISCARD. */
  inTransaction = false;
  /** A command of the transaction was refused, or the rules changed: EXEC must not run it. */
  transactionSpoilt = false;
  #queued: PutOff[] = [];
  #queuedBytes = 0;
  #runningBytes = 0;
  /** As CLIENT REPLY set it. */
  replies: 'On' | 'Off' | 'SkipNext' = 'On';
  readonly subscriptions = new Subscriptions();
  /** Counts what comes unasked. */
  meter: AnswerMeter | undefined;

  constructor(options: LaneOptions) {
    this.options = options;
    this.outbox = options.outbox;
    this.catalog = options.catalog;
    this.version = options.version;
    this.masks = options.masks;
    this.recordMasks = options.recordMasks;
  }

  /** The database that a command finds which is read now, for people. */
  get databaseShown(): string {
    return this.selecting === undefined ? String(this.database) : `${this.selecting} (if SELECT in EXEC succeeds)`;
  }

  get head(): Owed | undefined {
    return this.queue[0];
  }

  /** The server has yet to say what the connection is subscribed to. */
  get isSubscribing(): boolean {
    return this.queue.some((owed) => owed.kind === 'Forwarded' && owed.command.confirmations !== undefined);
  }

  get running(): readonly RunningCommand[] {
    return this.queue.flatMap((owed) => (owed.kind === 'Forwarded' ? [owed.command] : []));
  }

  /** What the server said it has put off, in order. */
  get queued(): readonly PutOff[] {
    return this.#queued;
  }

  /** What the session keeps of commands whose answers are to come, and of subscriptions, in bytes. */
  get keptBytes(): number {
    return this.#runningBytes + this.#queuedBytes + this.subscriptions.keptBytes;
  }

  /** The server has put it off until EXEC. */
  putOff(command: PutOff): void {
    this.#queued.push(command);
    this.#queuedBytes += command.keptBytes;
  }

  /** Nothing is put off any longer. */
  forgetQueued(): void {
    this.#queued = [];
    this.#queuedBytes = 0;
  }

  /** What is put off gets these masks besides. */
  maskQueued(masks: MaskRules, recordMasks: MaskRules): void {
    this.#queued = this.#queued.map((rules) => withMasks(rules, masks, recordMasks));
  }

  /** Whether the answer to the command that is read now is kept from the agent; a SKIP holds for one. */
  takeMuted(): boolean {
    const isMuted = this.replies !== 'On';
    if (this.replies === 'SkipNext') this.replies = 'On';
    return isMuted;
  }

  owe(owed: Owed): void {
    this.queue.push(owed);
    if (owed.kind === 'Forwarded') this.#runningBytes += owed.command.keptBytes;
    this.settleLocal();
  }

  /** The head has been answered. */
  shift(): void {
    const answered = this.queue.shift();
    if (answered?.kind === 'Forwarded') this.#runningBytes -= answered.command.keptBytes;
    this.settleLocal();
  }

  /** Gives the answers of the gate's own whose turn it is. */
  settleLocal(): void {
    for (let head = this.queue[0]; head?.kind === 'Local' && !this.over; head = this.queue[0]) {
      this.queue.shift();
      const { bytes, finished, closes } = head;
      if (finished === undefined) {
        if (bytes !== undefined) this.outbox.push({ kind: 'ToAgent', bytes });
      } else {
        if (bytes !== undefined) this.outbox.answer(finished.commandId, bytes);
        this.outbox.push(finished);
      }
      if (closes) this.end('AgentLeft', 'The agent quit.', undefined);
    }
  }

  /** The server has thrown the transaction away. */
  abortTransaction(): void {
    this.inTransaction = false;
    this.selecting = undefined;
  }

  /** Subscriptions and transactions are gone, the database is the first: RESET. */
  reset(): void {
    this.version = 2;
    this.database = 0;
    this.selecting = undefined;
    this.inTransaction = false;
    this.forgetQueued();
    this.replies = 'On';
    this.subscriptions.clear();
  }

  /** The end: what runs is lost, the agent gets `farewell` unless it is in the middle of an answer, both sides close. */
  end(code: CloseCode, reason: string, farewell: Uint8Array | undefined): void {
    if (this.over) return;
    this.over = true;
    if (farewell !== undefined && !this.midAnswer) this.outbox.push({ kind: 'ToAgent', bytes: farewell });
    for (const owed of this.queue) {
      if (owed.kind === 'Forwarded') this.outbox.push(lost(owed.command.id, reason));
      if (owed.kind === 'Local' && owed.finished !== undefined) this.outbox.push(owed.finished);
    }
    this.queue.length = 0;
    for (const waiting of [this.replyMode, this.waiting]) {
      if (waiting !== undefined) this.outbox.push(lost(waiting.commandId, reason));
    }
    this.replyMode = undefined;
    this.waiting = undefined;
    this.outbox.push({ kind: 'Close', code, reason });
  }
}

function lost(commandId: CommandId, errorText: string): Step {
  return { kind: 'Finished', commandId, outcome: 'Lost', tag: '', errorCode: '', errorText, rows: 0, maskedValues: 0 };
}
