import type { Budget, Identity, LimitRule } from '@sidegate/policy';
import type { AskingSession } from './approval-question.ts';
import type { DoorNames } from './door-names.ts';

/** What one session may still do. */
export type SessionBudget = Pick<Budget, 'ask' | 'charge' | 'spend' | 'renew'>;

/** What every agent may still do. */
export interface BudgetBook {
  /** Resolves when there is something to spend, or nothing is to be had for now. Asked before a session is opened. */
  prepare(door: DoorNames, identity: Identity, limits: readonly LimitRule[]): Promise<void>;
  /**
   * The budget of a session: it counts together with those of the same verified subject under the same AgentAccess. Undefined when nothing is
   * limited. Asked again when the rules change.
   */
  open(session: AskingSession, limits: readonly LimitRule[]): SessionBudget | undefined;
  sessionEnded(sessionId: string): void;
  /** Called about once a second: forgets what is over. */
  tick(nowMs: number): void;
}
