import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, jest, test } from '@jest/globals';
import { verifySession } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { FakeStore } from './fake-store.ts';
import { DEADLINE_MS, OneThreadGate, type OneThreadGateOptions, turnsUntil } from './one-thread-gate.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
let store: FakeStore;
let gate: OneThreadGate | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-stuck-'));
  store = new FakeStore();
});
afterEach(async () => {
  await gate?.stop();
  gate = undefined;
  rmSync(folder, { recursive: true });
});

function start(options: Partial<OneThreadGateOptions> = {}): OneThreadGate {
  gate = new OneThreadGate({ folder, store, ...options });
  return gate.startUplink();
}

const opened = (sessionId: string) => sampleOpened({ sessionId });
const closed = { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' } as const;

function recordWhole(running: OneThreadGate, sessionId: string): void {
  running.spool.open(opened(sessionId), 'Spool').append(closed);
  running.commit();
}

const verdictOf = (sessionId: string) => verifySession(store.sessions.get(sessionId)?.chunks ?? [], sessionId);

describe('the uplink', () => {
  test('sleeps only when it has asked to be woken, also when its time to look by itself ends within a turn', async () => {
    const times = [0];
    const running = start({ nowMs: () => (times.length > 1 ? times.shift() : times[0]) ?? 0 });
    recordWhole(running, 'a');
    await turnsUntil(() => verdictOf('a').kind === 'Complete');
    // The time when it has read, and when the turn ends: between the two lies what it looks by itself for.
    times.splice(0, 1, 74, 76);
    await turnsUntil(() => times.length === 1);
    recordWhole(running, 'b');
    await turnsUntil(() => verdictOf('b').kind === 'Complete');
  });
});
