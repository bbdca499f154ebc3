import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SealedChunk } from '@sidegate/session';
import { SampleSession } from '../testing/sample-session.ts';
import { EVERYTHING, record, StoreBench } from '../testing/store-bench.ts';
import type { SessionFilter } from './session-query.ts';

/** Two sessions with so many each are more than are searched at once. */
const COMMANDS = 12_000;

let bench: StoreBench;

beforeEach(() => {
  bench = new StoreBench();
});
afterEach(() => bench.discard());

describe('the index', () => {
  test.each<[string, Partial<SessionFilter>, string[]]>([
    ['nothing asked', {}, ['s2', 's1']],
    ['a target by name', { target: 'orders-db' }, ['s1']],
    ['a target by full name', { target: 'data/orders-db' }, ['s1']],
    ['a target of another namespace', { target: 'other/orders-db' }, []],
    ['a subject', { subject: 'otto' }, ['s2']],
    ['an agent', { agent: 'support-bot' }, ['s1']],
    ['a run', { run: 'run-2' }, ['s2']],
    ['a decision', { decision: 'Deny' }, ['s2']],
    ['what was allowed', { decision: 'Allow' }, ['s2', 's1']],
    ['words of a command', { text: 'drop orders' }, ['s2']],
    ['words that stand in two commands', { text: 'drop select' }, []],
    ['words and a decision of the same command', { text: 'select', decision: 'Deny' }, []],
    ['a beginning of a word', { text: 'sele*' }, ['s2', 's1']],
    ['since, after s1 ended', { sinceUs: 5_000_000 }, ['s2']],
    ['until, before s2 began', { untilUs: 5_000_000 }, ['s1']],
    ['open', { open: true }, ['s2']],
    ['closed', { open: false }, ['s1']],
  ])('answers %s', async (_name, filter, ids) => {
    await bench.open();
    await bench.offerAll(record('s1').whole());
    const two = new SampleSession('s2', { atUs: 9_000_000 });
    const verified = { ...two.opened().verified, subject: 'otto' };
    const opened = two.opened({
      verified,
      target: { namespace: 'data', name: 'users-db', host: 'users', port: 5432 },
      claimed: { agent: 'other', run: 'run-2' },
    });
    await bench.offerAll([
      two.chunk(opened),
      two.chunk(...two.command(1, 'select 1')),
      two.chunk(two.judged(2, 'DROP TABLE orders', { decision: 'Deny' })),
    ]);
    expect(await bench.sessionIds(filter)).toEqual(ids);
  });

  test('goes through sessions page by page', async () => {
    await bench.open();
    for (const [at, id] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await bench.offerAll(record(id, 0, { atUs: Math.floor(at / 2) * 1_000_000 }).chunks);
    }
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await bench.store.query.sessions(EVERYTHING, 2, cursor);
      if (!page.ok) throw new Error(page.fault.message);
      seen.push(...page.value.sessions.map(({ sessionId }) => sessionId));
      cursor = page.value.next;
      if (cursor === '') break;
    }
    expect(seen).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(await bench.store.query.sessions(EVERYTHING, 2, 'nonsense')).toMatchObject({
      ok: false,
      fault: { code: 'BadCursor' },
    });
  });

  test('keeps how a held command was decided, and that it was held', async () => {
    await bench.open();
    const session = new SampleSession('s1');
    const decidedBy = [{ user: 'dora', decision: 'Approve', reason: 'fine', atUs: 1 }];
    await bench.offerAll([
      session.chunk(session.opened(), session.judged(1, 'delete from orders', { decision: 'RequireApproval' })),
      session.chunk(
        { kind: 'HoldEnded', atUs: 2, commandId: 1, approvalId: 'a1', outcome: 'Approved', decidedBy, reason: '' },
        session.judged(1, 'delete from orders'),
      ),
    ]);
    expect(bench.store.query.session('s1')).toMatchObject({ commands: 1, held: 1, denied: 0 });
    expect(bench.store.query.commands('s1', 0, 10).commands).toMatchObject([
      { decision: 'RequireApproval', hold: 'Approved', decidedBy: ['dora: Approve, fine'] },
    ]);
  });

  test('finds bind values and objects, and treats operators as words', async () => {
    await bench.open();
    const session = new SampleSession('s1');
    await bench.offerAll([
      session.chunk(session.opened()),
      session.chunk(...session.command(1, 'select * from t where a = $1', { binds: ['anna@example.org'] })),
    ]);
    for (const [text, count] of [
      ['anna@example.org', 1],
      ['"from t where"', 1],
      ['"where t from"', 0],
      ['public.orders', 1],
      ['select AND NOT', 0],
      ['sel" OR "x', 0],
    ] as const) {
      const found = await bench.store.query.search(text, EVERYTHING, 10);
      expect([text, found.ok && found.value.commands.length]).toEqual([text, count]);
    }
    expect(await bench.store.query.search('***', EVERYTHING, 10)).toMatchObject({
      ok: false,
      fault: { code: 'BadText' },
    });
  });

  test('is searched part by part, and what is newest comes first wherever it stands', async () => {
    await bench.open();
    // The one that came last is the oldest: its gate was away. One word stands in all commands, others in one of 1,000.
    for (const [id, atUs] of [
      ['new', 3_000_000_000],
      ['old', 1_000_000],
    ] as const) {
      const session = new SampleSession(id, { atUs });
      const chunks = [session.chunk(session.opened({ claimed: { agent: id } }))];
      for (let first = 1; first <= COMMANDS; first += 500) {
        const ids = Array.from({ length: 500 }, (_, at) => first + at);
        const text = (command: number) => `select ${id}${command % 1000} from orders`;
        chunks.push(session.chunk(...ids.flatMap((command) => session.command(command, text(command)))));
      }
      await bench.offerAll(chunks);
    }
    let turns = 0;
    const search = { isOver: false };
    const { query } = bench.store;
    const searching = query.search('orders', EVERYTHING, 3).finally(() => {
      search.isOver = true;
    });
    for (; !search.isOver; turns += 1) await setImmediate();
    expect(turns).toBeGreaterThanOrEqual(2);
    const shown = (found: Awaited<typeof searching>) =>
      found.ok && [
        ...found.value.commands.map(({ sessionId, commandId }) => `${sessionId} ${commandId}`),
        found.value.more,
      ];
    const last = [`new ${COMMANDS}`, `new ${COMMANDS - 1}`, `new ${COMMANDS - 2}`, true];
    expect(shown(await searching)).toEqual(last);
    expect(shown(await query.search('old7', EVERYTHING, 3))).toEqual(['old 11007', 'old 10007', 'old 9007', true]);
    expect(shown(await query.search('new7', EVERYTHING, 100))).toHaveLength(COMMANDS / 1000 + 1);
    expect(shown(await query.search('orders', { ...EVERYTHING, agent: 'old' }, 1))).toEqual([`old ${COMMANDS}`, true]);
    expect(shown(await query.search('orders', { ...EVERYTHING, text: 'old3' }, 1))).toEqual([`old ${COMMANDS}`, true]);
    expect(await bench.sessionIds({ text: 'orders' })).toEqual(['new', 'old']);
    expect(await bench.sessionIds({ text: 'old7' })).toEqual(['old']);
    expect(await bench.sessionIds({ text: 'old7', decision: 'Deny' })).toEqual([]);
    const stopped = await query.search('orders', EVERYTHING, 3, AbortSignal.abort());
    expect(shown(stopped)).toEqual([false]);
  });

  test('shows sessions that hold words from behind a thousand that hold none', async () => {
    await bench.open();
    await bench.offerAll(record('oldest', 1).chunks);
    for (let at = 1; at <= 1_005; at += 1) await bench.offer(opening(`s${at}`, at));
    expect(await bench.sessionIds({ text: 'orders' })).toEqual(['oldest']);
  });
});

function opening(sessionId: string, second: number): SealedChunk {
  const session = new SampleSession(sessionId, { atUs: second * 2_000_000 });
  return session.chunk(session.opened());
}
