import type { Fault, Result } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { Outbox } from './outbox.ts';
import type {
  CloseCode,
  CommandId,
  Credential,
  ProtocolSession,
  Refusal,
  SecuredChannel,
  Settlement,
  Step,
} from './protocol.ts';

/** What leads a session from its first byte until commands may pass. */
export interface SessionOpening {
  readonly over: boolean;
  agentSecured(channel: SecuredChannel | undefined): void;
  targetSecured(channel: SecuredChannel | undefined): void;
  identified(credential: Credential): void;
  targetConnected(): void;
  targetSpoke(bytes: Uint8Array): void;
  terminate(farewell: Uint8Array | undefined, code: CloseCode, reason: string): void;
}

/** The parts of an open session that every protocol has. */
export interface OpenLane {
  readonly lane: {
    readonly over: boolean;
    masks: MaskRules;
    recordMasks: MaskRules;
    readonly running: Iterable<{ addMasks(masks: MaskRules, recordMasks: MaskRules): void }>;
  };
  readonly agent: { pump(): void };
  readonly target: { masksAdded(): void };
}

/** How an open session ends. */
export interface LaneEnding {
  readonly code: CloseCode;
  readonly reason: string;
  /** The last word to the agent; undefined: none. */
  readonly farewell: Uint8Array | undefined;
  /** False: the target has left. */
  readonly targetHears: boolean;
}

/**
 * A session that is led by an opening first and by a lane then: says once how both are handed what happens, and that nothing comes of anything
 * after the end. A protocol adds how its agents and targets speak, and how it says goodbye.
 */
export abstract class LaneSession<Open extends OpenLane> implements ProtocolSession {
  protected readonly outbox = new Outbox();
  protected abstract readonly opening: SessionOpening;
  protected open: Open | undefined;
  /** Those for the agent and those for the record; undefined until somebody is identified. */
  protected masks: readonly [masks: MaskRules, recordMasks: MaskRules] | undefined;
  #over = false;

  /** To whichever leads now. */
  protected abstract agentSpoke(bytes: Uint8Array): void;
  protected abstract targetSpoke(open: Open, bytes: Uint8Array): void;
  /** While the opening leads: a lane that waits for no catalog begins with what the target says here. */
  protected targetOpens(bytes: Uint8Array): void {
    this.opening.targetSpoke(bytes);
  }
  /** The catalog as it was read; the lane begins with the first. */
  protected abstract cataloged(catalog: Result<unknown, Fault>): void;
  /** False: nothing waits for this word. */
  protected abstract settled(open: Open, commandId: CommandId, settlement: Settlement): boolean;
  /** What else changes in an open session with its masks, which it has by now. */
  protected abstract masksAdded(open: Open, masks: MaskRules, recordMasks: MaskRules): void;
  /** The last word to the agent, in the client's protocol. */
  protected abstract farewell(refusal: Refusal, code: CloseCode): Uint8Array;
  protected abstract endLane(open: Open, ending: LaneEnding): void;
  abstract cancelBytes(): Uint8Array | undefined;

  receiveAgent(bytes: Uint8Array): readonly Step[] {
    if (!this.#over) this.agentSpoke(bytes);
    return this.take();
  }

  receiveTarget(bytes: Uint8Array): readonly Step[] {
    if (this.#over) return [];
    if (this.open === undefined) this.targetOpens(bytes);
    else {
      this.targetSpoke(this.open, bytes);
      // Room may have come, or the change of state that a later command waited for.
      this.open.agent.pump();
    }
    return this.take();
  }

  agentSecured(channel?: SecuredChannel): readonly Step[] {
    if (!this.#over) this.opening.agentSecured(channel);
    return this.take();
  }

  targetSecured(channel?: SecuredChannel): readonly Step[] {
    if (!this.#over) this.opening.targetSecured(channel);
    return this.take();
  }

  identified({ credential, masks, recordMasks }: Parameters<ProtocolSession['identified']>[0]): readonly Step[] {
    if (this.#over) return [];
    this.masks = [masks, recordMasks];
    this.opening.identified(credential);
    return this.take();
  }

  targetConnected(): readonly Step[] {
    if (!this.#over) this.opening.targetConnected();
    return this.take();
  }

  catalogReady(catalog: Result<unknown, Fault>): readonly Step[] {
    if (!this.#over) this.cataloged(catalog);
    return this.take();
  }

  settle(commandId: CommandId, settlement: Settlement): readonly Step[] {
    const { open } = this;
    if (open === undefined || this.#over || !this.settled(open, commandId, settlement)) return this.take();
    open.agent.pump();
    return this.take();
  }

  masksChanged(masks: MaskRules, recordMasks: MaskRules): readonly Step[] {
    this.masks = [masks, recordMasks];
    const { open } = this;
    if (open === undefined) return [];
    open.lane.masks = masks;
    open.lane.recordMasks = recordMasks;
    for (const command of open.lane.running) command.addMasks(masks, recordMasks);
    this.masksAdded(open, masks, recordMasks);
    open.target.masksAdded();
    return this.take();
  }

  terminate(refusal: Refusal, code: CloseCode): readonly Step[] {
    this.end(code, refusal.reason, this.farewell(refusal, code));
    return this.take();
  }

  agentLeft(): readonly Step[] {
    this.end('AgentLeft', 'The agent closed the connection.', undefined);
    return this.take();
  }

  targetLeft(reason: string): readonly Step[] {
    const refusal = { kind: 'TargetUnavailable', rule: '', reason, hint: '' } as const;
    this.end('TargetLeft', reason, this.farewell(refusal, 'TargetLeft'), false);
    return this.take();
  }

  protected end(code: CloseCode, reason: string, farewell: Uint8Array | undefined, targetHears = true): void {
    if (this.#over) return;
    if (this.open === undefined) this.opening.terminate(farewell, code, reason);
    else this.endLane(this.open, { code, reason, farewell, targetHears });
  }

  /** The steps so far, in order. */
  protected take(): readonly Step[] {
    const steps = this.outbox.take();
    this.#over = this.open === undefined ? this.opening.over : this.open.lane.over;
    return steps;
  }
}
