import { jest } from '@jest/globals';
import { type ApprovalTerms, type Durability, fail, type HeldApproval, ok } from '@sidegate/crds';
import type { Approver, Command, Decision, LimitRule, MaskRules, RuleReference, SessionRules } from '@sidegate/policy';
import type { ProtocolSession } from '../../protocols/protocol.ts';
import { ApprovalDesk } from '../approval-desk.ts';
import { Budgets } from '../budgets.ts';
import { GatedSession } from '../gated-session.ts';
import { HeldBytes } from '../held-bytes.ts';
import { SessionTable } from '../session-table.ts';
import type { Admission, SessionSurroundings } from '../surroundings.ts';
import { Turn } from '../turn.ts';
import type { Wires } from '../wires.ts';
import { LineSession } from './line-protocol.ts';
import { ScriptedRecorder } from './scripted-recorder.ts';

export const MASKS: MaskRules = {
  empty: true,
  columns: false,
  columnMask: () => undefined,
  masksTable: () => false,
  fields: [],
  detect: [],
  unknownOrigin: { rule: '', with: { type: 'Redact' } },
  maskValue: () => null,
  maskContent: (text) => text,
  maskJson: (text) => text,
};

export interface RulesScript {
  /** Commands that are denied. */
  readonly denied?: readonly string[];
  /** Commands that no longer wait. */
  readonly released?: readonly string[];
  readonly durability?: Durability;
  readonly terms?: Partial<ApprovalTerms>;
  readonly limits?: readonly LimitRule[];
  /** Why they decide as they do; default: because. */
  readonly reason?: string;
  readonly recordMasks?: MaskRules;
}

/** Rules that hold what begins with HOLD (rule `r`), and what begins with HOLD TWICE also by rule `r2`. */
export function rulesOf(version: string, script: RulesScript = {}): SessionRules {
  const { denied = [], released = [], durability = 'Spool', terms, limits = [], reason = 'because' } = script;
  function decide(command: Command, granted: (by: RuleReference) => boolean = () => false): Decision {
    const verb = command.protocol === 'Postgres' ? (command.statements[0]?.verb ?? '') : '';
    const said = { reason, version, observed: [] };
    const by = (rule: string): RuleReference => ({ policy: { namespace: 'data', name: 'p' }, rule });
    if (denied.includes(verb)) return { ...said, by: by('r'), action: 'Deny' };
    const asking = [by('r'), ...(verb.startsWith('HOLD TWICE') ? [by('r2')] : [])].find((rule) => !granted(rule));
    if (!verb.startsWith('HOLD') || released.includes(verb) || asking === undefined)
      return { ...said, by: by('r'), action: 'Allow' };
    const asked = { approvers: { groups: ['dba'] }, timeoutSeconds: 60, ...terms };
    return { ...said, by: asking, action: 'RequireApproval', terms: asked, owner: { namespace: 'data' } };
  }
  const { recordMasks = MASKS } = script;
  return { version, durability, content: 'Full', masks: MASKS, recordMasks, limits, decide };
}

/** What the sessions of one gate share. */
export class World {
  readonly recorder = new ScriptedRecorder();
  readonly sessions = new SessionTable();
  readonly budgets = new Budgets();
  readonly held = new HeldBytes(64 * 1024 * 1024);
  isAgentUnread = false;
  /** What agents were sent and have not read. */
  unsentBytes = 0;
  /** Milliseconds since the epoch. */
  now = 1;
  #ids = 0;
  /** Timers count what passes, whatever the clock is set to. */
  #elapsedMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly act: () => void }>();
  readonly desk = new ApprovalDesk({
    nowMs: () => this.now,
    setTimer: (ms, act) => {
      const timer = { atMs: this.#elapsedMs + ms, act };
      this.#timers.add(timer);
      return () => this.#timers.delete(timer);
    },
    random: (bytes) => new Uint8Array(bytes).fill(this.#ids++),
    pendingMax: 3,
  });
  readonly turn = new Turn(this.recorder);

  /** What waits now, the oldest first. */
  get pending(): readonly HeldApproval[] {
    return this.desk.list().filter(({ state }) => state === 'Pending');
  }

  /** The clock and the timers move on. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    this.#elapsedMs += ms;
    for (const timer of this.#timers) {
      if (timer.atMs > this.#elapsedMs || !this.#timers.delete(timer)) continue;
      timer.act();
      await settle();
    }
  }
}

export interface Stage extends Pick<World, 'recorder'> {
  readonly world: World;
  readonly session: GatedSession;
  /** What crossed, each with the number of records that were written before it. */
  readonly crossed: string[];
}

export interface StageOptions extends RulesScript {
  readonly world?: World;
  readonly expiresAtMs?: number;
  readonly subject?: string;
  readonly claims?: Admission['identity']['claimed'];
  /** Undefined: nobody can be asked. */
  readonly desk?: undefined;
  readonly target?: string;
  /** Default: the protocol of lines. */
  readonly protocol?: ProtocolSession;
}

export function openStage(options: StageOptions = {}): Stage {
  const { world = new World(), expiresAtMs = 1_000_000_000, subject = 'bot', claims = {}, target = 'db' } = options;
  const { recorder, budgets, turn } = world;
  const crossed: string[] = [];
  const note = (what: string) => crossed.push(`${what} @${recorder.written.length}`);
  const wires: Wires = {
    sendAgent: (bytes) => note(`agent< ${Buffer.from(bytes).toString().trim()}`),
    sendTarget: (bytes) => note(`target> ${Buffer.from(bytes).toString().trim()}`),
    cork: () => {},
    uncork: () => {},
    startAgentTls: () => {},
    startTargetTls: () => {},
    dialTarget: () => note('dial'),
    holdReading: () => note('hold reading'),
    resumeReading: () => note('resume reading'),
    holdAgent: () => note('hold agent'),
    resumeAgent: () => note('resume agent'),
    get isAgentUnread() {
      return world.isAgentUnread;
    },
    get unsentBytes() {
      return world.unsentBytes;
    },
    close: () => note('close'),
    sendCancel: (bytes) => note(`cancel> ${Buffer.from(bytes).toString().trim()}`),
  };
  const admission: Admission = {
    identity: { verified: { source: 'Token', issuer: 'i', subject, groups: [], expiresAtMs }, claimed: claims },
    rules: rulesOf('v1', options),
    credential: { username: 'u', password: 'p' },
  };
  const refusal = { kind: 'Unauthenticated', rule: 'identity', reason: 'no', hint: '' } as const;
  const door = { target: { namespace: 'data', name: target }, access: { namespace: 'agents', name: 'bots' } };
  const around: SessionSurroundings = {
    turn,
    wires,
    held: world.held,
    door,
    budgets,
    desk: 'desk' in options ? options.desk : world.desk,
    nowUs: () => world.now * 1000,
    admit: async ({ token }) => (token === 'good' ? ok(admission) : fail({ refusal, identity: undefined })),
    openRecord: () => recorder.open(),
    readCatalog: async () => ok(undefined),
    cancelOther: () => {},
    claimCancelKey: () => {},
    ended: () => {
      world.sessions.remove(session);
      note('ended');
    },
    observe: { decided: () => {}, finished: () => {} },
  };
  const session = new GatedSession(options.protocol ?? new LineSession(), around);
  world.sessions.add(session, door);
  return { world, session, recorder, crossed };
}

/** Lets all that is due happen. */
export function settle(): Promise<void> {
  return jest.advanceTimersByTimeAsync(0);
}

/** A session that is open; what opening it wrote and sent is forgotten. */
export async function openSession(options: StageOptions = {}): Promise<Stage> {
  const stage = openStage(options);
  stage.session.receiveAgent(Buffer.from('login good\n'));
  await settle();
  stage.session.targetConnected();
  await settle();
  stage.crossed.length = 0;
  stage.recorder.written.length = 0;
  return stage;
}

export async function say(stage: Stage, ...lines: string[]): Promise<void> {
  stage.session.receiveAgent(Buffer.from(`${lines.join('\n')}\n`));
  await settle();
}

export async function answer(stage: Stage, line: string): Promise<void> {
  stage.session.receiveTarget(Buffer.from(`${line}\n`));
  await settle();
}

/** What crossed, without the number of records before it. */
export function sent({ crossed }: Stage): readonly string[] {
  return crossed.map((line) => line.replace(/ @\d+$/, ''));
}

export const DAN: Approver = { user: 'dan', subject: 'dan', groups: ['dba'] };
export const EVE: Approver = { user: 'eve', subject: 'eve', groups: ['dba'] };
