import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AlarmSchema,
  CommandSummarySchema,
  ReadingSchema,
  SessionFilter as SessionFilterMessage,
  SessionSummarySchema,
  VerifyResponseSchema,
} from '@sidegate/session/store';
import type { AlarmRow } from '../index/alarm-table.ts';
import type { ReadingRow } from '../index/reading-table.ts';
import type { CommandRow, SessionFilter, SessionRow } from '../index/session-query.ts';
import type { AttestedPod } from '../ingest/caller.ts';
import type { StoredVerification } from './verify-stored.ts';

export function filterOf(message: SessionFilterMessage | undefined): SessionFilter {
  return {
    target: message?.target ?? '',
    subject: message?.subject ?? '',
    agent: message?.agent ?? '',
    run: message?.run ?? '',
    decision: message?.decision ?? '',
    sinceUs: Number(message?.sinceUs ?? 0n),
    untilUs: Number(message?.untilUs ?? 0n),
    text: message?.text ?? '',
    open: message?.open,
  };
}

/** `attested`: what was attested of the pod that recorded it, if that is known. */
export function sessionMessage(
  row: SessionRow,
  attested: AttestedPod | undefined,
): MessageInitShape<typeof SessionSummarySchema> {
  const { lastSha256: _lastSha256, verified, ...rest } = row;
  return {
    ...rest,
    ...(attested === undefined ? {} : { attested }),
    verified: { ...verified, expiresAtMs: BigInt(verified.expiresAtMs) },
    openedUs: BigInt(row.openedUs),
    closedUs: BigInt(row.closedUs),
    commands: BigInt(row.commands),
    denied: BigInt(row.denied),
    held: BigInt(row.held),
    rows: BigInt(row.rows),
    answerBytes: BigInt(row.answerBytes),
    lastSequence: BigInt(row.lastSequence),
    chunks: BigInt(row.chunks),
    storedBytes: BigInt(row.storedBytes),
    lastEventUs: BigInt(row.lastEventUs),
    alarms: BigInt(row.alarms),
  };
}

export function commandMessage(row: CommandRow): MessageInitShape<typeof CommandSummarySchema> {
  return {
    ...row,
    commandId: BigInt(row.commandId),
    atUs: BigInt(row.atUs),
    binds: row.binds.map((text) => (text === undefined ? {} : { text })),
    rows: BigInt(row.rows),
    answerBytes: BigInt(row.answerBytes),
    durationUs: BigInt(row.durationUs),
    maskedValues: BigInt(row.maskedValues),
  };
}

export function alarmMessage(row: AlarmRow): MessageInitShape<typeof AlarmSchema> {
  const { id, atUs, sequence, resolvedUs, ...rest } = row;
  return {
    ...rest,
    id: BigInt(id),
    atUs: BigInt(atUs),
    sequence: BigInt(sequence),
    resolvedUs: BigInt(resolvedUs),
  };
}

export function readingMessage(row: ReadingRow): MessageInitShape<typeof ReadingSchema> {
  return { ...row, id: BigInt(row.id), atUs: BigInt(row.atUs) };
}

export function verifyMessage(
  sessionId: string,
  verified: StoredVerification,
): MessageInitShape<typeof VerifyResponseSchema> {
  return {
    sessionId,
    consistent: verified.consistent,
    closed: verified.closed,
    tailUnknown: verified.tailUnknown,
    chunks: BigInt(verified.chunks),
    events: BigInt(verified.lastSequence),
    lastSequence: BigInt(verified.lastSequence),
    lastSha256: verified.lastSha256,
    faults: [...verified.faults],
    // Checkpoints are not kept elsewhere yet, so nothing vouches for a session from outside.
    anchored: false,
  };
}
