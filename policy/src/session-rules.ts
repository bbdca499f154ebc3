import type { Durability, Fault, RecordingContent, Result } from '@sidegate/crds';
import type { LimitRule } from './budget/limit-rule.ts';
import type { Command } from './command.ts';
import type { Decision, RuleReference } from './decision.ts';
import type { Identity } from './identity.ts';
import type { MaskRules } from './masking.ts';

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** Which door a connection came through. */
export interface SessionQuestion {
  readonly target: ObjectName;
  readonly access: ObjectName;
  readonly identity: Identity;
}

/** Why a verified identity may not open a Target. */
export type AdmissionFault = Fault<'NotAdmitted' | 'Suspended' | 'UnknownTarget' | 'UnknownAccess'>;

/** What holds for one session under one bundle version. Immutable; when the bundle changes the gate asks for it again. */
export interface SessionRules {
  readonly version: string;
  readonly durability: Durability;
  readonly content: RecordingContent;
  /** What is masked in answers to the agent. */
  readonly masks: MaskRules;
  /** What is masked in the recording: `masks` and those of policies in Observe mode. */
  readonly recordMasks: MaskRules;
  /** Every limit in force, in a fixed order. All count: the smallest wins by being exceeded first. */
  readonly limits: readonly LimitRule[];
  /**
   * Pure; the same command gives the same decision. Allow, Deny and RequireApproval are the strictest of both sides.
   * `granted` says which RequireApproval rules a human has answered for this command already: they hold it no more. Without it, none.
   */
  decide(command: Command, granted?: (by: RuleReference) => boolean): Decision;
  /** What `decide` without `granted` gives, where an earlier command already got that very decision and nothing tells the two apart. */
  recall?(command: Command): Decision | undefined;
}

/** A compiled bundle, ready to answer. */
export interface RuleSet {
  readonly version: string;
  openSession(question: SessionQuestion): Result<SessionRules, AdmissionFault>;
}
