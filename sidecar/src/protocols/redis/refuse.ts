import { assertNever } from '@sidegate/crds';
import type { Refusal } from '../protocol.ts';
import { writeError } from './codec.ts';

/** The first word of an error, by which clients of Redis tell errors apart. */
export function codeOf(kind: Refusal['kind']): string {
  switch (kind) {
    case 'Denied':
    case 'Incomplete':
    case 'ApprovalRefused':
    case 'LimitExceeded':
    case 'NotAdmitted':
    case 'Unsupported':
      return 'NOPERM';
    case 'NotRecorded':
      return 'MISCONF';
    case 'Unauthenticated':
      return 'WRONGPASS';
    case 'TargetUnavailable':
    case 'Terminated':
      return 'ERR';
    default:
      return assertNever(kind);
  }
}

/** The text of an error without its dash: code, rule, reason, and what to do about it. */
export function refusalText({ kind, rule, reason, hint }: Refusal): string {
  const said = rule === '' ? reason : `${rule}: ${reason}`;
  return `${codeOf(kind)} ${said}${hint === '' ? '' : ` ${hint}`}`.trimEnd();
}

/** The refusal of one command; the session lives on. */
export function writeRefusal(refusal: Refusal): Uint8Array {
  return writeError(refusalText(refusal));
}

/** The end of a connection. Whoever was not let in reads the code for that; in any other case nothing is wrong with a command. */
export function writeFarewell(refusal: Refusal): Uint8Array {
  const { kind } = refusal;
  if (kind === 'Unauthenticated' || kind === 'NotAdmitted' || kind === 'NotRecorded') return writeRefusal(refusal);
  return writeError(`ERR The connection is ended. ${refusalText(refusal).replace(/^\S+ /, '')}`);
}

/** What a client is told that did not say who it is, as Redis does. */
export const NO_AUTH = writeError(
  'NOAUTH Authentication required. Give a token as the password: AUTH token, or HELLO 3 AUTH name token.',
);

/** What EXEC answers when a command of its transaction was refused, as Redis does. */
export const EXEC_ABORT_TEXT = 'EXECABORT Transaction discarded because of previous errors.';
