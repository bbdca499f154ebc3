import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Durability, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Command, Decision, MaskRules, SessionRules } from '@sidegate/policy';
import type { SessionEvent } from '@sidegate/session';
import type { Commit, Recorder } from '../recorder.ts';
import { GatedSession } from './gated-session.ts';
import { LineSession } from './line-protocol.ts';
import type { Admission, HeldCommand, HoldOutcome, SessionSurroundings } from './surroundings.ts';
import { Turn } from './turn.ts';
import type { Wires } from './wires.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const MASKS: MaskRules = {
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

const terms = { approvers: { groups: ['dba'] } };

function rulesOf(version: string, denied: readonly string[], durability: Durability = 'Spool'): SessionRules {
  function decide(command: Command): Decision {
    const verb = command.protocol === 'Postgres' ? (command.statements[0]?.verb ?? '') : '';
    const said = {
      by: { policy: { namespace: 'data', name: 'p' }, rule: 'r' },
      reason: 'because',
      version,
      observed: [],
    };
    if (verb.startsWith('HOLD')) return { ...said, action: 'RequireApproval', terms, owner: { namespace: 'data' } };
    return { ...said, action: denied.includes(verb) ? 'Deny' : 'Allow' };
  }
  return { version, durability, content: 'Full', masks: MASKS, recordMasks: MASKS, limits: [], decide };
}

/** A recorder that says what was written when, and can be made to fail. */
class ScriptedRecorder implements Recorder {
  readonly written: string[] = [];
  gathered: string[] = [];
  fault: Fault<'SpoolFull' | 'SpoolBroken'> | undefined;
  central: Promise<Result<void, Fault<'StoreUnavailable'>>> | undefined;
  makeRoom: () => void = () => {};

  open() {
    this.gathered.push('Opened');
    const append = (event: SessionEvent) => void this.gathered.push(describeEvent(event));
    return { sessionId: 's', append, require: () => undefined };
  }

  commit(): Result<Commit, Fault<'SpoolFull' | 'SpoolBroken'>> {
    if (this.fault !== undefined) return fail(this.fault);
    this.written.push(...this.gathered);
    this.gathered = [];
    return ok({ central: this.central });
  }

  roomAgain(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.makeRoom = resolve;
      signal.addEventListener('abort', () => resolve());
    });
  }

  async close(): Promise<void> {}
}

function describeEvent(event: SessionEvent): string {
  switch (event.kind) {
    case 'CommandJudged':
      return `Judged ${event.text} ${event.decision}`;
    case 'CommandForwarded':
      return `Forwarded ${event.commandId}`;
    case 'AnswerPart':
      return `Answer ${Buffer.from(event.bytes).toString().trim()}`;
    case 'CommandFinished':
      return `Finished ${event.commandId} ${event.outcome}`;
    case 'Closed':
      return `Closed ${event.code}`;
    default:
      return event.kind;
  }
}

interface Stage {
  readonly session: GatedSession;
  readonly recorder: ScriptedRecorder;
  /** What crossed, each with the number of records that were written before it. */
  readonly crossed: string[];
  now: number;
}

interface StageOptions {
  readonly denied?: readonly string[];
  readonly durability?: Durability;
  readonly hold?: (question: HeldCommand) => Promise<HoldOutcome>;
  readonly expiresAtMs?: number;
}

function openStage({ denied = [], durability = 'Spool', hold, expiresAtMs = 1_000_000 }: StageOptions = {}): Stage {
  const recorder = new ScriptedRecorder();
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
    close: () => note('close'),
    sendCancel: () => {},
  };
  const admission: Admission = {
    identity: { verified: { source: 'Token', issuer: 'i', subject: 'bot', groups: [], expiresAtMs }, claimed: {} },
    rules: rulesOf('v1', denied, durability),
    credential: { username: 'u', password: 'p' },
  };
  const refusal = { kind: 'Unauthenticated', rule: 'identity', reason: 'no', hint: '' } as const;
  const around: SessionSurroundings = {
    turn: new Turn(recorder),
    wires,
    nowUs: () => stage.now * 1000,
    admit: async ({ token }) => (token === 'good' ? ok(admission) : fail({ refusal, identity: undefined })),
    openRecord: () => recorder.open(),
    readCatalog: async () => ok(undefined),
    cancelOther: () => {},
    claimCancelKey: () => {},
    hold,
    ended: () => note('ended'),
    observe: { decided: () => {}, finished: () => {} },
  };
  const stage: Stage = { session: new GatedSession(new LineSession(), around), recorder, crossed, now: 1 };
  return stage;
}

const settle = () => jest.advanceTimersByTimeAsync(0);

async function openSession(options: StageOptions = {}): Promise<Stage> {
  const stage = openStage(options);
  stage.session.receiveAgent(Buffer.from('login good\n'));
  await settle();
  stage.session.targetConnected();
  await settle();
  stage.crossed.length = 0;
  stage.recorder.written.length = 0;
  return stage;
}

async function say(stage: Stage, ...lines: string[]): Promise<void> {
  stage.session.receiveAgent(Buffer.from(`${lines.join('\n')}\n`));
  await settle();
}

async function answer(stage: Stage, line: string): Promise<void> {
  stage.session.receiveTarget(Buffer.from(`${line}\n`));
  await settle();
}

test('a command and its answer are written before they cross', async () => {
  const stage = await openSession();
  await say(stage, 'read');
  await answer(stage, 'row');
  expect(stage.crossed).toEqual(['target> read @2', 'agent< row @4']);
  expect(stage.recorder.written).toEqual(['Judged read Allow', 'Forwarded 1', 'Answer row', 'Finished 1 Done']);
});

test('a denied command never reaches the target, and its neighbours in the pipeline do', async () => {
  const stage = await openSession({ denied: ['DROP'] });
  await say(stage, 'read', 'drop', 'write');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'target> read',
    'agent< refused data/p/r',
    'target> write',
  ]);
  expect(stage.recorder.written).toContain('Judged drop Deny');
  expect(stage.recorder.written).toContain('Finished 2 Refused');
  expect(stage.recorder.written).not.toContain('Forwarded 2');
});

test('a pipeline of many commands needs no deep stack', async () => {
  const stage = await openSession();
  await say(stage, ...Array.from({ length: 20_000 }, (_, index) => `c${index}`));
  expect(stage.crossed).toHaveLength(20_000);
});

test('with a full spool nothing crosses until there is room; then all does, in order', async () => {
  const stage = await openSession();
  stage.recorder.fault = { code: 'SpoolFull', message: 'The spool is full.' };
  await say(stage, 'one');
  expect(stage.crossed).toEqual(['hold reading @0']);
  stage.recorder.fault = undefined;
  stage.recorder.makeRoom();
  await settle();
  expect(stage.crossed).toEqual(['hold reading @0', 'resume reading @2', 'target> one @2']);
});

test.each<['SpoolFull' | 'SpoolBroken', number]>([
  ['SpoolFull', 30_000],
  ['SpoolBroken', 0],
])('when nothing can be recorded (%s) nothing is forwarded and the agent is told', async (code, afterMs) => {
  const stage = await openSession();
  // The platform's own timer stands behind AbortSignal.timeout; the recorder gives up at once instead.
  stage.recorder.fault = { code, message: 'No room.' };
  const abort = new AbortController();
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    setTimeout(() => abort.abort(), ms);
    return abort.signal;
  });
  await say(stage, 'one');
  await jest.advanceTimersByTimeAsync(afterMs);
  timeout.mockRestore();
  expect(stage.crossed.filter((line) => line.startsWith('target>'))).toEqual([]);
  expect(stage.crossed).toContainEqual(expect.stringContaining('agent< bye NotRecorded: Nothing can be recorded'));
  expect(stage.crossed.at(-1)).toBe('close @0');
});

test('with durability Central bytes wait for the store, and keep their order', async () => {
  const stage = await openSession({ durability: 'Central' });
  let stored: (result: Result<void, Fault<'StoreUnavailable'>>) => void = () => {};
  stage.recorder.central = new Promise((resolve) => {
    stored = resolve;
  });
  await say(stage, 'one');
  stage.recorder.central = Promise.resolve(ok(undefined));
  await say(stage, 'two');
  expect(stage.crossed).toEqual([]);
  stored(ok(undefined));
  await settle();
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual(['target> one', 'target> two']);
});

test('with durability Central a store that is away refuses', async () => {
  const stage = await openSession({ durability: 'Central' });
  stage.recorder.central = Promise.resolve(fail({ code: 'StoreUnavailable', message: 'The store is away.' }));
  await say(stage, 'one');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'agent< bye NotRecorded: Nothing can be recorded, so nothing may pass: The store is away.',
    'ended',
    'close',
  ]);
});

test('a policy change binds the next command of an open session', async () => {
  const stage = await openSession();
  await say(stage, 'drop');
  stage.session.rulesChanged(rulesOf('v2', ['DROP']));
  await say(stage, 'drop');
  expect(stage.recorder.written.filter((line) => line.startsWith('Judged'))).toEqual([
    'Judged drop Allow',
    'Judged drop Deny',
  ]);
});

test('the session ends with its token, also when no timer told it', async () => {
  const stage = await openSession({ expiresAtMs: 1_000 });
  stage.now = 999;
  await say(stage, 'one');
  stage.now = 1_000;
  await say(stage, 'two');
  expect(stage.crossed.filter((line) => line.startsWith('target>'))).toHaveLength(1);
  expect(stage.recorder.written.at(-1)).toBe('Closed Expired');
});

test('a connection that cannot be authenticated is told, recorded and closed, and the target is never dialled', async () => {
  const stage = openStage();
  await say(stage, 'login bad');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual([
    'ended',
    'agent< bye Unauthenticated: no',
    'close',
  ]);
  expect(stage.recorder.written).toEqual(['Opened', 'Closed Refused']);
});

test.each<[string, HoldOutcome, string]>([
  ['approved', { kind: 'Forward' }, 'target> hold it'],
  [
    'refused',
    { kind: 'Refuse', refusal: { kind: 'ApprovalRefused', rule: 'data/p/r', reason: 'no', hint: '' } },
    'agent< refused data/p/r',
  ],
])('a held command that is %s ends so', async (_name, outcome, last) => {
  let decide: (outcome: HoldOutcome) => void = () => {};
  const hold = (question: HeldCommand): Promise<HoldOutcome> => {
    question.tell('approve a1', '');
    return new Promise((resolve) => {
      decide = resolve;
    });
  };
  const stage = await openSession({ hold });
  await say(stage, 'hold it');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual(['agent< wait approve a1']);
  decide(outcome);
  await settle();
  expect(stage.crossed.at(-1)?.replace(/ @.*/, '')).toBe(last);
});

test('a held command is not forwarded after its agent has left', async () => {
  let decide: (outcome: HoldOutcome) => void = () => {};
  let signal: AbortSignal | undefined;
  const hold = (question: HeldCommand): Promise<HoldOutcome> => {
    ({ signal } = question);
    return new Promise((resolve) => {
      decide = resolve;
    });
  };
  const stage = await openSession({ hold });
  await say(stage, 'hold it');
  stage.session.agentLeft();
  expect(signal?.aborted).toBe(true);
  decide({ kind: 'Forward' });
  await settle();
  expect(stage.crossed.some((line) => line.startsWith('target>'))).toBe(false);
  expect(stage.recorder.written).toContain('Finished 1 Lost');
});

test('where nobody can be asked a command that needs an approval is refused', async () => {
  const stage = await openSession();
  await say(stage, 'hold it');
  expect(stage.crossed.map((line) => line.replace(/ @.*/, ''))).toEqual(['agent< refused data/p/r']);
});
