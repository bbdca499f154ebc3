import { assertNever } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, HoldEnded, Opened, SessionEvent } from './event.ts';
import { WireBuffer } from './wire-buffer.ts';

/** Content of at least this many bytes is handed back beside the encoding instead of being copied into it. */
const COPIED_BYTES_MAX = 4096;

/** Field numbers of `sidegate.session.v1.Event.kind`. */
const FIELD = {
  Opened: 3,
  CommandJudged: 4,
  HoldEnded: 5,
  CommandForwarded: 6,
  AnswerPart: 7,
  CommandFinished: 8,
  Remark: 9,
  Closed: 10,
  InputPart: 11,
} as const satisfies Record<SessionEvent['kind'], number>;

const DECISION = { Allow: 1, Deny: 2, RequireApproval: 3 } as const satisfies Record<CommandJudged['decision'], number>;
const HOLD = { Approved: 1, Refused: 2, Expired: 3, Cancelled: 4 } as const satisfies Record<
  HoldEnded['outcome'],
  number
>;
const OUTCOME = { Done: 1, Failed: 2, Refused: 3, Lost: 4 } as const satisfies Record<
  CommandFinished['outcome'],
  number
>;

/** True for content that `writeEvent` hands back instead of copying it. */
export function isLarge(content: Uint8Array): boolean {
  return content.length >= COPIED_BYTES_MAX;
}

/** One event as `sidegate.session.v1.Event`, in bytes of its own. */
export function encodeEvent(sequence: number, event: SessionEvent): Uint8Array {
  const out = new WireBuffer(256);
  const tail = writeEvent(out, sequence, event);
  return tail === undefined ? out.view() : Buffer.concat([out.view(), tail]);
}

/**
 * Writes one event as `sidegate.session.v1.Event` at the end of `out`. A large content is not copied: it is returned, and the
 * encoding is what `out` holds followed by it. By hand, because it stands in the way of every command.
 */
export function writeEvent(out: WireBuffer, sequence: number, event: SessionEvent): Uint8Array | undefined {
  out.number(1, sequence);
  out.number(2, event.atUs);
  const mark = out.openMessage(FIELD[event.kind]);
  const tail = writeKind(out, event);
  out.close(mark, tail?.length);
  return tail;
}

function writeKind(out: WireBuffer, event: SessionEvent): Uint8Array | undefined {
  switch (event.kind) {
    case 'Opened':
      return writeOpened(out, event);
    case 'CommandJudged':
      return writeJudged(out, event);
    case 'HoldEnded':
      return writeHold(out, event);
    case 'CommandForwarded':
      out.number(1, event.commandId);
      return undefined;
    case 'AnswerPart':
    case 'InputPart':
      out.number(1, event.commandId);
      return writeContent(out, event.bytes);
    case 'CommandFinished':
      return writeFinished(out, event);
    case 'Remark':
      out.text(1, event.code);
      out.text(2, event.text);
      return undefined;
    case 'Closed':
      out.text(1, event.code);
      out.text(2, event.reason);
      return undefined;
    default:
      return assertNever(event);
  }
}

function writeContent(out: WireBuffer, bytes: Uint8Array): Uint8Array | undefined {
  if (!isLarge(bytes)) {
    out.blob(2, bytes);
    return undefined;
  }
  out.varint((2 << 3) | 2);
  out.varint(bytes.length);
  return bytes;
}

function writeJudged(out: WireBuffer, event: CommandJudged): undefined {
  out.number(1, event.commandId);
  out.text(2, event.text);
  out.blob(3, event.sha256);
  for (const bind of event.binds) {
    const mark = out.openMessage(4);
    if (bind !== undefined) out.presentText(1, bind);
    out.close(mark);
  }
  writeTexts(out, 5, event.verbs);
  writeTexts(out, 6, event.objects);
  out.number(7, event.complete ? 1 : 0);
  out.number(8, DECISION[event.decision]);
  out.text(9, event.rule);
  out.text(10, event.reason);
  out.text(11, event.policyVersion);
  writeTexts(out, 12, event.observed);
  writeMap(out, 13, event.claimed);
  if (event.prepares !== undefined) out.presentText(14, event.prepares);
}

function writeFinished(out: WireBuffer, event: CommandFinished): undefined {
  out.number(1, event.commandId);
  out.number(2, OUTCOME[event.outcome]);
  out.text(3, event.tag);
  out.text(4, event.errorCode);
  out.text(5, event.errorText);
  out.number(6, event.rows);
  out.number(7, event.answerBytes);
  out.number(8, event.durationUs);
  out.number(9, event.maskedValues);
}

function writeHold(out: WireBuffer, event: HoldEnded): undefined {
  out.number(1, event.commandId);
  out.text(2, event.approvalId);
  out.number(3, HOLD[event.outcome]);
  for (const vote of event.decidedBy) {
    const mark = out.openMessage(4);
    out.text(1, vote.user);
    out.text(2, vote.decision);
    out.text(3, vote.reason);
    out.number(4, vote.atUs);
    out.close(mark);
  }
  out.text(5, event.reason);
}

function writeOpened(out: WireBuffer, event: Opened): undefined {
  out.text(1, event.sessionId);
  out.text(2, event.gate.id);
  out.text(3, event.gate.version);
  out.text(4, event.protocol);
  const target = out.openMessage(5);
  out.text(1, event.target.namespace);
  out.text(2, event.target.name);
  out.text(3, event.target.host);
  out.number(4, event.target.port);
  out.close(target);
  const access = out.openMessage(6);
  out.text(1, event.access.namespace);
  out.text(2, event.access.name);
  out.close(access);
  writeVerified(out, event.verified);
  writeMap(out, 8, event.claimed);
  writeMap(out, 9, event.details);
  out.text(10, event.policyVersion);
}

function writeVerified(out: WireBuffer, verified: Opened['verified']): void {
  const mark = out.openMessage(7);
  out.text(1, verified.source);
  out.text(2, verified.issuer);
  out.text(3, verified.subject);
  writeTexts(out, 4, verified.groups);
  out.number(5, verified.groupsKnown ? 1 : 0);
  out.number(6, verified.expiresAtMs);
  if (verified.pod !== undefined) {
    const pod = out.openMessage(7);
    out.text(1, verified.pod.namespace);
    out.text(2, verified.pod.name);
    out.text(3, verified.pod.uid);
    out.close(pod);
  }
  out.close(mark);
}

function writeTexts(out: WireBuffer, field: number, values: readonly string[]): void {
  for (const value of values) out.presentText(field, value);
}

function writeMap(out: WireBuffer, field: number, values: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(values)) {
    const mark = out.openMessage(field);
    out.presentText(1, key);
    out.presentText(2, value);
    out.close(mark);
  }
}
