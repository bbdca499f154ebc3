import type { Fault, Result } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { Outbox } from '../outbox.ts';
import type { CloseCode, CommandId, ProtocolSession, Refusal, SessionOptions, Settlement, Step } from '../protocol.ts';
import { AgentSide } from './agent-side.ts';
import { Lane } from './lane.ts';
import { Opening, UNKNOWN_ARGUMENTS_MAX, UNKNOWN_BYTES_MAX } from './opening.ts';
import { writeFarewell } from './refuse.ts';
import { RequestReader } from './request-reader.ts';
import { withMasks } from './running-command.ts';
import { TargetSide } from './target-side.ts';

type Admission = Parameters<ProtocolSession['identified']>[0];

interface Open {
  readonly lane: Lane;
  readonly agent: AgentSide;
  readonly target: TargetSide;
}

/** One conversation in RESP2 or RESP3. */
export class RedisSession implements ProtocolSession {
  readonly #options: SessionOptions;
  readonly #outbox = new Outbox();
  readonly #reader: RequestReader;
  readonly #opening: Opening;
  #open: Open | undefined;
  #masks: readonly [masks: MaskRules, recordMasks: MaskRules] | undefined;
  #over = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const bytesMax = Math.min(UNKNOWN_BYTES_MAX, options.limits.frameBytesMax);
    this.#reader = new RequestReader({ bytesMax, argumentsMax: UNKNOWN_ARGUMENTS_MAX });
    this.#opening = new Opening(options, this.#reader, this.#outbox);
  }

  receiveAgent(bytes: Uint8Array): readonly Step[] {
    if (this.#over) return [];
    if (this.#open === undefined) this.#opening.agentSpoke(bytes);
    else {
      this.#reader.feed(bytes);
      this.#open.agent.pump();
    }
    return this.#take();
  }

  receiveTarget(bytes: Uint8Array): readonly Step[] {
    if (this.#over) return [];
    if (this.#open === undefined) this.#opening.targetSpoke(bytes);
    else {
      this.#open.target.receive(bytes);
      // Room may have come, or the answer that a later command waited for.
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
    if (this.#over || this.#open !== undefined) return [];
    this.#opening.catalogReady(catalog);
    this.#start();
    return this.#take();
  }

  settle(commandId: CommandId, settlement: Settlement): readonly Step[] {
    const open = this.#open;
    const waiting = open?.lane.waiting;
    // Redis has no word for a client that waits: one that is held hears nothing until its answer.
    if (open === undefined || waiting?.commandId !== commandId || this.#over || settlement.kind === 'Hold') return [];
    open.lane.waiting = undefined;
    open.agent.settle(waiting, settlement);
    open.agent.pump();
    return this.#take();
  }

  masksChanged(masks: MaskRules, recordMasks: MaskRules): readonly Step[] {
    this.#masks = [masks, recordMasks];
    const lane = this.#open?.lane;
    if (lane === undefined) return [];
    lane.masks = masks;
    lane.recordMasks = recordMasks;
    // What was put off until EXEC was judged by older rules.
    if (lane.inTransaction) lane.transactionSpoilt = true;
    for (const command of lane.running) command.addMasks(masks, recordMasks);
    lane.queued = lane.queued.map((rules) => withMasks(rules, masks, recordMasks));
    this.#open?.target.masksAdded();
    return this.#take();
  }

  terminate(refusal: Refusal, code: CloseCode): readonly Step[] {
    if (this.#over) return [];
    const farewell = writeFarewell(refusal);
    if (this.#open === undefined) this.#opening.terminate(farewell, code, refusal.reason);
    else this.#open.lane.end(code, refusal.reason, farewell);
    return this.#take();
  }

  agentLeft(): readonly Step[] {
    if (this.#over) return [];
    return this.#leave('AgentLeft', 'The agent closed the connection.', undefined);
  }

  targetLeft(reason: string): readonly Step[] {
    if (this.#over) return [];
    const refusal = { kind: 'TargetUnavailable', rule: 'target', reason, hint: '' } as const;
    return this.#leave('TargetLeft', reason, writeFarewell(refusal));
  }

  /** Redis stops what a connection runs when the connection ends. */
  cancelBytes(): undefined {
    return undefined;
  }

  #leave(code: CloseCode, reason: string, farewell: Uint8Array | undefined): readonly Step[] {
    if (this.#open === undefined) this.#opening.terminate(farewell, code, reason);
    else this.#open.lane.end(code, reason, farewell);
    return this.#take();
  }

  /** All is known that an open session needs. */
  #start(): void {
    const opened = this.#opening.opened();
    if (opened === undefined || this.#masks === undefined) return;
    const [masks, recordMasks] = this.#masks;
    const { limits, target } = this.#options;
    const databases = target.databases === undefined ? undefined : new Set(target.databases.map(Number));
    const lane = new Lane({
      ...opened,
      outbox: this.#outbox,
      limits,
      databases,
      host: target.host,
      redirect: target.redirect,
      masks,
      recordMasks,
    });
    this.#reader.limits = { bytesMax: limits.frameBytesMax };
    const agent = new AgentSide(lane, this.#reader);
    this.#open = { lane, agent, target: new TargetSide(lane, limits.frameBytesMax) };
    agent.pump();
  }

  #take(): readonly Step[] {
    const steps = this.#outbox.take();
    this.#over = this.#open === undefined ? this.#opening.over : this.#open.lane.over;
    return steps;
  }
}
