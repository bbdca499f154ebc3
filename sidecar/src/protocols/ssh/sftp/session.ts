import type { MaskRules } from '@sidegate/policy';
import type { CommandId, Settlement } from '../../protocol.ts';
import { FrameReader } from '../codec.ts';
import { AgentSide } from './agent-side.ts';
import { type Greeting, readGreeting, writeInit, writeVersion } from './extensions.ts';
import { SftpLane } from './lane.ts';
import { question, realOf } from './lookup.ts';
import { PACKET, PACKET_BYTES_MAX, VERSION } from './messages.ts';
import type { Operation } from './operation.ts';
import type { Ports } from './ports.ts';
import { TargetSide } from './target-side.ts';

/**
 * One conversation of SFTP in a channel (draft-ietf-secsh-filexfer-02), taken apart into operations. Before the agent may speak the gate asks the server where the
 * conversation starts: every relative path is read from there.
 */
export class SftpSession {
  readonly #ports: Ports;
  readonly #lane: SftpLane;
  readonly #target: TargetSide;
  readonly #fromAgent = new FrameReader(PACKET_BYTES_MAX);
  readonly #fromTarget = new FrameReader(PACKET_BYTES_MAX);
  /** Which greeting is awaited; undefined: none any more. */
  #awaited: 'Agent' | 'Target' | 'Home' | undefined = 'Agent';
  #agent: AgentSide | undefined;

  /** `start`: the command that started the subsystem. */
  constructor(ports: Ports, start: Operation) {
    this.#ports = ports;
    this.#lane = new SftpLane(ports, start);
    this.#target = new TargetSide(this.#lane);
  }

  /** What the agent sent and the gate keeps, in bytes. */
  get kept(): number {
    return this.#lane.waiting.reduce((sum, { packet }) => sum + packet.length, this.#fromAgent.waiting);
  }

  /** What the target sent and the gate keeps, in bytes. */
  get keptOfTarget(): number {
    return this.#fromTarget.waiting;
  }

  /** What it holds in memory, in bytes. */
  get heldBytes(): number {
    return this.kept + this.keptOfTarget + (this.#agent?.heldBytes ?? 0);
  }

  /** How many files are open, or about to be, that are read through masks. */
  get maskedFiles(): number {
    return this.#lane.maskedFiles;
  }

  /** Nothing that the agent sent waits in the gate. */
  get isIdle(): boolean {
    const { over, waiting, isFull } = this.#lane;
    const isGreeting = this.#awaited !== undefined && this.#fromAgent.waiting > 0;
    return over || (waiting.length === 0 && !isFull && !isGreeting);
  }

  receiveAgent(bytes: Uint8Array): void {
    this.#fromAgent.feed(bytes);
    this.pump();
  }

  receiveTarget(bytes: Uint8Array): void {
    this.#fromTarget.feed(bytes);
    this.pump();
  }

  /** False: it is nothing that waits here. */
  settle(commandId: CommandId, settlement: Settlement): boolean {
    const asked = this.#lane.judged.get(commandId);
    if (asked === undefined || this.#agent === undefined) return false;
    this.#agent.settle(asked, commandId, settlement);
    this.pump();
    return true;
  }

  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    for (const operation of [this.#lane.start, ...this.#lane.running.values()]) operation.addMasks(masks, recordMasks);
  }

  /** The channel is gone: what runs is finished as lost. */
  abandon(reason: string): void {
    this.#lane.abandon(reason);
  }

  /** Takes every whole packet that is there, up to one that the gate must decide first. */
  pump(): void {
    while (!this.#lane.over && !this.#ports.isJudging && this.#step());
    if (!this.#lane.over) this.#lane.flush();
  }

  /** False: there is nothing more to do now. */
  #step(): boolean {
    const lane = this.#lane;
    if (lane.toJudge.length > 0) {
      this.#agent?.judgeNext();
      return true;
    }
    if (this.#agent?.readNext() === true) return true;
    const answer = this.#fromTarget.next();
    if (answer === 'TooLarge') lane.broken('target', 'a packet that is too large');
    else if (answer !== undefined) this.#takeTarget(answer);
    if (answer !== undefined) return true;
    if (lane.isFull || (this.#awaited !== undefined && this.#awaited !== 'Agent')) return false;
    const request = this.#fromAgent.next();
    if (request === 'TooLarge') lane.broken('agent', 'a packet that is too large');
    else if (request !== undefined) this.#takeAgent(request);
    return request !== undefined;
  }

  #takeAgent(packet: Uint8Array): void {
    if (this.#awaited === undefined) return this.#agent?.take(packet);
    const greeting = readGreeting(packet, PACKET.init);
    if (greeting === undefined) return this.#lane.broken('agent', 'something else than its version');
    if (greeting.version < VERSION) return this.#lane.broken('agent', `version ${greeting.version}`);
    this.#awaited = 'Target';
    const init = writeInit();
    return this.#ports.toTarget({ kind: 'More', operation: this.#lane.start }, init, init);
  }

  #takeTarget(packet: Uint8Array): void {
    if (this.#awaited === undefined || this.#awaited === 'Home') return this.#target.take(packet);
    const greeting = this.#awaited === 'Target' ? readGreeting(packet, PACKET.version) : undefined;
    if (greeting === undefined) return this.#lane.broken('target', 'something else than its version');
    if (greeting.version !== VERSION) return this.#lane.broken('target', `version ${greeting.version}`);
    this.#awaited = 'Home';
    return this.#askHome(greeting);
  }

  #askHome(greeting: Greeting): void {
    const lane = this.#lane;
    lane.send({ kind: 'Question' }, question(PACKET.realpath, '.'), {
      kind: 'Names',
      take: (answer, packet) => {
        const path = realOf(answer);
        if (path === undefined || path === '') {
          lane.broken('target', 'no directory that sessions start in');
          return true;
        }
        this.#awaited = undefined;
        const home = { path, tell: (id: number) => this.#target.relay(id, lane.start, answer, packet) };
        this.#agent = new AgentSide(lane, this.#target, home);
        const version = writeVersion(greeting);
        this.#ports.toAgent(lane.start.commandId, version, version);
        return true;
      },
    });
  }
}
