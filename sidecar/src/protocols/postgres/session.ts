import { assertNever, type Fault, type Result } from '@sidegate/crds';
import { type LaneEnding, LaneSession, type OpenLane } from '../lane-session.ts';
import type { CloseCode, CommandId, Refusal, SessionOptions, Settlement, Step } from '../protocol.ts';
import { AgentSide } from './agent-side.ts';
import { isCatalog } from './catalog.ts';
import { FRAME, FrameScanner } from './codec.ts';
import { TERMINATE, writeCancelRequest, writeFrame } from './codec-writer.ts';
import { Forwarder } from './forwarder.ts';
import { Lane } from './lane.ts';
import { Opening } from './opening.ts';
import { writeFarewell, writeHoldNotice } from './refuse.ts';
import type { SharedState } from './shared-state.ts';
import type { RelationCatalog } from './sql-reading.ts';
import { TargetSide } from './target-side.ts';

/** The largest frame of an agent: a record has all of it in one event, three times as long in the worst case, and the store takes 256 MiB. */
const AGENT_FRAME_BYTES_MAX = 80 * 1024 * 1024;
/** That of a server: masks read it as a text, and V8 has none that is longer than 512 MiB. */
const TARGET_FRAME_BYTES_MAX = 500 * 1024 * 1024;

/** The parts of an open session. */
interface Open extends OpenLane {
  readonly lane: Lane;
  readonly agent: AgentSide;
  readonly target: TargetSide;
  readonly forwarder: Forwarder;
}

/** One conversation in PostgreSQL's protocol 3.0 or 3.2 (documentation, chapter "Frontend/Backend Protocol"). */
export class PostgresSession extends LaneSession<Open> {
  readonly limitsAhead = true;
  protected readonly opening: Opening;
  readonly #options: SessionOptions;
  readonly #shared: SharedState;
  readonly #agentScanner: FrameScanner;
  readonly #targetScanner: FrameScanner;

  constructor(options: SessionOptions, shared: SharedState) {
    super();
    const { limits } = options;
    const frameBytesMax = Math.min(limits.frameBytesMax, AGENT_FRAME_BYTES_MAX);
    this.#options = { ...options, limits: { ...limits, frameBytesMax } };
    this.#shared = shared;
    this.#agentScanner = new FrameScanner(frameBytesMax, true);
    this.#targetScanner = new FrameScanner(Math.min(limits.frameBytesMax, TARGET_FRAME_BYTES_MAX), false);
    this.opening = new Opening(this.#options, shared, this.#agentScanner, this.outbox);
  }

  get isFull(): boolean {
    return this.open?.agent.isFull === true;
  }

  get heldBytes(): number {
    const held = this.#agentScanner.heldBytes + this.#targetScanner.heldBytes;
    return this.open === undefined ? held : held + this.open.agent.heldBytes + this.open.lane.statements.heldBytes;
  }

  /** A server may report a parameter at any time; this one never changes. */
  probe(): readonly Step[] {
    const name = 'server_version';
    const value = this.open?.lane.atStart.get(name);
    if (value !== undefined)
      this.outbox.push({ kind: 'ToAgent', bytes: writeFrame(FRAME.parameterStatus, name, value) });
    return this.take();
  }

  cancelDelivered(): readonly Step[] {
    if (this.open !== undefined) {
      this.open.lane.cancelling = false;
      this.open.agent.pump();
    }
    return this.take();
  }

  cancelBytes(): Uint8Array | undefined {
    const { loggedIn } = this.opening;
    return loggedIn === undefined ? undefined : writeCancelRequest(loggedIn.processId, loggedIn.cancelKey);
  }

  protected agentSpoke(bytes: Uint8Array): void {
    this.#agentScanner.feed(bytes);
    if (this.open === undefined) this.opening.agentSpoke();
    else this.open.agent.pump();
  }

  protected targetSpoke({ target }: Open, bytes: Uint8Array): void {
    this.#targetScanner.feed(bytes);
    target.receive();
  }

  protected cataloged(catalog: Result<unknown, Fault>): void {
    if (!catalog.ok) {
      const reason = `The target's catalog cannot be read: ${catalog.fault.message}`;
      const refusal = { kind: 'TargetUnavailable', rule: '', reason, hint: '' } as const;
      return this.end('TargetLeft', reason, this.farewell(refusal, 'TargetLeft'));
    }
    const value = catalog.value as RelationCatalog;
    if (isCatalog(value)) this.opening.catalogWatch?.read(value.defaults.user, value.lasting);
    if (this.open === undefined) return this.#start(value);
    const { lane, agent } = this.open;
    lane.catalog = value;
    lane.catalogAsked = false;
    lane.shapeEpoch++;
    agent.pump();
  }

  protected settled({ lane, forwarder }: Open, commandId: CommandId, settlement: Settlement): boolean {
    const { waiting } = lane;
    if (waiting?.commandId !== commandId) return false;
    switch (settlement.kind) {
      case 'Hold':
        this.outbox.push({ kind: 'ToAgent', bytes: writeHoldNotice(settlement.notice, settlement.hint) });
        return false;
      case 'Refuse':
        lane.waiting = undefined;
        forwarder.refuse(waiting, settlement.refusal);
        return true;
      case 'Forward':
        lane.waiting = undefined;
        forwarder.forward(waiting, settlement);
        return true;
      default:
        return assertNever(settlement);
    }
  }

  protected masksAdded({ lane }: Open): void {
    lane.rulesEpoch++;
  }

  protected farewell(refusal: Refusal, code: CloseCode): Uint8Array {
    return writeFarewell(refusal, code);
  }

  protected endLane({ lane }: Open, { code, reason, farewell, targetHears }: LaneEnding): void {
    // A server that left may have said why by itself.
    if (targetHears) lane.end(code, reason, farewell, { kind: 'PaceTarget', bytes: TERMINATE });
    else lane.end(code, reason, lane.saidFarewell ? undefined : farewell);
  }

  /** All is known that an open session needs. */
  #start(catalog: RelationCatalog): void {
    const opened = this.opening.opened();
    const { catalogWatch } = this.opening;
    if (opened === undefined || catalogWatch === undefined || this.masks === undefined) return;
    const [masks, recordMasks] = this.masks;
    const lane = new Lane({
      outbox: this.outbox,
      limits: this.#options.limits,
      cache: this.#shared.readings,
      state: opened.state,
      parameters: opened.parameters,
      database: opened.database,
      catalogWatch,
      catalog,
      masks,
      recordMasks,
    });
    const forwarder = new Forwarder(lane);
    const agent = new AgentSide(lane, this.#agentScanner, forwarder);
    const target = new TargetSide(lane, this.#targetScanner);
    this.open = { lane, agent, target, forwarder };
    this.#targetScanner.feed(opened.rest);
    target.receive();
    agent.pump();
  }
}
