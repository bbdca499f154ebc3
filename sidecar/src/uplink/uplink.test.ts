import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { decodeEvent, type Opened, verifySession } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import { readProgress } from '../spool/progress.ts';
import { FakeStore } from './fake-store.ts';
import { type UplinkLimits } from './messages.ts';
import { DEADLINE_MS, OneThreadGate, turnsUntil } from './one-thread-gate.ts';
import { spreadFrom } from './spread.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
let store: FakeStore;
let running: Gate[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-uplink-'));
  store = new FakeStore();
  running = [];
});
afterEach(async () => {
  for (const gate of running) await gate.stop();
  rmSync(folder, { recursive: true });
});

class Gate extends OneThreadGate {
  constructor(limits: Partial<UplinkLimits> = {}) {
    super({ folder, store, limits });
    running.push(this);
  }

  override stop(): Promise<void> {
    running = running.filter((gate) => gate !== this);
    return super.stop();
  }
}

const opened = (sessionId: string): Opened => sampleOpened({ sessionId });
const remark = (text: string) => ({ kind: 'Remark', atUs: 2, code: 'C', text }) as const;
const answer = (length: number) =>
  ({ kind: 'AnswerPart', atUs: 2, commandId: 1, bytes: new Uint8Array(length).fill(3) }) as const;
const closed = { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' } as const;

const chunksOf = (sessionId: string) => store.sessions.get(sessionId)?.chunks ?? [];
const verdictOf = (sessionId: string) => verifySession(chunksOf(sessionId), sessionId);
const segments = () => readdirSync(folder).filter((name) => name.endsWith('.spool'));

function kindsOf(sessionId: string): readonly string[] {
  return (store.sessions.get(sessionId)?.events ?? []).map((bytes) => {
    const decoded = decodeEvent(bytes);
    return decoded.ok ? decoded.value.event.kind : decoded.fault.message;
  });
}

/** Records whole sessions of some length, in turns. */
function recordSessions(gate: Gate, names: readonly string[], rounds: number): void {
  const records = names.map((name) => gate.spool.open(opened(name), 'Spool'));
  gate.commit();
  for (let round = 0; round < rounds; round += 1) {
    for (const record of records) record.append(round % 3 === 0 ? remark(`round ${round}`) : answer(round * 10));
    gate.commit();
  }
  for (const record of records) record.append(closed);
  gate.commit();
}

describe('the store', () => {
  test('gets whole sessions, chained, and the spool forgets them', async () => {
    const gate = new Gate({ chunkBytesMax: 500 }).startUplink();
    recordSessions(gate, ['a', 'b', 'c'], 40);
    await gate.drained();
    expect(store.alarms).toEqual([]);
    for (const name of ['a', 'b', 'c']) {
      expect(verdictOf(name)).toMatchObject({ kind: 'Complete', lastSequence: 42 });
      expect(chunksOf(name).length).toBeGreaterThan(5);
    }
    // Only the segment that is being written may be left.
    expect(segments().length).toBeLessThanOrEqual(1);
  });

  test('that breaks before or after it keeps a chunk gets each chunk once', async () => {
    const random = spreadFrom(7);
    store.behave = () => {
      const drawn = random();
      return drawn < 0.2 ? 'BreakBefore' : drawn < 0.4 ? 'BreakAfter' : 'Answer';
    };
    const gate = new Gate({ chunkBytesMax: 300 }).startUplink();
    recordSessions(gate, ['a', 'b'], 20);
    await gate.drained();
    expect(store.alarms).toEqual([]);
    expect(store.statuses.get(Status.DUPLICATE)).toBeGreaterThan(0);
    for (const name of ['a', 'b']) expect(verdictOf(name)).toMatchObject({ kind: 'Complete', lastSequence: 22 });
  });

  test('that does not answer slows no commit, and gets everything when it does', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    store.behave = () => promise;
    const gate = new Gate().startUplink();
    recordSessions(gate, ['a'], 500);
    expect(store.sessions.size).toBe(0);
    resolve();
    await gate.drained();
    expect(verdictOf('a')).toMatchObject({ kind: 'Complete', lastSequence: 502 });
  });

  test('that is full is asked again until it takes it', async () => {
    let refusals = 5;
    store.behave = () => {
      refusals -= 1;
      return refusals > 0 ? Status.PUSH_BACK : 'Answer';
    };
    const gate = new Gate().startUplink();
    recordSessions(gate, ['a', 'b'], 5);
    await gate.drained();
    const told = gate.notices.map(({ kind }) => kind);
    expect(gate.notices).toContainEqual({ kind: 'StorePushesBack', reason: 'as told' });
    expect(told.at(-1)).toBe('StoreReached');
    for (const name of ['a', 'b']) expect(verdictOf(name)).toMatchObject({ kind: 'Complete' });
  });

  test('that is silent too long is left for a new stream', async () => {
    let silent = true;
    store.behave = () => {
      if (!silent) return 'Answer';
      silent = false;
      return new Promise(() => {});
    };
    const gate = new Gate({ ackWaitMs: 1 }).startUplink();
    recordSessions(gate, ['a'], 2);
    await gate.noticed('StoreLost');
    await gate.drained();
    expect(verdictOf('a')).toMatchObject({ kind: 'Complete' });
  });

  test.each([
    ['a fork', Status.FORK],
    ['a gap', Status.GAP],
    ['an invalid chunk', Status.INVALID],
  ])('that calls one session %s gets all the others, and that one is set aside', async (_name, status) => {
    store.behave = ({ sessionId }) => (sessionId === 'bad' ? status : 'Answer');
    const gate = new Gate().startUplink();
    recordSessions(gate, ['good', 'bad'], 30);
    await gate.drained();
    expect(verdictOf('good')).toMatchObject({ kind: 'Complete' });
    expect(gate.notices).toContainEqual({ kind: 'SessionRefused', sessionId: 'bad', reason: 'as told' });
    expect(readdirSync(join(folder, 'aside'))).toEqual(['bad.chunks']);
    expect(segments().length).toBeLessThanOrEqual(1);
  });

  test('that refuses a session for which there is no room aside leaves it in the spool', async () => {
    store.behave = ({ sessionId }) => (sessionId === 'bad' ? Status.FORK : 'Answer');
    const gate = new Gate({ asideBytesMax: 10 }).startUplink();
    recordSessions(gate, ['bad'], 30);
    await gate.noticed('SessionRefused');
    recordSessions(gate, ['good'], 3);
    await turnsUntil(() => verdictOf('good').kind === 'Complete');
    expect(readdirSync(folder)).not.toContain('aside');
    expect(segments().length).toBeGreaterThan(1);
  });
});

test('a gate without sessions hears whether the store is there, and hears it again after it was gone', async () => {
  store.behave = () => 'BreakBefore';
  const gate = new Gate().startUplink();
  await gate.noticed('StoreLost');
  store.behave = () => 'Answer';
  await gate.noticed('StoreReached');
  await gate.stop();
  expect(store.sessions.size).toBe(0);
  expect(store.alarms).toEqual([]);
});

describe('a gate that is started again', () => {
  test.each([
    ['in the same chunk, although more could be sent by now', 'BreakBefore'],
    ['not again, where the store has it', 'BreakAfter'],
  ] as const)('sends what was in flight %s', async (_name, behaviour) => {
    // Not at the question whether the store is there, which comes before there is a session.
    store.behave = ({ sessionId }) => (sessionId === '' ? 'Answer' : behaviour);
    const first = new Gate().startUplink();
    const record = first.spool.open(opened('s'), 'Spool');
    first.commit();
    await first.noticed('StoreLost');
    record.append(remark('more'));
    first.commit();
    await first.stop();
    store.behave = () => 'Answer';
    await new Gate().startUplink().drained();
    expect(store.alarms).toEqual([]);
    expect(store.statuses.has(Status.RECUT)).toBe(false);
    expect(store.statuses.has(Status.DUPLICATE)).toBe(false);
    expect(kindsOf('s')).toEqual(['Opened', 'Remark', 'Closed']);
    expect(chunksOf('s')).toHaveLength(2);
    expect(verdictOf('s')).toMatchObject({ kind: 'Complete' });
  });

  test.each([
    ['has everything yet', 0],
    ['has deleted what was acknowledged', 60],
  ])('without its progress goes on where the store is, when it %s', async (_name, rounds) => {
    const first = new Gate({ chunkBytesMax: 400 }).startUplink();
    const record = first.spool.open(opened('s'), 'Spool');
    record.append(remark('one'));
    first.commit();
    for (let round = 0; round < rounds; round += 1) {
      record.append(answer(100));
      first.commit();
    }
    await first.drained();
    await first.stop();
    unlinkSync(join(folder, 'progress'));
    await new Gate().startUplink().drained();
    expect(store.alarms).toEqual([]);
    expect(kindsOf('s').slice(0, 2)).toEqual(['Opened', 'Remark']);
    expect(kindsOf('s')).toHaveLength(rounds + 3);
    expect(verdictOf('s').kind).toBe('Complete');
  });

  test('says which segment is damaged, keeps it aside, and sends what can be read', async () => {
    const first = new Gate();
    first.spool.open(opened('a'), 'Spool').append(closed);
    first.commit();
    for (const name of ['b', 'c']) {
      const record = first.spool.open(opened(name), 'Spool');
      // What one commit holds of a session is whole or not there at all.
      first.commit();
      record.append(answer(3000));
      first.commit();
    }
    await first.stop();
    const [damaged = ''] = segments();
    const bytes = readFileSync(join(folder, damaged));
    // In the answer of `b`: `a` stands before it, `c` in the next segment.
    bytes[bytes.length - 5] = 0xff;
    writeFileSync(join(folder, damaged), bytes);
    const next = new Gate().startUplink();
    await next.drained();
    expect(next.notices).toContainEqual({ kind: 'SegmentDamaged', segment: 1, bytes: expect.any(Number) });
    expect(readdirSync(join(folder, 'aside'))).toContain(damaged);
    expect(verdictOf('a')).toMatchObject({ kind: 'Complete' });
    expect(verdictOf('c')).toMatchObject({ kind: 'Complete' });
    expect(kindsOf('b')).toEqual(['Opened', 'Closed']);
  });

  test('reads past what the store has, more than memory takes, to what it lacks', async () => {
    store.behave = ({ sessionId }) => (sessionId === 'late' ? new Promise(() => {}) : 'Answer');
    const first = new Gate().startUplink();
    const early = first.spool.open(opened('early'), 'Spool');
    for (let count = 0; count < 50; count += 1) early.append(answer(100));
    const late = first.spool.open(opened('late'), 'Spool');
    first.commit();
    late.append(remark('more'));
    first.commit();
    await turnsUntil(() => readProgress(folder).get('early')?.acked === 51);
    await first.stop();
    store.behave = () => 'Answer';
    new Gate({ memoryBytesMax: 200 }).startUplink();
    await turnsUntil(() => verdictOf('early').kind === 'Complete' && verdictOf('late').kind === 'Complete');
    expect(store.alarms).toEqual([]);
    expect(kindsOf('late')).toEqual(['Opened', 'Remark', 'Closed']);
  });

  test('ends a session of which nothing is left in the spool, once', async () => {
    const first = new Gate().startUplink();
    first.spool.open(opened('s'), 'Spool').append(answer(5000));
    first.commit();
    await first.drained();
    expect(segments()).toEqual([]);
    await first.stop();
    for (let start = 0; start < 3; start += 1) {
      const next = new Gate().startUplink();
      await next.drained();
      await next.stop();
    }
    expect(store.alarms).toEqual([]);
    expect(kindsOf('s')).toEqual(['Opened', 'AnswerPart', 'Closed']);
  });
});

describe('a Central commit', () => {
  test('settles when the store has it, not before, and a Spool commit needs no answer', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    store.behave = () => promise;
    const gate = new Gate().startUplink();
    const spooled = gate.spool.open(opened('spool'), 'Spool');
    gate.commit();
    expect(spooled.stored).toBeUndefined();
    const record = gate.spool.open(opened('central'), 'Central');
    record.append(answer(10));
    gate.commit();
    if (record.stored === undefined) throw new Error('a promise was expected');
    const order: string[] = [];
    const settled = record.stored.then((result) => order.push(result.ok ? 'stored' : result.fault.code));
    order.push('store answers');
    resolve();
    await settled;
    expect(order).toEqual(['store answers', 'stored']);
    expect(kindsOf('central')).toEqual(['Opened', 'AnswerPart']);
  });

  test('ends in a fault when the store refuses the session', async () => {
    store.behave = () => Status.FORK;
    const gate = new Gate().startUplink();
    const record = gate.spool.open(opened('s'), 'Central');
    gate.commit();
    expect(await record.stored).toMatchObject({ ok: false, fault: { code: 'StoreUnavailable' } });
    record.append(remark('later'));
    gate.commit();
    expect(await record.stored).toMatchObject({ ok: false, fault: { code: 'StoreUnavailable' } });
  });

  test('can be asked for, and no longer, while the session runs', async () => {
    const gate = new Gate().startUplink();
    const record = gate.spool.open(opened('s'), 'Spool');
    record.require('Central');
    record.append(remark('central'));
    gate.commit();
    const { stored } = record;
    expect(await stored).toEqual({ ok: true, value: undefined });
    record.require('Spool');
    record.append(remark('spool'));
    gate.commit();
    expect(record.stored).toBe(stored);
  });
});
