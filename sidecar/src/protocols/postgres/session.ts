import { assertNever, type Fault, type Result } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { Outbox } from '../outbox.ts';
import type { CloseCode, CommandId, ProtocolSession, Refusal, SessionOptions, Settlement, Step } from '../protocol.ts';
import { AgentSide } from './agent-side.ts';
import { FrameScanner } from './codec.ts';
import { TERMINATE, writeCancelRequest } from './codec-writer.ts';
import { Forwarder } from './forwarder.ts';
import { Lane } from './lane.ts';
import { Opening } from './opening.ts';
import { writeFarewell, writeHoldNotice } from './refuse.ts';
import type { SharedState } from './shared-state.ts';
import type { RelationCatalog } from './sql-reading.ts';
import { TargetSide } from './target-side.ts';

type Admission = Parameters<ProtocolSession['identified']>[0];

/** The parts of an open session. */
interface Open {
  readonly lane: Lane;
  readonly agent: AgentSide;
  readonly target: TargetSide;
  readonly forwarder: Forwarder;
}

/** One conversation in PostgreSQL's protocol 3.0 or 3.2 (documentation, chapter "Frontend/Backend Protocol"). */
export class PostgresSession implements ProtocolSession {
  readonly #options: SessionOptions;
  readonly #shared: SharedState;
  readonly #outbox = new Outbox();
  readonly #agentScanner: FrameScanner;
  readonly #targetScanner: FrameScanner;
  readonly #opening: Opening;
  #open: Open | undefined;
  #masks: readonly [masks: MaskRules, recordMasks: MaskRules] | undefined;
  #over = false;

  constructor(options: SessionOptions, shared: SharedState) {
    this.#options = options;
    this.#shared = shared;
    this.#agentScanner = new FrameScanner(options.limits.frameBytesMax, true);
    this.#targetScanner = new FrameScanner(options.limits.frameBytesMax, false);
    this.#opening = new Opening(options, shared, this.#agentScanner, this.#outbox);
  }

  receiveAgent(bytes: Uint8Array): readonly Step[] {
    if (this.#over) return [];
    this.#agentScanner.feed(bytes);
    if (this.#open === undefined) this.#opening.agentSpoke();
    else this.#open.agent.pump();
    return this.#take();
  }

  receiveTarget(bytes: Uint8Array): readonly Step[] {
    if (this.#over) return [];
    if (this.#open === undefined) this.#opening.targetSpoke(bytes);
    else {
      this.#targetScanner.feed(bytes);
      this.#open.target.receive();
      // Room may have come, or a change of state that a later command waited for.
      this.#open.agent.pump();
    }
    return this.#take();
  }

  agentSecured(): readonly Step[] {
    if (!this.#over) this.#opening.agentSecured();
    return this.#take();
  }

  targetSecured(): readonly Step[] {
    if (!this.#over) this.#opening.targetSecured();
    return this.#take();
  }

  identified(admission: Admission): readonly Step[] {
    if (this.#over) return [];
    this.#masks = [admission.masks, admission.recordMasks];
    this.#opening.identified(admission.credential);
    return this.#take();
  }

  targetConnected(): readonly Step[] {
    if (!this.#over) this.#opening.targetConnected();
    return this.#take();
  }

  catalogReady(catalog: Result<unknown, Fault>): readonly Step[] {
    if (this.#over) return [];
    const open = this.#open;
    if (!catalog.ok) {
      const reason = `The target's catalog cannot be read: ${catalog.fault.message}`;
      return this.terminate({ kind: 'TargetUnavailable', rule: '', reason, hint: '' }, 'TargetLeft');
    }
    const value = catalog.value as RelationCatalog;
    if (open === undefined) {
      this.#start(value);
      return this.#take();
    }
    open.lane.catalog = value;
    open.lane.catalogAsked = false;
    open.lane.shapeEpoch++;
    open.agent.pump();
    return this.#take();
  }

  settle(commandId: CommandId, settlement: Settlement): readonly Step[] {
    const open = this.#open;
    const waiting = open?.lane.waiting;
    if (open === undefined || waiting?.commandId !== commandId || this.#over) return [];
    switch (settlement.kind) {
      case 'Hold':
        this.#outbox.push({ kind: 'ToAgent', bytes: writeHoldNotice(settlement.notice, settlement.hint) });
        return this.#take();
      case 'Refuse':
        open.lane.waiting = undefined;
        open.forwarder.refuse(waiting, settlement.refusal);
        break;
      case 'Forward':
        open.lane.waiting = undefined;
        open.forwarder.forward(waiting, settlement);
        break;
      default:
        assertNever(settlement);
    }
    open.agent.pump();
    return this.#take();
  }

  masksChanged(masks: MaskRules, recordMasks: MaskRules): readonly Step[] {
    this.#masks = [masks, recordMasks];
    const lane = this.#open?.lane;
    if (lane === undefined) return [];
    lane.masks = masks;
    lane.recordMasks = recordMasks;
    lane.rulesEpoch++;
    for (const command of lane.running) command.addMasks(masks, recordMasks);
    this.#open?.target.masksAdded();
    return this.#take();
  }

  terminate(refusal: Refusal, code: CloseCode): readonly Step[] {
    if (this.#over) return [];
    const open = this.#open;
    const farewell = writeFarewell(refusal, code);
    if (open === undefined) this.#opening.terminate(farewell, code, refusal.reason);
    else open.lane.end(code, refusal.reason, farewell, { kind: 'PaceTarget', bytes: TERMINATE });
    return this.#take();
  }

  agentLeft(): readonly Step[] {
    if (this.#over) return [];
    const reason = 'The agent closed the connection.';
    if (this.#open === undefined) this.#opening.terminate(undefined, 'AgentLeft', reason);
    else this.#open.lane.end('AgentLeft', reason, undefined, { kind: 'PaceTarget', bytes: TERMINATE });
    return this.#take();
  }

  targetLeft(reason: string): readonly Step[] {
    if (this.#over) return [];
    const farewell = writeFarewell({ kind: 'TargetUnavailable', rule: '', reason, hint: '' }, 'TargetLeft');
    if (this.#open === undefined) this.#opening.terminate(farewell, 'TargetLeft', reason);
    else this.#open.lane.end('TargetLeft', reason, this.#open.lane.saidFarewell ? undefined : farewell);
    return this.#take();
  }

  cancelDelivered(): readonly Step[] {
    if (this.#open === undefined || this.#over) return [];
    this.#open.lane.cancelling = false;
    this.#open.agent.pump();
    return this.#take();
  }

  cancelBytes(): Uint8Array | undefined {
    const loggedIn = this.#opening.loggedIn;
    return loggedIn === undefined ? undefined : writeCancelRequest(loggedIn.processId, loggedIn.cancelKey);
  }

  /** All is known that an open session needs. */
  #start(catalog: RelationCatalog): void {
    const opened = this.#opening.opened();
    if (opened === undefined || this.#masks === undefined) return;
    const [masks, recordMasks] = this.#masks;
    const lane = new Lane({
      outbox: this.#outbox,
      limits: this.#options.limits,
      cache: this.#shared.readings,
      state: opened.state,
      parameters: opened.parameters,
      database: opened.database,
      catalog,
      masks,
      recordMasks,
    });
    const forwarder = new Forwarder(lane);
    const agent = new AgentSide(lane, this.#agentScanner, forwarder);
    const target = new TargetSide(lane, this.#targetScanner);
    this.#open = { lane, agent, target, forwarder };
    this.#targetScanner.feed(opened.rest);
    target.receive();
    agent.pump();
  }

  #take(): readonly Step[] {
    const steps = this.#outbox.take();
    this.#over = this.#open === undefined ? this.#opening.over : this.#open.lane.over;
    return steps;
  }
}
