import type { MaskRules } from '@sidegate/policy';
import { type LaneEnding, LaneSession, type OpenLane } from '../lane-session.ts';
import type { CloseCode, CommandId, Refusal, SessionOptions, Settlement } from '../protocol.ts';
import { AgentSide } from './agent-side.ts';
import { FrameReader } from './codec.ts';
import { Lane } from './lane.ts';
import { LENGTH_BYTES } from './messages.ts';
import { Opening, UNKNOWN_BYTES_MAX } from './opening.ts';
import { writeFarewell } from './refuse.ts';
import { TargetSide } from './target-side.ts';

/** The largest message of the transport, with room to spare. */
const MESSAGE_BYTES_MAX = 256 * 1024;

interface Open extends OpenLane {
  readonly lane: Lane;
  readonly agent: AgentSide;
  readonly target: TargetSide;
}

/** One conversation in SSH, inside its transport: frames of RFC 4252 and RFC 4254. */
export class SshSession extends LaneSession<Open> {
  /** By the windows of its channels. */
  readonly limitsAhead = true;
  protected readonly opening: Opening;
  readonly #pendingMax: number;
  readonly #readers: { readonly agent: FrameReader; readonly target: FrameReader };

  constructor(options: SessionOptions) {
    super();
    const bytesMax = Math.min(MESSAGE_BYTES_MAX, options.limits.frameBytesMax - LENGTH_BYTES);
    this.#pendingMax = options.limits.pendingCommandsMax;
    this.#readers = {
      agent: new FrameReader(Math.min(UNKNOWN_BYTES_MAX, bytesMax)),
      target: new FrameReader(bytesMax),
    };
    this.opening = new Opening(options, this.#readers, this.outbox);
  }

  get heldBytes(): number {
    const { agent, target } = this.#readers;
    return agent.waiting + target.waiting + (this.open?.lane.heldBytes ?? 0);
  }

  /** What a connection runs hears of its end. */
  cancelBytes(): undefined {
    return undefined;
  }

  protected agentSpoke(bytes: Uint8Array): void {
    this.#readers.agent.feed(bytes);
    if (this.open === undefined) this.opening.agentSpoke();
    else this.open.agent.pump();
  }

  protected override targetOpens(bytes: Uint8Array): void {
    super.targetOpens(bytes);
    if (!this.opening.isOpen || this.masks === undefined) return;
    const [masks, recordMasks] = this.masks;
    const lane = new Lane(this.outbox, { masks, recordMasks, pendingMax: this.#pendingMax });
    const agent = new AgentSide(lane, this.#readers.agent);
    const target = new TargetSide(lane, agent, this.#readers.target);
    this.open = { lane, agent, target };
    // Both may have sent more already.
    target.pump();
    agent.pump();
  }

  protected targetSpoke({ target }: Open, bytes: Uint8Array): void {
    target.receive(bytes);
  }

  /** There is none to wait for. */
  protected cataloged(): void {}

  protected settled({ lane, agent, target }: Open, commandId: CommandId, settlement: Settlement): boolean {
    lane.isJudging = false;
    const channel = lane.pending.get(commandId);
    if (channel?.commandId === commandId && channel.waiting !== undefined) {
      agent.settle(channel, channel.waiting, settlement);
    } else if (channel?.sftp?.session.settle(commandId, settlement) === true) {
      channel.sftp.grant();
      agent.endInput(channel);
    }
    if (channel?.typed?.settle(commandId, settlement) === true) agent.endInput(channel);
    // What came in while the gate was asked.
    target.pump();
    return true;
  }

  /** What runs and cannot be masked goes on no longer. */
  protected masksAdded({ lane }: Open, masks: MaskRules): void {
    if (masks.empty) return;
    for (const channel of lane.channels.values()) {
      const refusal = channel.command?.cannotMask;
      if (refusal !== undefined) lane.refuse(channel, refusal, false);
    }
  }

  protected farewell(refusal: Refusal, code: CloseCode): Uint8Array {
    return this.open === undefined ? this.opening.farewell(refusal, code) : writeFarewell(refusal, code);
  }

  protected endLane({ lane }: Open, { code, reason, farewell }: LaneEnding): void {
    lane.end(code, reason, farewell);
  }
}
