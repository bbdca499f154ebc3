import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeEvent } from '@sidegate/session';
import { ProgressJournal } from '../spool/progress.ts';
import { FLAG } from '../spool/segment.ts';
import { KnownSessions } from './known-sessions.ts';
import type { SessionQueue } from './session-queue.ts';
import { SpareMemory } from './spare-memory.ts';

let folder: string;
let journal: ProgressJournal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-known-'));
  journal = new ProgressJournal(folder, new Map());
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const CLOSED = Buffer.from(encodeEvent(1, { kind: 'Closed', atUs: 1, code: 'AgentLeft', reason: '' }));

/** A session that is over, and of which no segment is left. */
function over(known: KnownSessions, sessionId: string, openedIn: number): SessionQueue {
  const queue = known.of(sessionId, 'g');
  queue.openedIn = openedIn;
  queue.add({ sequence: 1, flags: FLAG.Closes, event: CLOSED }, 0);
  queue.acknowledge(1, new Uint8Array());
  journal.write(queue.progress());
  return queue;
}

const names = (known: KnownSessions) => [...known.all].map(({ sessionId }) => sessionId);
const deleted = (number: number, sessions: readonly SessionQueue[]) => ({
  number,
  bytes: 1,
  sessions: new Set(sessions),
});

test('a session that may be in a segment of before is known for as long as that is there; a younger one is not', () => {
  const known = new KnownSessions(journal, new SpareMemory(0), [3]);
  const queues = [over(known, 'old', 0), over(known, 'same', 3), over(known, 'young', 4)];
  known.deleted(deleted(4, queues));
  expect(names(known)).toEqual(['old', 'same']);
  expect([...journal.sessions.keys()]).toEqual(['old', 'same']);
  known.deleted(deleted(3, []));
  expect([names(known), journal.sessions.size]).toEqual([[], 0]);
});

test('a segment that cannot be read may hold any session that began before its end', () => {
  const known = new KnownSessions(journal, new SpareMemory(0), []);
  known.deleted(deleted(1, []));
  known.unreadable(5);
  const queues = [over(known, 'old', 2), over(known, 'same', 5), over(known, 'young', 6)];
  known.deleted(deleted(6, queues));
  expect(names(known)).toEqual(['old', 'same']);
  known.deleted(deleted(5, []));
  expect([names(known), journal.sessions.size]).toEqual([[], 0]);
});

test('one that is not over is not forgotten, nor one of which a segment is left', () => {
  const known = new KnownSessions(journal, new SpareMemory(0), []);
  const open = known.of('open', 'g');
  const left = over(known, 'left', 1);
  left.segments = 1;
  known.deleted(deleted(1, [open, left]));
  expect(names(known)).toEqual(['open', 'left']);
});
