import { fromBinary } from '@bufbuild/protobuf';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, HoldEnded, Opened, SessionEvent } from './event.ts';
import {
  type CommandJudged as CommandJudgedMessage,
  Decision,
  type Event,
  EventSchema,
  HoldOutcome,
  Outcome,
  type Verified,
} from './generated/sidegate/session/v1/session_pb.js';

/** One event and its number in its session. */
export interface NumberedEvent {
  readonly sequence: number;
  readonly event: SessionEvent;
}

const DECISION = {
  [Decision.UNSPECIFIED]: undefined,
  [Decision.ALLOW]: 'Allow',
  [Decision.DENY]: 'Deny',
  [Decision.REQUIRE_APPROVAL]: 'RequireApproval',
} as const satisfies Record<Decision, CommandJudged['decision'] | undefined>;

const HOLD = {
  [HoldOutcome.UNSPECIFIED]: undefined,
  [HoldOutcome.APPROVED]: 'Approved',
  [HoldOutcome.REFUSED]: 'Refused',
  [HoldOutcome.EXPIRED]: 'Expired',
  [HoldOutcome.CANCELLED]: 'Cancelled',
} as const satisfies Record<HoldOutcome, HoldEnded['outcome'] | undefined>;

const OUTCOME = {
  [Outcome.UNSPECIFIED]: undefined,
  [Outcome.DONE]: 'Done',
  [Outcome.FAILED]: 'Failed',
  [Outcome.REFUSED]: 'Refused',
  [Outcome.LOST]: 'Lost',
} as const satisfies Record<Outcome, CommandFinished['outcome'] | undefined>;

/** Stops the decoding of one event; never leaves this file. */
class Malformed extends Error {}

/**
 * Reads one `sidegate.session.v1.Event`. Never throws: what is cut, unknown to this version, or holds a number that cannot be kept
 * exactly is an `EventMalformed`.
 */
export function decodeEvent(bytes: Uint8Array): Result<NumberedEvent, Fault<'EventMalformed'>> {
  try {
    const message = fromBinary(EventSchema, bytes);
    const sequence = exact(message.sequence);
    if (sequence === 0) throw new Malformed('it has no sequence number');
    return ok({ sequence, event: eventOf(message, exact(message.atUs)) });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return fail({ code: 'EventMalformed', message: `This is no session event: ${why}.` });
  }
}

function eventOf({ kind }: Event, atUs: number): SessionEvent {
  switch (kind.case) {
    case 'opened':
      return openedOf(kind.value, atUs);
    case 'commandJudged':
      return judgedOf(kind.value, atUs);
    case 'holdEnded': {
      const { approvalId, outcome, decidedBy, reason, commandId } = kind.value;
      const votes = decidedBy.map((vote) => ({
        user: vote.user,
        decision: vote.decision,
        reason: vote.reason,
        atUs: exact(vote.atUs),
      }));
      return {
        kind: 'HoldEnded',
        atUs,
        commandId: exact(commandId),
        approvalId,
        outcome: known(HOLD[outcome]),
        decidedBy: votes,
        reason,
      };
    }
    case 'commandForwarded':
      return { kind: 'CommandForwarded', atUs, commandId: exact(kind.value.commandId) };
    case 'answerPart':
      return { kind: 'AnswerPart', atUs, commandId: exact(kind.value.commandId), bytes: kind.value.bytes };
    case 'inputPart':
      return { kind: 'InputPart', atUs, commandId: exact(kind.value.commandId), bytes: kind.value.bytes };
    case 'commandFinished': {
      const { tag, errorCode, errorText, ...rest } = kind.value;
      return {
        kind: 'CommandFinished',
        atUs,
        commandId: exact(rest.commandId),
        outcome: known(OUTCOME[rest.outcome]),
        tag,
        errorCode,
        errorText,
        rows: exact(rest.rows),
        answerBytes: exact(rest.answerBytes),
        durationUs: exact(rest.durationUs),
        maskedValues: exact(rest.maskedValues),
      };
    }
    case 'remark':
      return { kind: 'Remark', atUs, code: kind.value.code, text: kind.value.text };
    case 'closed':
      return { kind: 'Closed', atUs, code: kind.value.code, reason: kind.value.reason };
    case undefined:
      throw new Malformed('its kind is missing or newer than this version');
    default:
      throw new Malformed('its kind is newer than this version');
  }
}

function openedOf(message: Extract<Event['kind'], { readonly case: 'opened' }>['value'], atUs: number): Opened {
  const { target, access, verified } = message;
  if (target === undefined || access === undefined || verified === undefined) {
    throw new Malformed('its target, access or identity is missing');
  }
  return {
    kind: 'Opened',
    atUs,
    sessionId: message.sessionId,
    gate: { id: message.gateId, version: message.gateVersion },
    protocol: message.protocol,
    target: { namespace: target.namespace, name: target.name, host: target.host, port: target.port },
    access: { namespace: access.namespace, name: access.name },
    verified: verifiedOf(verified),
    claimed: plain(message.claimed),
    details: plain(message.details),
    policyVersion: message.policyVersion,
  };
}

function verifiedOf({ pod, expiresAtMs, ...rest }: Verified): Opened['verified'] {
  const { source, issuer, subject, groups, groupsKnown } = rest;
  const verified = { source, issuer, subject, groups, groupsKnown, expiresAtMs: exact(expiresAtMs) };
  return pod === undefined
    ? verified
    : { ...verified, pod: { namespace: pod.namespace, name: pod.name, uid: pod.uid } };
}

function judgedOf(message: CommandJudgedMessage, atUs: number): CommandJudged {
  const judged: CommandJudged = {
    kind: 'CommandJudged',
    atUs,
    commandId: exact(message.commandId),
    text: message.text,
    sha256: message.sha256,
    binds: message.binds.map((bind) => bind.text),
    verbs: message.verbs,
    objects: message.objects,
    complete: message.complete,
    decision: known(DECISION[message.decision]),
    rule: message.rule,
    reason: message.reason,
    policyVersion: message.policyVersion,
    observed: message.observed,
    claimed: plain(message.claimed),
  };
  return message.prepares === undefined ? judged : { ...judged, prepares: message.prepares };
}

/** A map field, without what a key named `__proto__` could do to a plain object. */
function plain(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map));
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Malformed('it holds a word that is newer than this version');
  return value;
}

function exact(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Malformed('it holds a number that is too large');
  return number;
}
