import type { MaskRules, PostgresCommand } from '@sidegate/policy';
import type { AnswerMeter, ProtocolSession, Refusal, Settlement, Step } from '../../protocols/protocol.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(`${text}\n`);

/** Denials have a reason that tells nothing here. */
function reasonOf({ kind, reason }: Refusal): string {
  return kind === 'Denied' ? '' : ` ${kind}: ${reason}`;
}

export function commandOf(verb: string): PostgresCommand {
  const statement = { verb, hasWhere: true, hasLimit: false, tables: [], functions: [], columns: [] };
  return { protocol: 'Postgres', complete: true, incomplete: [], statements: [statement] };
}

/**
 * The smallest protocol that has everything the gate is about, for tests: one line a command, one line an answer, `login TOKEN` first.
 * Commands wait in a queue until they are settled, as in a pipeline.
 */
export class LineSession implements ProtocolSession {
  readonly #waiting: string[] = [];
  #commandId = 0;
  #judging = false;
  readonly #running: { readonly commandId: number; readonly meter: AnswerMeter | undefined }[] = [];
  masks: MaskRules | undefined;

  receiveAgent(bytes: Uint8Array): readonly Step[] {
    const lines = Buffer.from(bytes).toString().split('\n').filter(Boolean);
    const login = lines.find((line) => line.startsWith('login '));
    if (login !== undefined) return [{ kind: 'Identify', token: login.slice(6), claims: {}, details: {} }];
    this.#waiting.push(...lines);
    return this.#next();
  }

  receiveTarget(bytes: Uint8Array): readonly Step[] {
    const { commandId, meter } = this.#running.shift() ?? { commandId: 0, meter: undefined };
    const cut = meter?.take(1, bytes.length);
    if (cut !== undefined) {
      const answer: Step = { kind: 'Answer', commandId, bytes: bytesOf(`cut ${cut.rule}: ${cut.reason}`) };
      return [answer, this.#finished(commandId, 'Failed')];
    }
    return [{ kind: 'Answer', commandId, bytes }, this.#finished(commandId, 'Done')];
  }

  settle(commandId: number, settlement: Settlement): readonly Step[] {
    const line = this.#waiting[0] ?? '';
    if (settlement.kind === 'Hold') return [{ kind: 'ToAgent', bytes: bytesOf(`wait ${settlement.notice}`) }];
    this.#waiting.shift();
    this.#judging = false;
    if (settlement.kind === 'Refuse') {
      const answer: Step = {
        kind: 'Answer',
        commandId,
        bytes: bytesOf(`refused ${settlement.refusal.rule}${reasonOf(settlement.refusal)}`),
      };
      return [answer, this.#finished(commandId, 'Refused'), ...this.#next()];
    }
    this.#running.push({ commandId, meter: settlement.meter });
    return [{ kind: 'ToTarget', commandId, permit: settlement.permit, bytes: bytesOf(line) }, ...this.#next()];
  }

  terminate(refusal: Refusal): readonly Step[] {
    return [{ kind: 'ToAgent', bytes: bytesOf(`bye ${refusal.kind}: ${refusal.reason}`) }];
  }

  identified(): readonly Step[] {
    return [{ kind: 'DialTarget' }];
  }

  targetConnected(): readonly Step[] {
    return [{ kind: 'Ready' }, { kind: 'ToAgent', bytes: bytesOf('ready') }];
  }

  masksChanged(masks: MaskRules): readonly Step[] {
    this.masks = masks;
    return [];
  }

  agentSecured = (): readonly Step[] => [];
  targetSecured = (): readonly Step[] => [];
  catalogReady = (): readonly Step[] => [];
  agentLeft = (): readonly Step[] => [];
  targetLeft = (): readonly Step[] => [];
  cancelBytes = (): Uint8Array => bytesOf('cancel');

  #next(): readonly Step[] {
    const line = this.#waiting[0];
    if (line === undefined || this.#judging) return [];
    this.#judging = true;
    this.#commandId += 1;
    // `read #1` goes on with command 1.
    const continued = /#(\d+)$/u.exec(line)?.[1];
    const judged = {
      command: commandOf(line.toUpperCase()),
      text: line,
      maskedText: () => line,
      maskedBinds: () => [],
      wire: bytesOf(line),
      verbs: [line],
      objects: [`read ${line}`],
      claims: {},
      cacheKey: line,
      ...(continued === undefined ? {} : { continues: Number(continued) }),
    };
    return [{ kind: 'Judge', commandId: this.#commandId, judged }];
  }

  #finished(commandId: number, outcome: 'Done' | 'Refused' | 'Failed'): Step {
    const nothing = { tag: '', errorCode: '', errorText: '', rows: 0, maskedValues: 0 };
    return { kind: 'Finished', commandId, outcome, ...nothing };
  }
}
