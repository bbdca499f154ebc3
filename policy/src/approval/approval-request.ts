import type { ApprovalTerms } from '@sidegate/crds';
import type { RuleReference } from '../decision.ts';
import { APPROVAL_TIMEOUT_SECONDS_DEFAULT } from './terms.ts';

/** Who asks, as an approval is bound to it. */
export interface Requester {
  readonly issuer: string;
  readonly subject: string;
}

/** One held command that waits for people. Immutable. */
export interface HeldCommand {
  readonly id: string;
  /** SHA-256 of the exact bytes that would be forwarded, in lower-case hex. */
  readonly commandSha256: string;
  readonly identity: Requester;
  /** The session that the command came in. */
  readonly session: string;
  readonly rule: RuleReference;
  readonly terms: ApprovalTerms;
  /** The version of the bundle that asked. */
  readonly policyVersion: string;
  readonly createdAtMs: number;
  /** From this millisecond on it is too late. */
  readonly expiresAtMs: number;
}

/** Fills in when a held command expires: `timeoutSeconds` of its rule, or 600, after it was held. */
export function holdCommand(held: Omit<HeldCommand, 'expiresAtMs'>): HeldCommand {
  const seconds = held.terms.timeoutSeconds ?? APPROVAL_TIMEOUT_SECONDS_DEFAULT;
  return { ...held, expiresAtMs: held.createdAtMs + seconds * 1000 };
}
