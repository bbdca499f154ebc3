import { assertNever } from '@sidegate/crds';
import type { Command } from '@sidegate/policy';
import type { Refusal, Settlement } from '../protocol.ts';
import { keepsNames } from './answers.ts';
import { blocks } from './blocking.ts';
import { Classifier } from './classifier.ts';
import { asLatin1, writeCommand, writeError, writeSimple } from './codec.ts';
import { readHello } from './hello.ts';
import { numberAt, optionAt } from './keys.ts';
import type { Lane, Waiting } from './lane.ts';
import { RedisCommandJudged } from './redis-command-judged.ts';
import { codeOf, EXEC_ABORT_TEXT, refusalText, writeRefusal } from './refuse.ts';
import type { RequestReader } from './request-reader.ts';
import { RunningCommand } from './running-command.ts';
import { subscribingOf } from './subscriptions.ts';
import { writeLogin } from './target-login.ts';

/** What an agent may send ahead of commands that wait for the server, in bytes. */
const AHEAD_BYTES_MAX = 1024 * 1024;
/** What a command takes of memory until it is answered, besides the names that its answer is masked by, in bytes. */
const COMMAND_BYTES = 256;
const UNSUPPORTED_HINT = 'The gate cannot carry it, whoever allows it.';

/** Takes an agent's commands one by one: each is judged, then forwarded or refused in its place. */
export class AgentSide {
  readonly #lane: Lane;
  readonly #reader: RequestReader;
  readonly #classifier: Classifier;

  constructor(lane: Lane, reader: RequestReader) {
    this.#lane = lane;
    this.#reader = reader;
    this.#classifier = new Classifier(lane.catalog, lane.options.databases);
  }

  /** Reads on, up to a command that must wait. */
  pump(): void {
    const lane = this.#lane;
    const max = lane.options.limits.pendingCommandsMax;
    if (lane.replyMode !== undefined && !lane.isSubscribing) this.#setReplyMode(lane.replyMode);
    while (!lane.over && !lane.quitting && this.#mayRead) {
      if (lane.queue.length >= max) return;
      const result = this.#reader.next();
      switch (result) {
        case 'More':
          return;
        case 'Empty':
          break;
        case 'Command':
          this.#command(this.#reader.args, this.#reader.wire);
          break;
        case 'Malformed':
          lane.end(
            'Fault',
            'The agent sent what is no command.',
            writeError(`ERR Protocol error: ${this.#reader.complaint}`),
          );
          return;
        case 'TooLarge':
          lane.end(
            'Fault',
            'The agent sent a command that is too large.',
            writeError('ERR Protocol error: the command is too large'),
          );
          return;
        default:
          assertNever(result);
      }
    }
  }

  get #mayRead(): boolean {
    const { waiting, barrier, replyMode } = this.#lane;
    return waiting === undefined && barrier === undefined && replyMode === undefined;
  }

  /** What the agent sent waits until less is on its way, or until an answer. */
  get isHeldBack(): boolean {
    const { queue, options } = this.#lane;
    return !this.#mayRead || queue.length >= options.limits.pendingCommandsMax;
  }

  /** Commands wait for the server, and much is here already. What waits for people is limited by the gate, which reads on to see an agent leave. */
  get isFull(): boolean {
    const { over, waiting } = this.#lane;
    return !over && waiting === undefined && this.#reader.heldBytes > AHEAD_BYTES_MAX && this.isHeldBack;
  }

  get heldBytes(): number {
    return this.#reader.keptBytes + this.#lane.keptBytes + (this.#lane.waiting?.judged.wire.length ?? 0);
  }

  /** Subscriptions, also those that are not confirmed yet. */
  standing(): readonly Command[] {
    const { subscriptions, running, database } = this.#lane;
    const confirmed = subscriptions.commands.map((args) => this.#classifier.read(args, database, false).command);
    return [...confirmed, ...running.flatMap(({ subscribes }) => subscribes ?? [])];
  }

  settle(waiting: Waiting, settlement: Exclude<Settlement, { readonly kind: 'Hold' }>): void {
    if (settlement.kind === 'Refuse') this.#refuse(waiting, settlement.refusal);
    else this.#forward(waiting, settlement);
  }

  #command(args: readonly Uint8Array[], wire: Uint8Array): void {
    const lane = this.#lane;
    const name = optionAt(args, 0);
    if (name === 'AUTH') return this.#authenticate(asLatin1(args.at(-1) ?? new Uint8Array()));
    if (name === 'QUIT') {
      lane.quitting = true;
      const bytes = lane.takeMuted() ? undefined : writeSimple('OK');
      return lane.owe({ kind: 'Local', bytes, finished: undefined, closes: true });
    }
    // As Redis does: somebody makes a browser talk to it.
    if (name === 'POST' || name === 'HOST:') {
      const reason = 'The agent speaks HTTP.';
      return lane.end('Fault', reason, writeError('ERR Protocol error: this is no HTTP server'));
    }
    if (name === 'HELLO') return this.#hello(args);
    this.#judge(args, wire);
  }

  /** The identity of a connection is one: the token that opened it may be shown again. */
  #authenticate(token: string): void {
    const lane = this.#lane;
    const { token: known } = lane.options;
    const bytes =
      known === undefined || token === known
        ? writeSimple('OK')
        : writeError('NOPERM identity: a connection keeps the identity that opened it. Open another one.');
    lane.owe({ kind: 'Local', bytes, finished: undefined, closes: false });
  }

  /** Judged like any command, without what it says of identity. */
  #hello(args: readonly Uint8Array[]): void {
    const hello = readHello(args);
    if (hello === undefined) {
      const bytes = writeError('NOPROTO unsupported protocol version or syntax of HELLO');
      return this.#lane.owe({ kind: 'Local', bytes, finished: undefined, closes: false });
    }
    const { token } = this.#lane.options;
    if (hello.token !== undefined && token !== undefined && hello.token !== token)
      return this.#authenticate(hello.token);
    const version = hello.version === undefined ? [] : [String(hello.version)];
    const parts = ['HELLO', ...version, ...(hello.clientName === undefined ? [] : ['SETNAME', hello.clientName])];
    this.#judge(
      parts.map((part) => Buffer.from(part)),
      writeCommand(parts),
    );
  }

  #judge(args: readonly Uint8Array[], wire: Uint8Array): void {
    const lane = this.#lane;
    const reading = this.#classifier.read(args, lane.database, lane.inTransaction);
    const commandId = ++lane.lastCommandId;
    const judged = new RedisCommandJudged(args, wire, reading, lane);
    lane.waiting = { commandId, args, wire, reading, judged };
    lane.isJudging = true;
    lane.outbox.push({ kind: 'Judge', commandId, judged });
  }

  #refuse({ commandId, reading }: Waiting, refusal: Refusal): void {
    const lane = this.#lane;
    if (lane.inTransaction && reading.command.name !== 'EXEC' && reading.command.name !== 'DISCARD')
      lane.transactionSpoilt = true;
    const isMuted = lane.takeMuted();
    const errorText = refusalText(refusal);
    lane.owe({
      kind: 'Local',
      bytes: isMuted ? undefined : writeRefusal(refusal),
      finished: {
        kind: 'Finished',
        commandId,
        outcome: 'Refused',
        tag: '',
        errorCode: codeOf(refusal.kind),
        errorText,
        rows: 0,
        maskedValues: 0,
      },
      closes: false,
    });
  }

  #forward(waiting: Waiting, settlement: Extract<Settlement, { readonly kind: 'Forward' }>): void {
    const lane = this.#lane;
    const { commandId, args, reading } = waiting;
    const { name } = reading.command;
    if (reading.unsupported !== undefined) {
      return this.#refuse(waiting, {
        kind: 'Unsupported',
        rule: name,
        reason: reading.unsupported,
        hint: UNSUPPORTED_HINT,
      });
    }
    if (name === 'CLIENT REPLY') return this.#setReplyMode(waiting);
    const isSpoilt = name === 'EXEC' && args.length === 1 && lane.inTransaction && lane.transactionSpoilt;
    const { permit, masks, recordMasks, meter } = settlement;
    // As in Redis: RESET ends OFF before it is answered.
    if (name === 'RESET' && args.length === 1 && lane.replies === 'Off') lane.replies = 'On';
    const subscribes = subscribingOf(name)?.adds === true ? reading.command : undefined;
    const keepsWords = subscribes !== undefined || keepsNames(reading.plan);
    const command = new RunningCommand({
      id: commandId,
      permit,
      name,
      plan: reading.plan,
      keptBytes: COMMAND_BYTES + (keepsWords ? waiting.wire.length : 0),
      masks,
      recordMasks,
      meter,
      keysRead: reading.keysRead,
      isQueued: lane.inTransaction && !UNQUEUED.has(name),
      isMuted: lane.takeMuted(),
      confirmations: confirmationsOf(name, args),
      replacedBy: isSpoilt ? EXEC_ABORT_TEXT : undefined,
      onOk: this.#effectOf(name, args),
      subscribes,
    });
    lane.meter = meter;
    const bytes = isSpoilt ? DISCARD : this.#bytesOf(name, waiting.wire);
    lane.outbox.push({ kind: 'ToTarget', commandId, permit, bytes });
    lane.owe({ kind: 'Forwarded', command });
    this.#after(name, command, args);
  }

  /**
   * RESET also ends the gate's own login, so that goes right behind it. A shard's subscription also ends when its slot leaves the server: whether what is
   * said of that was the answer to SUNSUBSCRIBE, or another is to come, the answer to a PING tells.
   */
  #bytesOf(name: string, wire: Uint8Array): Uint8Array {
    if (name === 'SUNSUBSCRIBE') return Buffer.concat([wire, PING]);
    if (name !== 'RESET') return wire;
    const login = writeLogin(this.#lane.options.credential, undefined);
    return login === undefined ? wire : Buffer.concat([wire, login]);
  }

  #effectOf(name: string, args: readonly Uint8Array[]): (() => void) | undefined {
    const lane = this.#lane;
    switch (name) {
      case 'SELECT':
        return () => {
          lane.database = numberAt(args, 1) ?? -1;
        };
      case 'HELLO':
        return () => {
          const version = numberAt(args, 1);
          if (version === 2 || version === 3) lane.version = version;
        };
      case 'RESET':
        return () => lane.reset();
      default:
        return undefined;
    }
  }

  #after(name: string, command: RunningCommand, args: readonly Uint8Array[]): void {
    const lane = this.#lane;
    if (args.length > 1 && (name === 'MULTI' || name === 'EXEC' || name === 'DISCARD')) {
      // The server refuses them so, which changes nothing, but that EXEC may end the transaction: that it did its answer says.
      if (name === 'EXEC') lane.barrier = command;
      return;
    }
    switch (name) {
      case 'MULTI':
        if (!lane.inTransaction) lane.transactionSpoilt = false;
        lane.inTransaction = true;
        break;
      case 'EXEC':
      case 'DISCARD':
        lane.inTransaction = false;
        // What EXEC selects is known when it is answered.
        if (lane.selecting !== undefined) lane.barrier = command;
        lane.selecting = undefined;
        break;
      case 'SELECT':
        if (command.isQueued) lane.selecting = numberAt(args, 1) ?? -1;
        else lane.barrier = command;
        break;
      case 'HELLO':
        lane.barrier = command;
        break;
      case 'SUNSUBSCRIBE':
        lane.owe({ kind: 'Own', expected: 'PONG' });
        break;
      case 'RESET':
        lane.barrier = command;
        if (writeLogin(lane.options.credential, undefined) !== undefined) {
          lane.barrier = 'Login';
          lane.owe({ kind: 'Own', expected: 'OK' });
        }
        break;
      default:
        // What is sent behind it runs when it is over, by the rules of then.
        if (!command.isQueued && blocks(name, args)) lane.barrier = command;
    }
  }

  /** The gate keeps answers back by itself: the server goes on answering, so that answers and commands are never out of step. */
  #setReplyMode(waiting: Waiting): void {
    const lane = this.#lane;
    lane.replyMode = lane.version === 2 && lane.isSubscribing ? waiting : undefined;
    if (lane.replyMode !== undefined) return;
    const mode = optionAt(waiting.args, 2);
    const wasMuted = lane.takeMuted();
    let errorText = '';
    if (waiting.args.length !== 3) errorText = WRONG_COUNT;
    else if (lane.version === 2 && lane.subscriptions.isAny) errorText = NOT_WHILE_SUBSCRIBED;
    else if (mode === 'ON') lane.replies = 'On';
    else if (mode === 'OFF') lane.replies = 'Off';
    else if (mode !== 'SKIP') errorText = 'ERR syntax error';
    else if (lane.replies !== 'Off') lane.replies = 'SkipNext';
    let bytes: Uint8Array | undefined;
    if (errorText !== '') bytes = wasMuted ? undefined : writeError(errorText);
    else if (mode === 'ON') bytes = writeSimple('OK');
    const failed = errorText !== '';
    lane.owe({
      kind: 'Local',
      bytes,
      finished: {
        kind: 'Finished',
        commandId: waiting.commandId,
        outcome: failed ? 'Failed' : 'Done',
        tag: failed ? '' : mode,
        errorCode: failed ? 'ERR' : '',
        errorText,
        rows: 0,
        maskedValues: 0,
      },
      closes: false,
    });
  }
}

/** As Redis 7.0 says it. */
const WRONG_COUNT = "ERR wrong number of arguments for 'client|reply' command";
const NOT_WHILE_SUBSCRIBED =
  "ERR Can't execute 'client|reply': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
const DISCARD = writeCommand(['DISCARD']);
const PING = writeCommand(['PING']);
/** What the server does at once in a transaction. */
const UNQUEUED = new Set(['MULTI', 'EXEC', 'DISCARD', 'WATCH', 'RESET', 'QUIT']);

function confirmationsOf(name: string, args: readonly Uint8Array[]): number | 'All' | undefined {
  const subscribing = subscribingOf(name);
  if (subscribing === undefined) return undefined;
  if (args.length > 1) return args.length - 1;
  return subscribing.adds ? undefined : 'All';
}
