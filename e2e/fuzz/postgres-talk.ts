import { ok } from '@sidegate/crds';
import * as fc from 'fast-check';
import { Playback, type TraceEntry } from '../../sidecar/src/protocols/playback.ts';
import { openPostgres } from '../../sidecar/src/protocols/postgres/protocol.ts';
import type { JudgedCommand, Refusal } from '../../sidecar/src/protocols/protocol.ts';
import { MODEL_CATALOG, modelMasks, readModel } from './model-reading.ts';
import { ModelServer, STATEMENTS } from './model-server.ts';
import { AGENT } from './postgres-frames.ts';

const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no', reason: 'It is denied.', hint: '' };
const FRAME_BYTES_MAX = 1 << 16;

/** Ways to cut: not at all, byte by byte, and others. */
export const WHOLE: readonly number[] = [0];
export const EACH: readonly number[] = [1];
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 0, max: 40 }), {
  minLength: 1,
  maxLength: 8,
});

export interface TalkOptions {
  /** Masks the secret column, refuses what is denied, holds what is to be held. */
  readonly isGuarded: boolean;
  /** How the agent's bytes are cut: the sizes of pieces, used in turn; 0 for the rest of the chunk. */
  readonly cut: readonly number[];
  /** How the server's are; whole when absent. */
  readonly cutServer?: readonly number[];
}

/** An agent, the gate, and a model of a server. */
export class PostgresTalk {
  readonly playback: Playback;
  readonly server = new ModelServer();
  /** How much the agent had been sent when it was let in. */
  openedAt = 0;
  readonly #cut: readonly number[];
  readonly #cutServer: readonly number[];
  #taken = 0;

  constructor({ isGuarded, cut, cutServer = WHOLE }: TalkOptions) {
    this.#cut = cut;
    this.#cutServer = cutServer;
    const { protocol, shared } = openPostgres({
      readSql: readModel,
      questions: [],
      buildCatalog: () => ok(MODEL_CATALOG),
    });
    let drawn = 0;
    const session = protocol.openSession({
      target: { host: 'db.example', port: 5432, tls: false, databases: undefined },
      agentTls: false,
      identitySource: 'Workload',
      limits: { frameBytesMax: FRAME_BYTES_MAX, pendingCommandsMax: 16, preparedMax: 64 },
      random: (length) => Uint8Array.from({ length }, () => (drawn += 1) & 0xff),
      shared,
    });
    this.playback = new Playback(session, {
      credential: { username: 'gate', password: 'secret' },
      subject: 'agent',
      masks: modelMasks(isGuarded),
      catalog: ok(MODEL_CATALOG),
      settle: (judged) => (isGuarded ? settleGuarded(judged) : 'Forward'),
    });
  }

  /** The whole start-up. */
  open(): this {
    this.agent(AGENT.startup());
    this.openedAt = this.playback.sent('Agent').length;
    return this;
  }

  /** One chunk of the agent, then what the server has to say to what came through. */
  agent(bytes: Uint8Array): void {
    for (const piece of cutUp(bytes, this.#cut)) this.playback.agent(piece);
    this.serve();
  }

  /** One chunk of the server, whatever the server was asked. */
  target(bytes: Uint8Array): void {
    for (const piece of cutUp(bytes, this.#cutServer)) this.playback.target(piece);
  }

  /** The server answers until it has nothing more to say. */
  serve(): void {
    for (;;) {
      const sent = this.playback.sent('Target');
      if (sent.length === this.#taken) return;
      const answer = this.server.receive(sent.subarray(this.#taken));
      this.#taken = sent.length;
      this.target(answer);
    }
  }

  /** What the agent was sent after it was let in. */
  answers(): Uint8Array {
    return this.playback.sent('Agent').subarray(this.openedAt);
  }
}

/** Copies of the pieces, so that what a session keeps is never shared between them. */
export function cutUp(bytes: Uint8Array, cut: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cut[turn % cut.length] ?? 0;
    const end = size === 0 ? bytes.length : Math.min(bytes.length, at + size);
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

function settleGuarded(judged: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  if (judged.text.includes('denied')) return REFUSAL;
  return judged.text.includes('insert') ? 'Hold' : 'Forward';
}

/** What must be the same however the bytes came: what each side was sent, and what was judged and how it ended. */
export function outcomeOf(playback: Playback): string {
  const hex = (side: 'Agent' | 'Target'): string => Buffer.from(playback.sent(side)).toString('latin1');
  const notes = (kind: string): readonly string[] =>
    playback.trace
      .filter((entry: TraceEntry) => entry.kind === kind)
      .map(({ commandId, details }) => `${kind} ${commandId} ${details}`);
  return [hex('Agent'), hex('Target'), ...notes('Judge'), ...notes('Finished'), ...notes('Close')].join('\n');
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
