import { create } from '@bufbuild/protobuf';
import { afterEach, expect, test } from '@jest/globals';
import { fail, ok, type Result } from '@sidegate/crds';
import { SpendingSchema } from '@sidegate/policy/control';
import type { GateSession } from '../control/gate-session.ts';
import type { Response } from '../control/response-bytes.ts';
import { FakeTime, settle } from '../kube/fixture/fake-time.ts';
import { LimitDesk } from './limit-desk.ts';
import type { KeptLimits, LimitStore, LimitStoreFault } from './limit-store.ts';

const ACCOUNT = {
  access: { namespace: 'agents', name: 'bot' },
  issuer: 'corporate',
  subject: 'bot@corp',
  policy: { namespace: 'data', name: 'guard' },
  limit: 'reading',
};

const ends: AbortController[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
});

/** Where nothing outlives anything, and everything can fail. */
class MemoryStore {
  kept: KeptLimits = new Map();
  fault: LimitStoreFault | undefined;
  writes = 0;
  room = Number.POSITIVE_INFINITY;

  hasRoomFor(accounts: number): boolean {
    return this.kept.size + accounts <= this.room;
  }

  read(): Promise<Result<KeptLimits, LimitStoreFault>> {
    return Promise.resolve(this.fault === undefined ? ok(this.kept) : fail(this.fault));
  }

  write(kept: KeptLimits): Promise<Result<void, LimitStoreFault>> {
    if (this.fault !== undefined) return Promise.resolve(fail(this.fault));
    this.kept = structuredClone(kept);
    this.writes += 1;
    return Promise.resolve(ok(undefined));
  }
}

interface Bench {
  readonly desk: LimitDesk;
  readonly store: MemoryStore;
  readonly time: FakeTime;
  readonly living: Set<string>;
  /** Gates that were not given the limit. */
  readonly strangers: Set<string>;
  readonly gate: (uid: string) => TestGate;
}

/** What a gate's stream was told. */
class TestGate {
  readonly told: string[] = [];
  readonly session: GateSession;

  constructor(uid: string) {
    const session = {
      attested: { uid },
      say: ({ case: kind, value }: NonNullable<Response['message']>) =>
        this.told.push(kind === 'allowance' ? `${Number(value?.more?.rows ?? 0)} rows` : `${kind}`),
      end: () => this.told.push('end'),
    };
    this.session = session as unknown as GateSession;
  }
}

function start(rows = 100): Bench {
  const store = new MemoryStore();
  const time = new FakeTime();
  const living = new Set(['one', 'two']);
  const strangers = new Set<string>();
  const desk = new LimitDesk({
    store: store as unknown as LimitStore,
    timing: time,
    limitOf: ({ limit }) => (limit === 'reading' ? { rows, perSeconds: 60 } : undefined),
    mayUse: (_, { attested }) => !strangers.has(attested.uid),
    lives: (uid) => living.has(uid),
    trouble: () => {},
  });
  const end = new AbortController();
  ends.push(end);
  void desk.run(end.signal);
  return { desk, store, time, living, strangers, gate: (uid) => new TestGate(uid) };
}

function report({ desk }: Bench, gate: TestGate, used: number, allowed: number, more: object = {}): Promise<void> {
  const said = { account: ACCOUNT, epoch: 'e', used: { rows: BigInt(used) }, allowed: { rows: BigInt(allowed) } };
  desk.heard(create(SpendingSchema, { ...said, wants: true, ...more }), gate.session);
  return settle();
}

test('what is given was kept before', async () => {
  const bench = start();
  const one = bench.gate('one');
  await report(bench, one, 0, 0);
  expect(one.told).toEqual(['100 rows']);
  expect([...bench.store.kept.values()]).toMatchObject([{ holders: [{ gate: 'one', allowed: { rows: 100 } }] }]);
});

test('what cannot be kept is not given, and is when it can be', async () => {
  const bench = start();
  const one = bench.gate('one');
  await settle();
  bench.store.fault = { code: 'Unavailable', message: 'No.' };
  await report(bench, one, 0, 0);
  expect(one.told).toEqual([]);
  bench.store.fault = undefined;
  await report(bench, one, 0, 0);
  expect(one.told).toEqual(['100 rows']);
});

test('what somebody else changed is read again, and gates say everything anew', async () => {
  const bench = start();
  const one = bench.gate('one');
  await settle();
  bench.store.fault = { code: 'OutOfDate', message: 'No.' };
  await report(bench, one, 0, 0);
  expect(one.told).toEqual(['end']);
});

test('a second gate makes the first give back', async () => {
  const bench = start();
  const [one, two] = [bench.gate('one'), bench.gate('two')];
  await report(bench, one, 0, 0);
  await report(bench, two, 0, 0);
  expect([one.told, two.told]).toEqual([['100 rows', 'recall'], []]);
  await report(bench, one, 0, 50, { seen: 1n, wants: false });
  expect(two.told).toEqual(['50 rows']);
});

test('a limit that is not there gives nothing', async () => {
  const bench = start();
  const one = bench.gate('one');
  await report(bench, one, 0, 0, { account: { ...ACCOUNT, limit: 'other' } });
  expect([one.told, bench.store.writes]).toEqual([[], 0]);
});

test('an approval renews it once; one that cannot be kept is to be tried again', async () => {
  const bench = start();
  const one = bench.gate('one');
  await report(bench, one, 0, 0);
  await report(bench, one, 100, 100, { seen: 1n });
  const account = create(SpendingSchema, { account: ACCOUNT }).account;
  if (account === undefined) throw new Error('there is an account');
  bench.store.fault = { code: 'Unavailable', message: 'No.' };
  expect(await bench.desk.renew(account, 'a', one.session)).toBe(false);
  bench.store.fault = undefined;
  expect(await bench.desk.renew(account, 'a', one.session)).toBe(true);
  expect(one.told).toEqual(['100 rows', '100 rows']);
  await report(bench, one, 200, 200, { seen: 2n });
  expect(await bench.desk.renew(account, 'a', one.session)).toBe(true);
  expect(one.told).toHaveLength(2);
});

test('what a pod held that has ended counts as used', async () => {
  const bench = start();
  const [one, two] = [bench.gate('one'), bench.gate('two')];
  await report(bench, one, 0, 0);
  bench.desk.left(one.session);
  bench.living.delete('one');
  await bench.time.advance(20_000);
  await report(bench, two, 0, 0);
  expect(two.told).toEqual([]);
  await bench.time.advance(62_000);
  await report(bench, two, 0, 0);
  expect(two.told).toEqual(['100 rows']);
});

test('a gate that was not given the limit neither uses it nor fills the list with it', async () => {
  const bench = start();
  bench.strangers.add('one');
  const [one, two] = [bench.gate('one'), bench.gate('two')];
  await report(bench, one, 1_000_000, 1_000_000);
  await report(bench, one, 0, 0, { account: { ...ACCOUNT, subject: 'another' } });
  await report(bench, two, 0, 0);
  expect([one.told, two.told]).toEqual([[], ['100 rows']]);
  expect([...bench.store.kept.values()]).toMatchObject([{ holders: [{ gate: 'two' }] }]);
});

test('a gate from which the limit was taken gives back what it holds, and gets no more', async () => {
  const bench = start();
  const [one, two] = [bench.gate('one'), bench.gate('two')];
  await report(bench, one, 0, 0);
  bench.strangers.add('one');
  await report(bench, one, 20, 20, { seen: 1n });
  await report(bench, two, 0, 0);
  expect([one.told, two.told]).toEqual([['100 rows'], ['80 rows']]);
});

test('an agent for whom there is no room gets nothing, and takes nothing from those that are there', async () => {
  const bench = start();
  bench.store.room = 1;
  const [one, two] = [bench.gate('one'), bench.gate('two')];
  await report(bench, one, 0, 0);
  await report(bench, two, 0, 0, { account: { ...ACCOUNT, subject: 'another' } });
  expect(two.told).toEqual([]);
  await report(bench, one, 100, 100, { seen: 1n, ends: true });
  await bench.time.advance(130_000);
  bench.store.room = 2;
  await report(bench, two, 0, 0, { account: { ...ACCOUNT, subject: 'another' } });
  expect([one.told, two.told]).toEqual([['100 rows'], ['100 rows']]);
  expect(bench.store.kept.size).toBe(1);
});
