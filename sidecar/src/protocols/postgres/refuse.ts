import { assertNever } from '@sidegate/crds';
import type { CloseCode, Refusal } from '../protocol.ts';
import { FRAME } from './codec.ts';
import { writeFields } from './codec-writer.ts';

/** PostgreSQL's code (SQLSTATE) for a refusal; drivers turn it into an exception class. */
export function sqlStateOf(refusal: Refusal, code?: CloseCode): string {
  if (code === 'Killed' || code === 'Expired' || code === 'GateStopped') return '57P01';
  switch (refusal.kind) {
    case 'Denied':
    case 'Incomplete':
    case 'ApprovalRefused':
      return '42501';
    case 'LimitExceeded':
      return '53400';
    case 'NotRecorded':
      return '58030';
    case 'Unauthenticated':
      return '28P01';
    case 'NotAdmitted':
      return '28000';
    case 'TargetUnavailable':
      return '08001';
    case 'Terminated':
      return '57P01';
    case 'Unsupported':
      return '0A000';
    default:
      return assertNever(refusal.kind);
  }
}

const MESSAGES: Readonly<Record<Refusal['kind'], string>> = {
  Denied: 'refused by policy',
  Incomplete: 'refused: the command is not understood whole',
  ApprovalRefused: 'refused: not approved',
  LimitExceeded: 'refused: a limit is used up',
  NotRecorded: 'refused: it cannot be recorded',
  Unauthenticated: 'authentication failed',
  NotAdmitted: 'this identity may not open this target',
  TargetUnavailable: 'the target cannot be reached',
  Terminated: 'the session was ended by the gate',
  Unsupported: 'not supported by the gate',
};

/** What to do, where whoever refused did not say. */
const HINTS: Readonly<Record<Refusal['kind'], string>> = {
  Denied: 'Change the statement so that the rule does not apply, or ask the owner of the rule. The session goes on.',
  Incomplete:
    'Write the statement in a form that can be read whole, or ask the owner of the target to name its kind, which stands in parentheses, in allowIncomplete of a policy there.',
  ApprovalRefused: 'Ask the approver why, or change the statement. The session goes on.',
  LimitExceeded: 'Wait until the limit has room again, or ask the owner of the limit.',
  NotRecorded: 'Try again once the record can be written.',
  Unauthenticated: 'Give a valid token as the password.',
  NotAdmitted: 'Ask the owner of the target for access.',
  TargetUnavailable: 'Try again later, or ask the owner of the target.',
  Terminated: 'Connect again if you still may.',
  Unsupported: '',
};

/** The refusal of one command: an error after which the session lives on. Rule and reason are in DETAIL, what to do is in HINT. */
export function writeRefusal(refusal: Refusal): Uint8Array {
  return writeError('ERROR', sqlStateOf(refusal), MESSAGES[refusal.kind], detailOf(refusal), hintOf(refusal));
}

/** The end of a connection. */
export function writeFarewell(refusal: Refusal, code: CloseCode): Uint8Array {
  return writeError('FATAL', sqlStateOf(refusal, code), MESSAGES[refusal.kind], detailOf(refusal), hintOf(refusal));
}

/** Tells a client that waits why it waits. */
export function writeHoldNotice(notice: string, hint: string): Uint8Array {
  return writeFields(FRAME.notice, fields('NOTICE', '00000', notice, '', hint));
}

/** An ErrorResponse of the gate's own. Empty `detail` and `hint` are left out. */
export function writeError(
  severity: 'ERROR' | 'FATAL',
  sqlState: string,
  message: string,
  detail = '',
  hint = '',
): Uint8Array {
  return writeFields(FRAME.error, fields(severity, sqlState, message, detail, hint));
}

function fields(severity: string, sqlState: string, message: string, detail: string, hint: string): [string, string][] {
  const all: [string, string][] = [
    ['S', severity],
    ['V', severity],
    ['C', sqlState],
    ['M', `sidegate: ${message}`],
  ];
  if (detail !== '') all.push(['D', detail]);
  if (hint !== '') all.push(['H', hint]);
  return all;
}

function hintOf({ kind, hint }: Refusal): string {
  return hint === '' ? HINTS[kind] : hint;
}

function detailOf({ rule, reason }: Refusal): string {
  if (rule === '') return reason;
  return reason === '' ? `Rule ${rule}.` : `Rule ${rule}: ${reason}`;
}
