import type { KillSelection } from '@sidegate/crds';
import { nameOf } from './configuration.ts';
import type { DoorNames } from './door-names.ts';
import type { GatedSession } from './gated-session.ts';

/** The fewest characters by which a session may be named instead of its whole id. */
const SESSION_PREFIX_LENGTH_MIN = 8;

/**
 * Whether a session is among those that are to end. An agent is known by its AgentAccess, which is certain, or by the name that it claims,
 * which is not: who must be sure names the subject or the AgentAccess.
 */
export function isSelected(
  which: KillSelection,
  { sessionId, admission }: GatedSession,
  { access }: DoorNames,
): boolean {
  if ('session' in which) {
    if (sessionId === undefined) return false;
    return which.session.length >= SESSION_PREFIX_LENGTH_MIN
      ? sessionId.startsWith(which.session)
      : sessionId === which.session;
  }
  if ('subject' in which) return admission?.identity.verified.subject === which.subject;
  return [nameOf(access), access.name, admission?.identity.claimed.agent].includes(which.agent);
}
