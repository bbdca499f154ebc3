import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LimitLease } from './lease.ts';
import { type KeptAccount, LimitAccount, type LimitGrant, type SpendingReport } from './lessor.ts';

const LIMIT = { commands: 10, perSeconds: 60 };
const WINDOW_MS = LIMIT.perSeconds * 1_000;

type ToGate = { readonly kind: 'Grant'; readonly grant: LimitGrant } | { readonly kind: 'Recall' };

/** One gate process and its stream; what is under way can be lost with it. */
class ModelGate {
  lease = new LimitLease();
  name: string;
  epoch = 1;
  stream = {};
  readonly toLessor: SpendingReport[] = [];
  readonly toGate: ToGate[] = [];

  constructor(name: string) {
    this.name = name;
  }

  drop(): void {
    this.stream = {};
    this.toLessor.length = 0;
    this.toGate.length = 0;
    this.lease.streamBegan();
  }

  restart(): void {
    this.drop();
    this.lease = new LimitLease();
    this.epoch += 1;
  }

  /** No session is open any longer; the next one begins anew on the same stream. */
  end(): void {
    this.lease.giveAll();
    this.toLessor.push(this.lease.report(`${this.epoch}`, false, true));
    this.lease = new LimitLease();
    this.epoch += 1;
  }

  report(wants: boolean): void {
    this.toLessor.push(this.lease.report(`${this.epoch}`, wants));
  }

  receive(): void {
    const message = this.toGate.shift();
    if (message === undefined) return;
    if (message.kind === 'Grant') return this.lease.take(message.grant.number, message.grant.more);
    this.lease.giveHalf();
    this.report(false);
  }
}

/** Gates, their streams and a lessor that may be started anew from what it kept. */
class Model {
  nowMs = 1_000_000;
  account = new LimitAccount(LIMIT.perSeconds);
  kept: KeptAccount = this.account.kept();
  readonly gates: readonly ModelGate[];
  readonly uses: { readonly atMs: number; readonly amount: number }[] = [];
  #pods = 0;

  constructor(gates: number) {
    this.gates = Array.from({ length: gates }, () => new ModelGate(this.#newPod()));
  }

  gate(index: number): ModelGate {
    const gate = this.gates[index % this.gates.length];
    if (gate === undefined) throw new Error('there is no gate');
    return gate;
  }

  use(gate: ModelGate, amount: number): boolean {
    if (gate.lease.lacks(LIMIT, { commands: amount }) !== undefined) return false;
    gate.lease.spend({ commands: amount });
    this.uses.push({ atMs: this.nowMs, amount });
    return true;
  }

  get used(): number {
    return this.uses.reduce((sum, { atMs, amount }) => sum + (atMs > this.nowMs - WINDOW_MS ? amount : 0), 0);
  }

  hear(gate: ModelGate): void {
    const report = gate.toLessor.shift();
    if (report !== undefined) this.account.hear(gate.name, gate.stream, report, this.nowMs);
  }

  share(fate: 'Sent' | 'NotKept' | 'KeptNotSent'): void {
    const grants = this.account.share(LIMIT, this.nowMs);
    if (fate === 'NotKept') return this.account.takeBack(grants);
    if (grants.length > 0) this.kept = structuredClone(this.account.kept());
    if (fate === 'KeptNotSent') return this.restartLessor();
    for (const grant of grants)
      this.gates.find(({ stream }) => stream === grant.stream)?.toGate.push({ kind: 'Grant', grant });
    for (const name of this.account.recalls)
      this.gates.find((one) => one.name === name)?.toGate.push({ kind: 'Recall' });
  }

  restartLessor(): void {
    this.account = new LimitAccount(LIMIT.perSeconds, structuredClone(this.kept));
    for (const gate of this.gates) gate.drop();
  }

  endPod(gate: ModelGate): void {
    this.account.gone(gate.name, this.nowMs);
    gate.restart();
    gate.name = this.#newPod();
  }

  /** Everything that is under way arrives, until nothing is. */
  settle(): void {
    for (let round = 0; round < 10; round += 1) {
      for (const gate of this.gates) while (gate.toLessor.length > 0) this.hear(gate);
      this.share('Sent');
      for (const gate of this.gates) while (gate.toGate.length > 0) gate.receive();
    }
  }

  #newPod(): string {
    this.#pods += 1;
    return `pod-${this.#pods}`;
  }
}

const gate = fc.nat({ max: 1 });
/** What usually happens is as frequent as what it takes to bring something about with it. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('Use' as const), gate, amount: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('Report' as const), gate, wants: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('Hear' as const, 'Receive' as const), gate }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('Share' as const), fate: fc.constant('Sent' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('Share' as const),
      fate: fc.constantFrom('NotKept' as const, 'KeptNotSent' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'Drop' as const,
        'RestartGate' as const,
        'EndPod' as const,
        'GiveAll' as const,
        'End' as const,
      ),
      gate,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('RestartLessor' as const, 'Settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('Pass' as const), ms: fc.integer({ min: 1, max: 50_000 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function carryOut(model: Model, one: Step): void {
  switch (one.kind) {
    case 'Use':
      model.use(model.gate(one.gate), one.amount);
      return;
    case 'Report':
      return model.gate(one.gate).report(one.wants);
    case 'Hear':
      return model.hear(model.gate(one.gate));
    case 'Receive':
      return model.gate(one.gate).receive();
    case 'Drop':
      return model.gate(one.gate).drop();
    case 'RestartGate':
      return model.gate(one.gate).restart();
    case 'EndPod':
      return model.endPod(model.gate(one.gate));
    case 'End':
      return model.gate(one.gate).end();
    case 'GiveAll':
      return model.gate(one.gate).lease.giveAll();
    case 'Share':
      return model.share(one.fate);
    case 'RestartLessor':
      return model.restartLessor();
    case 'Pass':
      model.nowMs += one.ms;
      return;
    case 'Settle':
      return model.settle();
  }
}

test('all gates together never use more than the limit, whatever is lost or starts anew', () => {
  let used = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
      const model = new Model(2);
      for (const one of steps) {
        carryOut(model, one);
        used += one.kind === 'Use' ? 1 : 0;
        expect(model.used).toBeLessThanOrEqual(LIMIT.commands);
      }
    }),
    { numRuns: 500 },
  );
  expect(used).toBeGreaterThan(0);
}, 300_000);

test('of a gate that uses the limit no longer nothing is kept, but what it used, for as long as that counts', () => {
  const model = new Model(2);
  const one = model.gate(0);
  one.report(true);
  model.settle();
  expect(model.use(one, 4)).toBe(true);
  one.end();
  model.settle();
  expect([model.account.gates, model.account.isIdle(model.nowMs)]).toEqual([[], false]);
  model.gate(1).report(true);
  model.settle();
  expect([model.use(model.gate(1), 7), model.use(model.gate(1), 6)]).toEqual([false, true]);
  model.gate(1).end();
  model.settle();
  model.nowMs += 2 * WINDOW_MS;
  expect(model.account.isIdle(model.nowMs)).toBe(true);
});

test('what a gate gets on a new stream is what was granted after it was heard there', () => {
  const model = new Model(2);
  const [first, second] = [model.gate(0), model.gate(1)];
  first.report(true);
  model.hear(first);
  // It comes back, and says on the new stream what it has, while its grant is being kept.
  first.drop();
  first.report(false);
  model.share('Sent');
  first.receive();
  model.hear(first);
  second.report(true);
  model.settle();
  expect([model.use(second, 10), model.use(first, 1)]).toEqual([true, false]);
});

describe('what is there is given', () => {
  test('one gate gets all of it, and has it back when the window is over', () => {
    const model = new Model(1);
    const only = model.gate(0);
    only.report(true);
    model.settle();
    expect([model.use(only, 10), model.use(only, 1)]).toEqual([true, false]);
    only.report(true);
    model.settle();
    expect(model.use(only, 1)).toBe(false);
    // One slice of sixty late, never early.
    model.nowMs += WINDOW_MS + WINDOW_MS / 60 + 1;
    only.report(true);
    model.settle();
    expect(model.use(only, 10)).toBe(true);
  });

  test('a second gate gets half of what the first has left', () => {
    const model = new Model(2);
    const [first, second] = [model.gate(0), model.gate(1)];
    first.report(true);
    model.settle();
    model.use(first, 4);
    second.report(true);
    model.settle();
    expect([model.use(second, 4), model.use(second, 3), model.use(first, 3), model.use(first, 1)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('what a gate gives back another one gets', () => {
    const model = new Model(2);
    const [first, second] = [model.gate(0), model.gate(1)];
    first.report(true);
    model.settle();
    first.lease.giveAll();
    first.report(false);
    second.report(true);
    model.settle();
    expect(model.use(second, 10)).toBe(true);
  });

  test('a new pod does not begin anew: what the one before had counts as used', () => {
    const model = new Model(1);
    const only = model.gate(0);
    only.report(true);
    model.settle();
    model.use(only, 1);
    model.endPod(only);
    only.report(true);
    model.settle();
    expect(model.use(only, 1)).toBe(false);
  });

  test('an approval makes it as good as new, once', () => {
    const model = new Model(1);
    const only = model.gate(0);
    const asked: boolean[] = [];
    for (const approval of ['a', 'a', 'b']) {
      only.report(false);
      model.hear(only);
      model.account.renew(approval, only.name, model.nowMs);
      model.settle();
      asked.push(model.use(only, 10));
    }
    expect(asked).toEqual([true, false, true]);
  });

  test('a lessor that starts anew knows of renewals', () => {
    const model = new Model(1);
    model.account.renew('a', 'g', model.nowMs);
    expect(new LimitAccount(60, model.account.kept()).kept().renewed).toEqual(['a']);
  });
});
