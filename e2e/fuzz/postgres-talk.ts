import { ok } from '@sidegate/crds';
import * as fc from 'fast-check';
import { exhibitOptions } from '../../sidecar/src/protocols/exhibit.ts';
import { Playback } from '../../sidecar/src/protocols/playback.ts';
import { openPostgres } from '../../sidecar/src/protocols/postgres/protocol.ts';
import type { JudgedCommand, Refusal } from '../../sidecar/src/protocols/protocol.ts';
import { Conversation, WHOLE } from './conversation.ts';
import { MODEL_CATALOG, modelMasks, readModel } from './model-reading.ts';
import { ModelServer, STATEMENTS } from './model-server.ts';
import { AGENT } from './postgres-frames.ts';

const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no', reason: 'It is denied.', hint: '' };
const LIMITS = { frameBytesMax: 1 << 16, pendingCommandsMax: 16, preparedMax: 64 };

export interface TalkOptions {
  /** Masks the secret column, refuses what is denied, holds what is to be held. */
  readonly isGuarded: boolean;
  /** How the agent's bytes are cut. */
  readonly cut: readonly number[];
  /** How the server's are; whole when absent. */
  readonly cutServer?: readonly number[];
}

/** PostgreSQL's side of it: a gate that reads what the model reads, and the start-up. */
export class PostgresTalk extends Conversation<ModelServer> {
  /** How much the agent had been sent when it was let in. */
  openedAt = 0;

  constructor({ isGuarded, cut, cutServer = WHOLE }: TalkOptions) {
    super(openGate(isGuarded), new ModelServer(), { cut, cutServer });
  }

  /** The whole start-up. */
  open(): this {
    this.agent(AGENT.startup());
    this.openedAt = this.playback.sent('Agent').length;
    return this;
  }

  /** What the agent was sent after it was let in. */
  answers(): Uint8Array {
    return this.playback.sent('Agent').subarray(this.openedAt);
  }
}

function openGate(isGuarded: boolean): Playback {
  const { protocol, shared } = openPostgres({
    readSql: readModel,
    questions: [],
    buildCatalog: () => ok(MODEL_CATALOG),
  });
  const session = protocol.openSession({ ...exhibitOptions('db.example', 5432)(LIMITS), shared });
  return new Playback(session, {
    credential: { username: 'gate', password: 'secret' },
    subject: 'agent',
    masks: modelMasks(isGuarded),
    catalog: ok(MODEL_CATALOG),
    settle: (judged) => (isGuarded ? settleGuarded(judged) : 'Forward'),
  });
}

function settleGuarded(judged: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  if (judged.text.includes('denied')) return REFUSAL;
  return judged.text.includes('insert') ? 'Hold' : 'Forward';
}

const statementTexts = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...STATEMENTS) },
  { weight: 1, arbitrary: fc.constantFrom('select secret', 'select one', 'begin', 'copy in', 'denied row') },
);
const scripts = fc.array(statementTexts, { minLength: 1, maxLength: 3 }).map((texts) => texts.join(';'));
const names = fc.constantFrom('', 'a', 'b');

/** One frame of the agent. */
export const agentFrames: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: scripts.map(AGENT.query) },
  { weight: 4, arbitrary: fc.tuple(names, statementTexts).map(([name, text]) => AGENT.parse(name, text)) },
  { weight: 4, arbitrary: fc.tuple(names, names).map(([portal, statement]) => AGENT.bind(portal, statement, [])) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('S' as const, 'P' as const), names)
      .map(([what, name]) => AGENT.describe(what, name)),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(names, fc.constantFrom(0, 0, 1, 2)).map(([portal, rows]) => AGENT.execute(portal, rows)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('S' as const, 'P' as const), names)
      .map(([what, name]) => AGENT.close(what, name)),
  },
  { weight: 4, arbitrary: fc.constant(AGENT.sync()) },
  { weight: 1, arbitrary: fc.constant(AGENT.flush()) },
  { weight: 2, arbitrary: fc.constantFrom('x\n', '', 'y\tz\n\\.\n').map(AGENT.copyData) },
  { weight: 2, arbitrary: fc.constant(AGENT.copyDone()) },
  { weight: 1, arbitrary: fc.constant(AGENT.copyFail('no more')) },
);

/** Frames of the agent, in the chunks in which they are sent. */
export const agentChunks: fc.Arbitrary<readonly Uint8Array[]> = fc.array(
  fc.array(agentFrames, { minLength: 1, maxLength: 6 }).map((frames) => Buffer.concat(frames)),
  { minLength: 1, maxLength: 6 },
);
