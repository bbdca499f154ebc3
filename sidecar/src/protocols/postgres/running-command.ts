import type { MaskRules } from '@sidegate/policy';
import type { Permit } from '../../permit.ts';
import { bothMasks } from '../both-masks.ts';
import type { AnswerMeter, CommandId } from '../protocol.ts';
import type { CopyMasker } from './copy-masker.ts';
import type { RowMasker } from './data-row.ts';
import type { Shape } from './shape.ts';
import type { SqlReading, StatementReading } from './sql-reading.ts';

/** How the rows of the current result are masked; undefined parts pass as they are. */
export interface RowPlan {
  readonly agent: RowMasker | undefined;
  readonly record: RowMasker | undefined;
}

export interface CommandStart {
  readonly id: CommandId;
  readonly permit: Permit;
  readonly text: string;
  readonly reading: SqlReading | undefined;
  readonly cycle: number;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  readonly meter: AnswerMeter | undefined;
}

/** How the rows of a COPY are masked. */
export interface CopyOut {
  readonly agent: CopyMasker | undefined;
  readonly record: CopyMasker | undefined;
  /** A piece has gone already. */
  begun: boolean;
}

/** A judged command from its permit to its end. */
export class RunningCommand {
  readonly id: CommandId;
  readonly permit: Permit;
  readonly text: string;
  readonly reading: SqlReading | undefined;
  /** Counts what the agent is given; undefined: nothing is limited. */
  readonly meter: AnswerMeter | undefined;
  /** The cycle (Sync to Sync) that it was forwarded in. */
  readonly cycle: number;
  masks: MaskRules;
  recordMasks: MaskRules;
  /** Which statement of the text the server is at. */
  statementIndex = 0;
  /** What the server, or an earlier Describe, said of the current result; undefined: nothing. */
  shape: Shape | undefined;
  /** Worked out at the first row, forgotten when masks or shape change. */
  rowPlan: RowPlan | undefined;
  copyOut: CopyOut | undefined;
  copyIn: CopyMasker | undefined;
  rows = 0;
  maskedValues = 0;
  tag = '';
  errorCode = '';
  errorText = '';
  failed = false;
  /** True once it runs and changes what later statements mean. */
  executing = false;
  finished = false;

  constructor(start: CommandStart) {
    this.id = start.id;
    this.permit = start.permit;
    this.text = start.text;
    this.reading = start.reading;
    this.cycle = start.cycle;
    this.masks = start.masks;
    this.recordMasks = start.recordMasks;
    this.meter = start.meter;
  }

  get statement(): StatementReading | undefined {
    return this.reading?.statements[this.statementIndex];
  }

  /** True when a later statement must not be read before this command is done. */
  get changesState(): boolean {
    if (this.reading === undefined) return true;
    return (
      this.configures ||
      this.reading.statements.some(
        ({ sessionEffect, changesCatalog }) =>
          changesCatalog || (sessionEffect !== undefined && sessionEffect.kind !== 'Begin'),
      )
    );
  }

  /** True when it calls set_config. */
  get configures(): boolean {
    const statements = this.reading?.command.statements ?? [];
    return statements.some(({ functions }) => functions.some(({ name }) => name === 'set_config'));
  }

  /** True when the server will ask for rows. */
  get copiesIn(): boolean {
    return this.reading?.statements.some(({ copy }) => copy?.direction === 'In') ?? false;
  }

  /** New masks in the middle of an answer: it gets both. */
  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    const same = this.masks === this.recordMasks && masks === recordMasks;
    this.masks = bothMasks(this.masks, masks);
    this.recordMasks = same ? this.masks : bothMasks(this.recordMasks, recordMasks);
    this.rowPlan = undefined;
  }
}
