import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, HoldEnded, Opened, SessionEvent } from './event.ts';
import { type ListRoom, Malformed, WireReader } from './wire-reader.ts';

/** One event and its number in its session. */
export interface NumberedEvent {
  readonly sequence: number;
  readonly event: SessionEvent;
}

/** By number, as in the protobuf file; 0 is no word. */
const DECISION: readonly (CommandJudged['decision'] | undefined)[] = [undefined, 'Allow', 'Deny', 'RequireApproval'];
const HOLD: readonly (HoldEnded['outcome'] | undefined)[] = [undefined, 'Approved', 'Refused', 'Expired', 'Cancelled'];
const OUTCOME: readonly (CommandFinished['outcome'] | undefined)[] = [undefined, 'Done', 'Failed', 'Refused', 'Lost'];

/** An event as it is while it is read. */
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads one `sidegate.session.v1.Event`. Never throws: what is cut, unknown to this version, or holds a number that cannot be kept
 * exactly is an `EventMalformed`. By hand, because the store reads every command of every gate; fields that are not known are passed over,
 * and what no encoder of ours writes (a part twice) is refused. `room`: for the lists of all events that are read with it.
 */
export function decodeEvent(bytes: Uint8Array, room?: ListRoom): Result<NumberedEvent, Fault<'EventMalformed'>> {
  try {
    return ok(readEvent(new WireReader(bytes, room)));
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return fail({ code: 'EventMalformed', message: `This is no session event: ${why}.` });
  }
}

function readEvent(reader: WireReader): NumberedEvent {
  let sequence = 0;
  let atUs = 0;
  let event: Writable<SessionEvent> | undefined;
  while (reader.next()) {
    if (reader.field === 1) sequence = reader.number();
    else if (reader.field === 2) atUs = reader.number();
    else if (reader.field > LAST_KIND) reader.skip();
    else if (event !== undefined) throw new Malformed('it has two kinds');
    else event = inside(reader, readKind);
  }
  if (sequence === 0) throw new Malformed('it has no sequence number');
  if (event === undefined) throw new Malformed('its kind is missing or newer than this version');
  event.atUs = atUs;
  return { sequence, event };
}

const LAST_KIND = 11;

/** The moment is filled in by the caller. */
function readKind(reader: WireReader, field: number): Writable<SessionEvent> {
  switch (field) {
    case 3:
      return readOpened(reader);
    case 4:
      return readJudged(reader);
    case 5:
      return readHold(reader);
    case 6:
      return { kind: 'CommandForwarded', atUs: 0, commandId: readCommandId(reader) };
    case 7:
      return { kind: 'AnswerPart', atUs: 0, ...readPart(reader) };
    case 8:
      return readFinished(reader);
    case 9: {
      const [code, text] = readTwo(reader);
      return { kind: 'Remark', atUs: 0, code, text };
    }
    case 10: {
      const [code, reason] = readTwo(reader);
      return { kind: 'Closed', atUs: 0, code, reason };
    }
    default:
      return { kind: 'InputPart', atUs: 0, ...readPart(reader) };
  }
}

/** Reads the message that the current field holds. */
function inside<T>(reader: WireReader, read: (reader: WireReader, field: number) => T): T {
  const { field } = reader;
  const outer = reader.enter();
  const value = read(reader, field);
  reader.leave(outer);
  return value;
}

/** The next element of a list of texts. */
function listed(reader: WireReader): string {
  reader.element();
  return reader.text();
}

/** The next element of a list, which is a message. */
function element<T>(reader: WireReader, read: (reader: WireReader) => T): T {
  reader.element();
  return inside(reader, read);
}

/** The next entry of a map, or of a list of large messages. */
function entry<T>(reader: WireReader, read: (reader: WireReader) => T): T {
  reader.entry();
  return inside(reader, read);
}

function readCommandId(reader: WireReader): number {
  let commandId = 0;
  while (reader.next()) {
    if (reader.field === 1) commandId = reader.number();
    else reader.skip();
  }
  return commandId;
}

function readPart(reader: WireReader): { readonly commandId: number; readonly bytes: Uint8Array } {
  let commandId = 0;
  let bytes: Uint8Array = new Uint8Array(0);
  while (reader.next()) {
    if (reader.field === 1) commandId = reader.number();
    else if (reader.field === 2) bytes = reader.blob();
    else reader.skip();
  }
  return { commandId, bytes };
}

/** The fields 1 and 2 as texts: of a name, a Remark, a Closed, an entry of a map. */
function readTwo(reader: WireReader): readonly [string, string] {
  let first = '';
  let second = '';
  while (reader.next()) {
    if (reader.field === 1) first = reader.text();
    else if (reader.field === 2) second = reader.text();
    else reader.skip();
  }
  return [first, second];
}

function readJudged(reader: WireReader): Writable<CommandJudged> {
  const binds: (string | undefined)[] = [];
  const verbs: string[] = [];
  const objects: string[] = [];
  const observed: string[] = [];
  const claimed: (readonly [string, string])[] = [];
  let [commandId, complete, decision] = [0, false, 0];
  let [text, rule, reason, policyVersion] = ['', '', '', ''];
  let sha256: Uint8Array = new Uint8Array(0);
  let prepares: string | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        commandId = reader.number();
        break;
      case 2:
        text = reader.text();
        break;
      case 3:
        sha256 = reader.blob();
        break;
      case 4:
        binds.push(element(reader, readBind));
        break;
      case 5:
        verbs.push(listed(reader));
        break;
      case 6:
        objects.push(listed(reader));
        break;
      case 7:
        complete = reader.boolean();
        break;
      case 8:
        decision = reader.number();
        break;
      case 9:
        rule = reader.text();
        break;
      case 10:
        reason = reader.text();
        break;
      case 11:
        policyVersion = reader.text();
        break;
      case 12:
        observed.push(listed(reader));
        break;
      case 13:
        claimed.push(entry(reader, readTwo));
        break;
      case 14:
        prepares = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return {
    kind: 'CommandJudged',
    atUs: 0,
    commandId,
    text,
    sha256,
    binds,
    verbs,
    objects,
    complete,
    decision: known(DECISION, decision),
    rule,
    reason,
    policyVersion,
    observed,
    claimed: mapOf(claimed),
    ...(prepares === undefined ? undefined : { prepares }),
  };
}

function readBind(reader: WireReader): string | undefined {
  let text: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) text = reader.text();
    else reader.skip();
  }
  return text;
}

function readFinished(reader: WireReader): Writable<CommandFinished> {
  let [tag, errorCode, errorText] = ['', '', ''];
  let [commandId, outcome, rows, answerBytes, durationUs, maskedValues] = [0, 0, 0, 0, 0, 0];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        commandId = reader.number();
        break;
      case 2:
        outcome = reader.number();
        break;
      case 3:
        tag = reader.text();
        break;
      case 4:
        errorCode = reader.text();
        break;
      case 5:
        errorText = reader.text();
        break;
      case 6:
        rows = reader.number();
        break;
      case 7:
        answerBytes = reader.number();
        break;
      case 8:
        durationUs = reader.number();
        break;
      case 9:
        maskedValues = reader.number();
        break;
      default:
        reader.skip();
    }
  }
  const figures = { rows, answerBytes, durationUs, maskedValues };
  return {
    kind: 'CommandFinished',
    atUs: 0,
    commandId,
    outcome: known(OUTCOME, outcome),
    tag,
    errorCode,
    errorText,
    ...figures,
  };
}

function readHold(reader: WireReader): Writable<HoldEnded> {
  const decidedBy: HoldEnded['decidedBy'][number][] = [];
  let [commandId, outcome] = [0, 0];
  let [approvalId, reason] = ['', ''];
  while (reader.next()) {
    if (reader.field === 1) commandId = reader.number();
    else if (reader.field === 2) approvalId = reader.text();
    else if (reader.field === 3) outcome = reader.number();
    else if (reader.field === 4) decidedBy.push(entry(reader, readVote));
    else if (reader.field === 5) reason = reader.text();
    else reader.skip();
  }
  return { kind: 'HoldEnded', atUs: 0, commandId, approvalId, outcome: known(HOLD, outcome), decidedBy, reason };
}

function readVote(reader: WireReader): HoldEnded['decidedBy'][number] {
  let [user, decision, reason] = ['', '', ''];
  let atUs = 0;
  while (reader.next()) {
    if (reader.field === 1) user = reader.text();
    else if (reader.field === 2) decision = reader.text();
    else if (reader.field === 3) reason = reader.text();
    else if (reader.field === 4) atUs = reader.number();
    else reader.skip();
  }
  return { user, decision, reason, atUs };
}

function readOpened(reader: WireReader): Writable<Opened> {
  const texts: string[] = [];
  const claimed: (readonly [string, string])[] = [];
  const details: (readonly [string, string])[] = [];
  let target: Opened['target'] | undefined;
  let access: readonly [string, string] | undefined;
  let verified: Opened['verified'] | undefined;
  while (reader.next()) {
    const { field } = reader;
    if (field <= 4 || field === 10) texts[field] = reader.text();
    else if (field === 5) target = once(target, inside(reader, readTarget));
    else if (field === 6) access = once(access, inside(reader, readTwo));
    else if (field === 7) verified = once(verified, inside(reader, readVerified));
    else if (field === 8) claimed.push(entry(reader, readTwo));
    else if (field === 9) details.push(entry(reader, readTwo));
    else reader.skip();
  }
  if (target === undefined || access === undefined || verified === undefined) {
    throw new Malformed('its target, access or identity is missing');
  }
  const [, sessionId = '', id = '', version = '', protocol = ''] = texts;
  return {
    kind: 'Opened',
    atUs: 0,
    sessionId,
    gate: { id, version },
    protocol,
    target,
    access: { namespace: access[0], name: access[1] },
    verified,
    claimed: mapOf(claimed),
    details: mapOf(details),
    policyVersion: texts[10] ?? '',
  };
}

function readTarget(reader: WireReader): Opened['target'] {
  const texts: string[] = [];
  let port = 0;
  while (reader.next()) {
    const { field } = reader;
    if (field <= 3) texts[field] = reader.text();
    else if (field === 4) port = reader.number();
    else reader.skip();
  }
  const [, namespace = '', name = '', host = ''] = texts;
  return { namespace, name, host, port };
}

function readVerified(reader: WireReader): Opened['verified'] {
  const texts: string[] = [];
  const groups: string[] = [];
  let [groupsKnown, expiresAtMs] = [false, 0];
  let pod: Opened['verified']['pod'];
  while (reader.next()) {
    const { field } = reader;
    if (field <= 3) texts[field] = reader.text();
    else if (field === 4) groups.push(listed(reader));
    else if (field === 5) groupsKnown = reader.boolean();
    else if (field === 6) expiresAtMs = reader.number();
    else if (field === 7) pod = once(pod, inside(reader, readPod));
    else reader.skip();
  }
  const [, source = '', issuer = '', subject = ''] = texts;
  const verified = { source, issuer, subject, groups, groupsKnown, expiresAtMs };
  return pod === undefined ? verified : { ...verified, pod };
}

function readPod(reader: WireReader): NonNullable<Opened['verified']['pod']> {
  const texts: string[] = [];
  while (reader.next()) {
    if (reader.field <= 3) texts[reader.field] = reader.text();
    else reader.skip();
  }
  const [, namespace = '', name = '', uid = ''] = texts;
  return { namespace, name, uid };
}

function once<T>(before: T | undefined, value: T): T {
  if (before !== undefined) throw new Malformed('it has a part twice');
  return value;
}

/** A map field. `fromEntries` defines keys, so that one named `__proto__` is a key like any other. */
function mapOf(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return entries.length === 0 ? {} : Object.fromEntries(entries);
}

function known<T>(words: readonly (T | undefined)[], number: number): T {
  const word = words[number];
  if (word === undefined) throw new Malformed('it holds a word that is newer than this version');
  return word;
}
