import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Step } from '../protocol.ts';
import { BodyReader, FRAME, FrameScanner } from './codec.ts';
import { readErrorFields } from './error-fields.ts';
import { fakeMasks } from './testing/fake-masks.ts';
import type { FakeReading } from './testing/fake-reading.ts';
import {
  bind,
  close,
  describe as describeFrame,
  execute,
  flush,
  opening,
  parse,
  query,
  sync,
} from './testing/frames.ts';
import { ModelServer } from './testing/model-server.ts';
import { type PlaybookOptions, Stage } from './testing/playbook.ts';

const name = fc.constantFrom('', 's', 't');
const text = fc.constantFrom('rows', 'none', 'fail', 'bad', 'begin', 'commit', 'rollback', '');
const frame = fc.oneof(
  { arbitrary: fc.tuple(name, text).map(([statement, sql]) => parse(statement, sql)), weight: 4 },
  { arbitrary: fc.tuple(name, name).map(([portal, statement]) => bind(portal, statement)), weight: 4 },
  { arbitrary: fc.tuple(name, fc.integer({ min: 0, max: 3 })).map(([portal, max]) => execute(portal, max)), weight: 4 },
  {
    arbitrary: fc.tuple(fc.constantFrom('S' as const, 'P' as const), name).map(([what, of]) => describeFrame(what, of)),
    weight: 2,
  },
  {
    arbitrary: fc.tuple(fc.constantFrom('S' as const, 'P' as const), name).map(([what, of]) => close(what, of)),
    weight: 1,
  },
  { arbitrary: fc.constant(sync), weight: 3 },
  { arbitrary: fc.constant(flush), weight: 1 },
  { arbitrary: text.map(query), weight: 2 },
);
/** Pieces that the agent sends, each at once, and how many bytes of the server's answer arrive between them. */
const conversation = fc.array(fc.tuple(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 0, max: 200 })), {
  maxLength: 8,
});

const effects: Readonly<Record<string, FakeReading>> = {
  rows: {
    policy: [{ tables: [{ schema: 'public', name: 'people', access: 'Read' }] }],
    statements: [{ outputs: [{ kind: 'Column', schema: 'public', table: 'people', column: 'ssn' }] }],
  },
  none: { statements: [{ outputs: [] }] },
  begin: { statements: [{ outputs: [], sessionEffect: { kind: 'Begin' } }] },
  commit: { statements: [{ outputs: [], sessionEffect: { kind: 'Commit' } }] },
  rollback: { statements: [{ outputs: [], sessionEffect: { kind: 'Rollback' } }] },
};

/** A conversation through the gate with a model of a server behind it, whose answers arrive late and in pieces. */
class Through {
  readonly stage: Stage;
  readonly #server = new ModelServer();
  #sent = 0;
  #onTheWay: Uint8Array = new Uint8Array(0);

  constructor(options: PlaybookOptions) {
    this.stage = new Stage(options);
    for (const happening of opening)
      if ('bytes' in happening) {
        const { session } = this.stage;
        this.stage.do(
          happening.from === 'agent' ? session.receiveAgent(happening.bytes) : session.receiveTarget(happening.bytes),
        );
      }
    this.#sent = this.stage.steps.length;
  }

  /** What was done since the session opened. */
  get steps(): readonly Step[] {
    return this.stage.steps.slice(this.#opened);
  }

  readonly #opened = 0;

  send(frames: readonly Uint8Array[]): void {
    if (frames.length > 0) this.stage.do(this.stage.session.receiveAgent(Uint8Array.from(Buffer.concat(frames))));
    this.#exchange();
  }

  arrive(bytes: number): void {
    const piece = Uint8Array.from(this.#onTheWay.subarray(0, bytes));
    this.#onTheWay = this.#onTheWay.subarray(bytes);
    if (piece.length > 0) this.stage.do(this.stage.session.receiveTarget(piece));
    this.#exchange();
  }

  settle(): void {
    while (this.#onTheWay.length > 0) this.arrive(1_000_000);
  }

  #exchange(): void {
    const { steps } = this.stage;
    for (; this.#sent < steps.length; this.#sent++) {
      const step = steps[this.#sent];
      if (step?.kind === 'ToTarget' || step?.kind === 'PaceTarget')
        this.#onTheWay = Buffer.concat([this.#onTheWay, this.#server.receive(step.bytes)]);
    }
  }
}

/** What the agent sees, frame by frame; of errors only the code. */
function seen(bytes: Uint8Array): string[] {
  const scanner = new FrameScanner(1 << 24, false);
  scanner.feed(bytes);
  const frames: string[] = [];
  while (scanner.next() === 'Frame') {
    const { type, buffer, start, end } = scanner;
    const code =
      type === FRAME.error
        ? (readErrorFields(new BodyReader(buffer, start + 5, end))?.get('C') ?? '')
        : Buffer.from(scanner.frame()).toString('latin1');
    frames.push(`${String.fromCharCode(type)} ${code}`);
  }
  return frames;
}

function toAgent(steps: readonly Step[]): Uint8Array {
  return Buffer.concat(
    steps.flatMap((step) => (step.kind === 'Answer' || step.kind === 'ToAgent' ? [step.bytes] : [])),
  );
}

describe('a session in front of a server', () => {
  test('is not to be told from the server itself when everything is allowed and nothing is masked', () => {
    fc.assert(
      fc.property(conversation, (pieces) => {
        const through = new Through({ readings: effects });
        const before = through.stage.steps.length;
        const direct = new ModelServer();
        const answers: Uint8Array[] = [];
        for (const [frames, bytes] of [...pieces, [[sync], 0] as const]) {
          through.send(frames);
          through.arrive(bytes);
          answers.push(direct.receive(Buffer.concat(frames)));
        }
        through.settle();
        expect(seen(toAgent(through.stage.steps.slice(before)))).toEqual(seen(Buffer.concat(answers)));
      }),
      { numRuns: 1000 },
    );
  });

  test('judges before it forwards, ends each command once, and lets no masked value out, whatever is refused', () => {
    const masks = fakeMasks({ 'public.people.ssn': { type: 'Redact' } });
    const catalog = {
      version: '1',
      relation: () => ({
        schema: 'public',
        name: 'people',
        columns: new Map([
          [1, { name: 'ssn', typeOid: 25, bases: [{ schema: 'public', table: 'people', column: 'ssn' }] }],
        ]),
      }),
    };
    fc.assert(
      fc.property(conversation, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (pieces, verdicts) => {
        const denied = { kind: 'Denied', rule: 'r', reason: 'no', hint: '' } as const;
        const judge = (_: unknown, id: number) => (verdicts[id % verdicts.length] ? ('Forward' as const) : denied);
        const through = new Through({ readings: effects, masks, catalog, judge });
        for (const [frames, bytes] of pieces) {
          through.send(frames);
          through.arrive(bytes);
        }
        through.settle();
        through.stage.do(through.stage.session.agentLeft());
        check(through.stage.steps);
      }),
      { numRuns: 1000 },
    );
  });

  test('never throws on bytes of any kind from either side', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      frame.map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), chunk), { maxLength: 20 }), fc.boolean(), (chunks, opened) => {
        const stage = opened ? new Through({ readings: effects }).stage : new Stage({});
        for (const [fromAgent, bytes] of chunks)
          stage.do(fromAgent ? stage.session.receiveAgent(bytes) : stage.session.receiveTarget(bytes));
        stage.do(stage.session.terminate({ kind: 'Terminated', rule: '', reason: 'over', hint: '' }, 'Killed'));
        check(stage.steps);
      }),
      { numRuns: 2000 },
    );
  });
});

const PACE = new Set<number>([FRAME.sync, FRAME.flush, FRAME.describe, FRAME.close, FRAME.terminate]);

function check(steps: readonly Step[]): void {
  const judged = new Set<number>();
  const finished = new Set<number>();
  for (const step of steps) {
    if (step.kind === 'Judge') judged.add(step.commandId);
    if (step.kind === 'ToTarget' || step.kind === 'Input') {
      expect(judged.has(step.commandId)).toBe(true);
      expect(finished.has(step.commandId)).toBe(false);
      expect(step.permit.commandId).toBe(step.commandId);
    }
    if (step.kind === 'PaceTarget') expect(PACE.has(step.bytes[0] ?? 0)).toBe(true);
    if (step.kind === 'Finished') {
      expect(finished.has(step.commandId)).toBe(false);
      finished.add(step.commandId);
    }
  }
  expect(finished).toEqual(judged);
  expect(Buffer.from(toAgent(steps)).includes('secret')).toBe(false);
}
