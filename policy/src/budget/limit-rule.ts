import type { ApprovalTerms } from '@sidegate/crds';
import type { RuleReference } from '../decision.ts';

/** One limit in force, with quantities read into numbers. It is over as soon as any of the amounts it names is used up. */
export interface LimitRule {
  readonly by: RuleReference;
  readonly name: string;
  /** Rows of answers. */
  readonly rows?: number;
  /** Bytes of answers, as the target sent them. */
  readonly bytes?: number;
  readonly commands?: number;
  /** The length of the sliding window. */
  readonly perSeconds: number;
  readonly action: 'Deny' | 'RequireApproval';
  /** Present when `action` is RequireApproval. */
  readonly approval?: ApprovalTerms;
}
