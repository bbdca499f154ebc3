import type { MaskRules } from '@sidegate/policy';
import { BodyReader, FRAME, type FrameScanner } from './codec.ts';
import { writeFrame, writeParameterStatus } from './codec-writer.ts';
import { chainCopyMaskers, openCopyMasker } from './copy-mask.ts';
import type { CopyMasker } from './copy-masker.ts';
import { RowMasker, RowOutput } from './data-row.ts';
import { isFromCode, maskErrorFields, readErrorFields, writeErrorFields } from './error-fields.ts';
import type { Lane } from './lane.ts';
import { guardsValues, MaskPlanner } from './mask.ts';
import type { RowPlan, RunningCommand } from './running-command.ts';
import { type Shape, withFormats } from './shape.ts';
import type { RelationCatalog, SqlReading, StatementReading } from './sql-reading.ts';

/** Settings that the server reports and that may hold any text. */
const FREE_SETTINGS = new Set(['application_name', 'search_path']);

/** Everything that a plan for rows follows from. */
interface PlanKey {
  readonly shape: Shape;
  readonly outputs: StatementReading['outputs'];
  readonly command: SqlReading['command'] | undefined;
  readonly masks: MaskRules;
  readonly catalog: RelationCatalog;
  readonly utf8: boolean;
}

function sameKey(a: PlanKey, b: PlanKey): boolean {
  const sameRows = a.shape === b.shape && a.outputs === b.outputs && a.command === b.command;
  return sameRows && a.masks === b.masks && a.catalog === b.catalog && a.utf8 === b.utf8;
}

const PASSES: RowPlan = { agent: undefined, record: undefined };

/** Masks what the server answers: rows, COPY data, errors, notices, notifications. With no mask in force frames stay views. */
export class AnswerMasker {
  readonly #lane: Lane;
  readonly #output = new RowOutput();
  /** The same statement again has the same plan. */
  #lastPlan: { readonly key: PlanKey; readonly masker: RowMasker | undefined } | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** False: the row is malformed. */
  row(command: RunningCommand, { buffer, start, end }: FrameScanner): boolean {
    command.rows++;
    const { outbox } = this.#lane;
    const { agent, record } = command.rowPlan ?? this.#planRows(command);
    if (agent === undefined && record === undefined) {
      outbox.pass(command.id, buffer, start, end);
      return true;
    }
    if (agent !== undefined && agent === record) {
      if (!agent.rewrite(buffer, start, end)) return false;
      command.maskedValues += agent.maskedValues;
      // Rewritten rows stand behind one another as received ones do, and become one piece as these do.
      outbox.pass(command.id, agent.bytes, agent.start, agent.end);
      return true;
    }
    const bytes = agent === undefined ? buffer.subarray(start, end) : agent.mask(buffer, start, end);
    const recorded = this.#record(record, buffer, start, end);
    if (bytes === undefined || recorded === undefined) return false;
    command.maskedValues += agent?.maskedValues ?? 0;
    outbox.answer(command.id, bytes, recorded);
    return true;
  }

  /** All that was received is taken: what was rewritten of it is on its way. */
  received(): void {
    this.#output.release();
  }

  beginCopy(command: RunningCommand): void {
    const agent = this.#openCopy(command, command.masks);
    const same = command.recordMasks === command.masks;
    command.copyOut = { agent, record: same ? agent : this.#openCopy(command, command.recordMasks), begun: false };
  }

  /** Masks were added in the middle of a COPY: what is left of it gets both. */
  renewCopy(command: RunningCommand): void {
    const before = command.copyOut;
    if (before === undefined) return;
    this.beginCopy(command);
    if (!before.begun) return;
    const midway = { begun: true };
    const agent = chainCopyMaskers(before.agent, this.#openCopy(command, command.masks, true));
    if (before.agent === before.record && command.masks === command.recordMasks)
      command.copyOut = { agent, record: agent, ...midway };
    else {
      const record = chainCopyMaskers(before.record, this.#openCopy(command, command.recordMasks, true));
      command.copyOut = { agent, record, ...midway };
    }
  }

  /** CopyData and CopyDone of the server. False: the data is not what the statement said. */
  copy(command: RunningCommand, scanner: FrameScanner): boolean {
    const { copyOut } = command;
    if (copyOut === undefined) return false;
    const { agent, record } = copyOut;
    copyOut.begun = true;
    const { outbox } = this.#lane;
    const { buffer, start, end } = scanner;
    if (agent === undefined && record === undefined) {
      outbox.pass(command.id, buffer, start, end);
      return true;
    }
    const over = scanner.type === FRAME.copyDone;
    const data = buffer.subarray(start + 5, end);
    const shown = pieceOf(agent, data, over);
    const recorded = record === agent ? shown : pieceOf(record, data, over);
    if (shown === undefined || recorded === undefined) return false;
    command.maskedValues += shown.maskedValues;
    const bytes = framed(shown.bytes);
    if (bytes.length > 0 || recorded.bytes.length > 0)
      outbox.answer(command.id, bytes, record === agent ? bytes : framed(recorded.bytes));
    if (over) outbox.pass(command.id, buffer, start, end);
    return true;
  }

  /** ErrorResponse or NoticeResponse; `command` undefined: it belongs to none. A frame that cannot be read is replaced by one that can. */
  error(command: RunningCommand | undefined, { buffer, start, end }: FrameScanner, type: number): void {
    const lane = this.#lane;
    const commandId = command?.id ?? lane.currentId;
    const masks = command?.masks ?? lane.masks;
    const recordMasks = command?.recordMasks ?? lane.recordMasks;
    const fields = readErrorFields(new BodyReader(buffer, start + 5, end)) ?? new Map([['M', '[unreadable]']]);
    const mask = (rules: MaskRules) =>
      maskErrorFields(fields, rules, (guardsValues(rules) && isFromCode(fields)) || this.#involved(command, rules));
    const shown = mask(masks);
    const recorded = masks === recordMasks ? shown : mask(recordMasks);
    if (!shown.changed && !recorded.changed) lane.outbox.pass(commandId, buffer, start, end);
    else {
      const bytes = writeErrorFields(type, shown.fields);
      lane.outbox.answer(commandId, bytes, recorded === shown ? bytes : writeErrorFields(type, recorded.fields));
    }
    if (fields.get('V') === 'FATAL' || fields.get('V') === 'PANIC') lane.saidFarewell = true;
    if (command === undefined || type !== FRAME.error) return;
    command.failed = true;
    command.errorCode = fields.get('C') ?? '';
    command.errorText = recorded.fields.get('M') ?? '';
  }

  /** The payload of a notification may hold anything that any session put there. */
  notification({ buffer, start, end }: FrameScanner): boolean {
    const lane = this.#lane;
    const body = new BodyReader(buffer, start + 5, end);
    const processId = body.int32();
    const channel = body.string();
    const payload = body.string();
    if (!body.complete) return false;
    const shown = maskPayload(payload, lane.masks);
    const recorded = lane.masks === lane.recordMasks ? shown : maskPayload(payload, lane.recordMasks);
    if (shown === payload && recorded === payload) lane.outbox.pass(0, buffer, start, end);
    else {
      const write = (text: string): Uint8Array => writeFrame(FRAME.notification, { int32: processId }, channel, text);
      lane.outbox.answer(0, write(shown), write(recorded));
    }
    return true;
  }

  /** ParameterStatus: a setting that takes any text may have been given a value of a row. False: it is malformed. */
  setting(name: string, value: string, { buffer, start, end }: FrameScanner): void {
    const lane = this.#lane;
    const { currentId, head } = lane;
    const command = head !== undefined && 'command' in head ? head.command : undefined;
    const shown = this.#maskSetting(name, value, command, command?.masks ?? lane.masks);
    const recorded = this.#maskSetting(name, value, command, command?.recordMasks ?? lane.recordMasks);
    if (shown === value && recorded === value) lane.outbox.pass(currentId, buffer, start, end);
    else lane.outbox.answer(currentId, writeParameterStatus(name, shown), writeParameterStatus(name, recorded));
  }

  #maskSetting(name: string, value: string, command: RunningCommand | undefined, masks: MaskRules): string {
    if (masks.empty || !FREE_SETTINGS.has(name)) return value;
    // What the agent has said itself tells it nothing new. In the extended protocol nobody knows any more which command set it.
    const said = value === '' || this.#lane.said.get(name) === value || this.#lane.atStart.get(name) === value;
    const involved = this.#involved(command, masks);
    return involved && !said ? '[masked]' : masks.maskContent(value);
  }

  /** FunctionCallResponse: nobody knows where the value comes from. */
  functionResult(command: RunningCommand, { buffer, start, end }: FrameScanner): boolean {
    const { outbox } = this.#lane;
    const hidden = writeFrame(FRAME.functionResult, { int32: -1 });
    const original = buffer.subarray(start, end);
    const shown = command.masks.empty ? original : hidden;
    outbox.answer(command.id, shown, command.recordMasks.empty ? shown : hidden);
    if (shown === hidden) command.maskedValues++;
    return true;
  }

  #planRows(command: RunningCommand): RowPlan {
    if (command.masks.empty && command.recordMasks.empty) command.rowPlan = PASSES;
    else {
      const { head } = this.#lane;
      if (head?.kind === 'Execute' && command.shape === undefined) {
        const { portal } = head;
        const { statement } = portal;
        const known = statement.shapeEpoch === this.#lane.shapeEpoch ? statement.shape : undefined;
        command.shape = portal.shape ?? (known && withFormats(known, portal.formats));
      }
      const agent = this.#rowMasker(command, command.masks);
      const same = command.masks === command.recordMasks;
      command.rowPlan = { agent, record: same ? agent : this.#rowMasker(command, command.recordMasks) };
    }
    return command.rowPlan;
  }

  #rowMasker(command: RunningCommand, masks: MaskRules): RowMasker | undefined {
    if (masks.empty) return undefined;
    const lane = this.#lane;
    // Rows that nobody described: nothing in them may be seen.
    if (command.shape === undefined || (guardsValues(masks) && this.#isLate(command)))
      return new RowMasker([], masks, lane.utf8, this.#output);
    const { catalog, utf8 } = lane;
    const from = { shape: command.shape, outputs: command.statement?.outputs, command: command.reading?.command };
    const key = { ...from, masks, catalog, utf8 };
    const last = this.#lastPlan;
    if (last !== undefined && sameKey(last.key, key)) return last.masker;
    const planner = new MaskPlanner(masks, catalog);
    const plan = planner.plan(command.shape, from.outputs, command.reading);
    for (const oid of planner.unknownRelations) lane.metUnknownRelation(oid);
    const masker = plan === undefined ? undefined : new RowMasker(plan, masks, utf8, this.#output);
    this.#lastPlan = { key, masker };
    return masker;
  }

  #record(record: RowMasker | undefined, buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
    return record === undefined ? buffer.subarray(start, end) : record.mask(buffer, start, end);
  }

  #openCopy(command: RunningCommand, masks: MaskRules, midway = false): CopyMasker | undefined {
    const { catalog } = this.#lane;
    const planner = new MaskPlanner(masks, catalog);
    const copy = command.statement?.copy;
    if (!this.#isLate(command)) return openCopyMasker(copy, command.reading, planner, this.#lane, midway);
    return openCopyMasker(copy && { ...copy, columns: undefined }, undefined, planner, this.#lane, midway);
  }

  #involved(command: RunningCommand | undefined, masks: MaskRules): boolean {
    if (command === undefined || !guardsValues(masks)) return guardsValues(masks);
    return this.#isLate(command) || new MaskPlanner(masks, this.#lane.catalog).involved(command.reading);
  }

  /** A statement behind another of its text, which the server looked at after others had defined something: it may mean something else than was judged. */
  #isLate({ statementIndex }: RunningCommand): boolean {
    return statementIndex > 0 && this.#lane.catalogWatch.lies;
  }
}

function pieceOf(masker: CopyMasker | undefined, data: Uint8Array, over: boolean): ReturnType<CopyMasker['mask']> {
  if (masker === undefined) return { bytes: data, rows: 0, maskedValues: 0 };
  return over ? masker.end() : masker.mask(data);
}

function framed(data: Uint8Array): Uint8Array {
  return data.length === 0 ? data : writeFrame(FRAME.copyData, data);
}

function maskPayload(payload: string, masks: MaskRules): string {
  if (masks.empty || payload === '') return payload;
  return guardsValues(masks) ? '[masked]' : masks.maskJson(payload);
}
