import type { Fault, Result } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { openMint } from '../../../permit.ts';
import type {
  AnswerMeter,
  JudgedCommand,
  ProtocolSession,
  Refusal,
  SessionOptions,
  Settlement,
  Step,
} from '../../protocol.ts';
import { openPostgres } from '../protocol.ts';
import type { RelationCatalog } from '../sql-reading.ts';
import { NO_MASKS } from './fake-masks.ts';
import { fakeReader, NO_CATALOG } from './fake-reading.ts';
import { transcribe } from './transcript.ts';

/** One thing that happens to a session from outside. */
export type Happening =
  | { readonly from: 'agent' | 'target'; readonly bytes: Uint8Array }
  | { readonly event: (session: ProtocolSession) => readonly Step[] };

export type Verdict = 'Forward' | 'Hold' | Refusal;

export interface PlaybookOptions {
  readonly session?: Partial<SessionOptions>;
  readonly limits?: Partial<SessionOptions['limits']>;
  readonly readings?: Parameters<typeof fakeReader>[0];
  readonly masks?: MaskRules;
  readonly recordMasks?: MaskRules;
  readonly catalog?: RelationCatalog;
  readonly targetTls?: boolean;
  /** What the gate answers; everything passes by default. */
  readonly judge?: (judged: JudgedCommand, commandId: number) => Verdict;
  /** How many rows all answers together may give. */
  readonly rowsMax?: number;
  readonly identify?: (token: string | undefined) => Refusal | undefined;
}

/** How received bytes are cut: at one place, or into pieces of one size; undefined: as they come. */
export type Cut = { readonly at: number } | { readonly every: number } | undefined;

/** A gate that answers at once, around one session. */
export class Stage {
  readonly session: ProtocolSession;
  readonly steps: Step[] = [];
  readonly #options: PlaybookOptions;
  readonly #mint = openMint();
  readonly #meter: AnswerMeter | undefined;

  constructor(options: PlaybookOptions) {
    this.#options = options;
    this.#meter = options.rowsMax === undefined ? undefined : meterOf(options.rowsMax);
    let drawn = 0;
    const readSql = fakeReader(options.readings ?? {});
    const buildCatalog = (): Result<unknown, Fault> => ({ ok: true, value: NO_CATALOG });
    const { protocol, shared } = openPostgres({ readSql, questions: [], buildCatalog });
    this.session = protocol.openSession({
      target: { host: 'db.example', port: 5432, tls: options.targetTls ?? false, databases: undefined },
      agentTls: false,
      identitySource: 'Workload',
      limits: { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64, ...options.limits },
      // Not random at all: every run of a playbook must give the same bytes.
      random: (bytes) => Uint8Array.from({ length: bytes }, () => ++drawn & 0xff),
      shared,
      ...options.session,
    });
  }

  do(steps: readonly Step[]): void {
    for (const step of steps) {
      this.steps.push(step);
      this.do(this.#react(step));
    }
  }

  settle(commandId: number, verdict: Verdict): void {
    this.do(this.session.settle(commandId, this.#settlement(commandId, verdict)));
  }

  #react(step: Step): readonly Step[] {
    const { session } = this;
    const { masks = NO_MASKS, catalog = NO_CATALOG, identify, judge } = this.#options;
    switch (step.kind) {
      case 'Identify': {
        const refusal = identify?.(step.token);
        if (refusal !== undefined) return session.terminate(refusal, 'Refused');
        return session.identified({
          credential: { username: 'svc', password: 'secret' },
          masks,
          recordMasks: this.#options.recordMasks ?? masks,
          subject: 'someone',
        });
      }
      case 'DialTarget':
        return session.targetConnected();
      case 'StartAgentTls':
        return session.agentSecured();
      case 'StartTargetTls':
        return session.targetSecured();
      case 'NeedCatalog': {
        const ready: Result<unknown, Fault> = { ok: true, value: catalog };
        return session.catalogReady(ready);
      }
      case 'Judge':
        return session.settle(
          step.commandId,
          this.#settlement(step.commandId, judge?.(step.judged, step.commandId) ?? 'Forward'),
        );
      default:
        return [];
    }
  }

  #settlement(commandId: number, verdict: Verdict): Settlement {
    if (verdict === 'Hold') return { kind: 'Hold', notice: 'it waits for dba', hint: 'sidegate approve 1' };
    if (verdict !== 'Forward') return { kind: 'Refuse', refusal: verdict };
    const { masks = NO_MASKS, recordMasks = masks } = this.#options;
    const meter = this.#meter === undefined ? {} : { meter: this.#meter };
    return { kind: 'Forward', permit: this.#mint.mint(commandId), masks, recordMasks, ...meter };
  }
}

function meterOf(rowsMax: number): AnswerMeter {
  let left = rowsMax;
  return {
    take(rows) {
      if (rows > left) {
        const reason = `The limit budget of ${rowsMax} rows in 60 seconds is used up.`;
        return { kind: 'LimitExceeded', rule: 'data/guard/budget', reason, hint: 'Wait.' };
      }
      left -= rows;
      return undefined;
    },
  };
}

/** Plays happenings in order and tells what the session did. */
export function play(happenings: readonly Happening[], options: PlaybookOptions = {}, cut?: Cut): string[] {
  const stage = new Stage(options);
  let offset = 0;
  for (const happening of happenings) {
    if ('event' in happening) {
      stage.do(happening.event(stage.session));
      continue;
    }
    const { bytes, from } = happening;
    for (const piece of pieces(bytes, offset, cut))
      stage.do(from === 'agent' ? stage.session.receiveAgent(piece) : stage.session.receiveTarget(piece));
    offset += bytes.length;
  }
  return transcribe(stage.steps);
}

/** How many bytes both sides send. */
export function lengthOf(happenings: readonly Happening[]): number {
  return happenings.reduce((sum, happening) => sum + ('bytes' in happening ? happening.bytes.length : 0), 0);
}

function pieces(bytes: Uint8Array, offset: number, cut: Cut): readonly Uint8Array[] {
  // Each piece is a buffer of its own, as a socket gives them.
  const copy = (start: number, end?: number): Uint8Array => Uint8Array.from(bytes.subarray(start, end));
  if (cut === undefined) return [copy(0)];
  if ('at' in cut) {
    const at = cut.at - offset;
    return at <= 0 || at >= bytes.length ? [copy(0)] : [copy(0, at), copy(at)];
  }
  const all: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += cut.every) all.push(copy(at, at + cut.every));
  return all;
}
