import type { Fault, Result } from '@sidegate/crds';
import type { Command, MaskRules } from '@sidegate/policy';
import { type LaneEnding, LaneSession, type OpenLane } from '../lane-session.ts';
import type { CommandId, Refusal, SessionOptions, Settlement } from '../protocol.ts';
import { AgentSide } from './agent-side.ts';
import { Lane } from './lane.ts';
import { Opening, UNKNOWN_ARGUMENTS_MAX, UNKNOWN_BYTES_MAX } from './opening.ts';
import { writeFarewell } from './refuse.ts';
import { RequestReader } from './request-reader.ts';
import { TargetSide } from './target-side.ts';

/** The longest command, in bytes. A record shows it in one event, a byte as up to six characters, and the store takes 256 MiB. */
const COMMAND_BYTES_MAX = 40 * 1024 * 1024;

interface Open extends OpenLane {
  readonly lane: Lane;
  readonly agent: AgentSide;
  readonly target: TargetSide;
}

/** One conversation in RESP2 or RESP3. */
export class RedisSession extends LaneSession<Open> {
  protected readonly opening: Opening;
  readonly #options: SessionOptions;
  readonly #reader: RequestReader;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    const bytesMax = Math.min(UNKNOWN_BYTES_MAX, options.limits.frameBytesMax);
    this.#reader = new RequestReader({ bytesMax, argumentsMax: UNKNOWN_ARGUMENTS_MAX });
    this.opening = new Opening(options, this.#reader, this.outbox);
  }

  standing(): readonly Command[] {
    return this.open?.agent.standing() ?? [];
  }

  get isFull(): boolean {
    return this.open === undefined ? this.opening.isFull : this.open.agent.isFull;
  }

  get heldBytes(): number {
    return this.open === undefined ? this.#reader.keptBytes : this.open.agent.heldBytes + this.open.target.heldBytes;
  }

  /** Redis stops what a connection runs when the connection ends. */
  cancelBytes(): undefined {
    return undefined;
  }

  protected agentSpoke(bytes: Uint8Array): void {
    if (this.open === undefined) return this.opening.agentSpoke(bytes);
    this.#reader.feed(bytes);
    this.open.agent.pump();
  }

  protected targetSpoke({ target }: Open, bytes: Uint8Array): void {
    target.receive(bytes);
  }

  protected cataloged(catalog: Result<unknown, Fault>): void {
    if (this.open !== undefined) return;
    this.opening.catalogReady(catalog);
    this.#start();
  }

  protected settled({ lane, agent, target }: Open, commandId: CommandId, settlement: Settlement): boolean {
    const { waiting } = lane;
    if (waiting?.commandId !== commandId) return false;
    lane.isJudging = false;
    // Redis has no word for a client that waits: one that is held hears nothing until its answer.
    if (settlement.kind !== 'Hold') {
      lane.waiting = undefined;
      agent.settle(waiting, settlement);
    }
    if (target.isHeldBack) {
      // What else the agent sent goes first: it would have, had the server's bytes come later.
      agent.pump();
      target.pump();
    }
    return true;
  }

  protected masksAdded({ lane }: Open, masks: MaskRules, recordMasks: MaskRules): void {
    // What was put off until EXEC was judged by older rules.
    if (lane.inTransaction) lane.transactionSpoilt = true;
    lane.maskQueued(masks, recordMasks);
  }

  protected farewell(refusal: Refusal): Uint8Array {
    return writeFarewell(refusal);
  }

  protected endLane({ lane }: Open, { code, reason, farewell }: LaneEnding): void {
    lane.end(code, reason, farewell);
  }

  /** All is known that an open session needs. */
  #start(): void {
    const opened = this.opening.opened();
    if (opened === undefined || this.masks === undefined) return;
    const [masks, recordMasks] = this.masks;
    const { limits, target, agentTls } = this.#options;
    const databases = target.databases === undefined ? undefined : new Set(target.databases.map(Number));
    const lane = new Lane({
      ...opened,
      outbox: this.outbox,
      limits,
      databases,
      host: target.host,
      redirect: target.redirect,
      targetTls: target.tls,
      agentTls,
      masks,
      recordMasks,
    });
    this.#reader.limits = { bytesMax: Math.min(limits.frameBytesMax, COMMAND_BYTES_MAX) };
    const agent = new AgentSide(lane, this.#reader);
    this.open = { lane, agent, target: new TargetSide(lane, agent, limits.frameBytesMax) };
    agent.pump();
  }
}
