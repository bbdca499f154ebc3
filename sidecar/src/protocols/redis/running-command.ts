import type { MaskRules, RedisCommand } from '@sidegate/policy';
import type { Permit } from '../../permit.ts';
import { bothMasks } from '../both-masks.ts';
import type { AnswerMeter, CommandId } from '../protocol.ts';
import type { AnswerPlan } from './answers.ts';

/** What is needed to mask one answer: of a command, or of one that waits in a transaction. */
export interface AnswerRules {
  readonly plan: AnswerPlan;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
}

/** The same with more masks: both hold. */
export function withMasks<Rules extends AnswerRules>(rules: Rules, masks: MaskRules, recordMasks: MaskRules): Rules {
  const same = rules.masks === rules.recordMasks && masks === recordMasks;
  const joined = bothMasks(rules.masks, masks);
  return { ...rules, masks: joined, recordMasks: same ? joined : bothMasks(rules.recordMasks, recordMasks) };
}

export interface CommandStart {
  readonly id: CommandId;
  readonly permit: Permit;
  readonly name: string;
  readonly plan: AnswerPlan;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  /** What it takes of the gate's memory until it is answered, in bytes. */
  readonly keptBytes: number;
  readonly meter: AnswerMeter | undefined;
  readonly keysRead: number;
  /** The server is expected to put it off until EXEC. */
  readonly isQueued: boolean;
  /** The agent asked to be told nothing. */
  readonly isMuted: boolean;
  /** Answers that come one for each channel; `All`: until nothing of that kind is subscribed any longer. */
  readonly confirmations: number | 'All' | undefined;
  /** The agent gets this error in place of what the server answers. */
  readonly replacedBy: string | undefined;
  /** What the session does when the server answers without an error. */
  readonly onOk: (() => void) | undefined;
  /** The command itself, where it goes on after its answer. */
  readonly subscribes: RedisCommand | undefined;
}

/** A judged command from its permit to its end. */
export class RunningCommand {
  readonly id: CommandId;
  readonly permit: Permit;
  readonly name: string;
  readonly plan: AnswerPlan;
  readonly keptBytes: number;
  readonly meter: AnswerMeter | undefined;
  readonly keysRead: number;
  readonly isQueued: boolean;
  readonly isMuted: boolean;
  readonly replacedBy: string | undefined;
  readonly onOk: (() => void) | undefined;
  readonly subscribes: RedisCommand | undefined;
  confirmations: number | 'All' | undefined;
  masks: MaskRules;
  recordMasks: MaskRules;
  maskedValues = 0;

  constructor(start: CommandStart) {
    this.id = start.id;
    this.permit = start.permit;
    this.name = start.name;
    this.plan = start.plan;
    this.keptBytes = start.keptBytes;
    this.meter = start.meter;
    this.keysRead = start.keysRead;
    this.isQueued = start.isQueued;
    this.isMuted = start.isMuted;
    this.replacedBy = start.replacedBy;
    this.onOk = start.onOk;
    this.subscribes = start.subscribes;
    this.confirmations = start.confirmations;
    this.masks = start.masks;
    this.recordMasks = start.recordMasks;
  }

  /** New masks before the answer is over: it gets both. */
  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    const same = this.masks === this.recordMasks && masks === recordMasks;
    this.masks = bothMasks(this.masks, masks);
    this.recordMasks = same ? this.masks : bothMasks(this.recordMasks, recordMasks);
  }
}
