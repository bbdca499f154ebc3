import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import type { Stored } from '../recorder.ts';
import { FakeStore } from '../uplink/fake-store.ts';
import { DEADLINE_MS, OneThreadGate, turnsUntil } from '../uplink/one-thread-gate.ts';
import { Outbox } from './outbox.ts';
import { Turn } from './turn.ts';
import type { Wires } from './wires.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
let store: FakeStore;
let gate: OneThreadGate;
let turn: Turn;
/** What crossed, and who was told that nothing may. */
let crossed: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-central-'));
  store = new FakeStore();
  gate = new OneThreadGate({ folder, store }).startUplink();
  turn = new Turn(gate.spool);
  crossed = [];
});
afterEach(async () => {
  await gate.stop();
  rmSync(folder, { recursive: true });
});

/** A session of durability Central: what it records, and what it sends. */
function open(sessionId: string) {
  const note = (bytes: Uint8Array) => void crossed.push(`${sessionId}: ${Buffer.from(bytes).toString()}`);
  const nothing = () => {};
  const wires: Wires = {
    sendAgent: note,
    sendTarget: note,
    cork: nothing,
    uncork: nothing,
    startAgentTls: nothing,
    startTargetTls: nothing,
    dialTarget: nothing,
    holdReading: () => void crossed.push(`${sessionId} is not read`),
    holdAgent: nothing,
    isAgentUnread: false,
    unsentBytes: 0,
    resumeAgent: nothing,
    resumeReading: () => void crossed.push(`${sessionId} is read`),
    close: nothing,
    sendCancel: nothing,
  };
  const outbox = new Outbox(turn, wires, ({ message }) => void crossed.push(`${sessionId} refused: ${message}`));
  const record = gate.spool.open(sampleOpened({ sessionId }), 'Central');
  outbox.central = record;
  return {
    outbox,
    /** Recorded before it is sent. */
    command: (text: string) => {
      record.append({ kind: 'Remark', atUs: 2, code: 'C', text });
      outbox.toTarget(Buffer.from(text));
    },
  };
}

/** Everybody gets some turns of the event loop. */
async function turns(): Promise<void> {
  for (let count = 0; count < 10; count += 1) await new Promise((turned) => void setImmediate(turned));
}

test('a session that the store refuses ends alone: those of its commit go on when the store has them', async () => {
  store.behave = ({ sessionId }) => (sessionId === 'bad' ? Status.FORK : 'Answer');
  for (const session of [open('good'), open('bad'), open('other')]) session.command('one');
  await turnsUntil(() => crossed.length === 3);
  expect(crossed.toSorted()).toEqual(['bad refused: as told', 'good: one', 'other: one']);
});

test('a session whose records the store has does not wait for another of its commit', async () => {
  store.behave = ({ sessionId }) => (sessionId === 'late' ? new Promise(() => {}) : 'Answer');
  // The answers of a stream come in order.
  for (const session of [open('good'), open('late')]) session.command('one');
  await turnsUntil(() => crossed.length === 1);
  expect(crossed).toEqual(['good: one']);
});

test('nothing crosses of a session that was refused, also where the store has what followed', async () => {
  const { promise, resolve } = Promise.withResolvers<Awaited<Stored>>();
  const { outbox, command } = open('late');
  outbox.central = { stored: promise };
  command('one');
  await turns();
  outbox.central = { stored: Promise.resolve(ok(undefined)) };
  command('two');
  await turns();
  resolve(fail({ code: 'StoreUnavailable', message: 'too late' }));
  await turns();
  expect(crossed).toEqual(['late refused: too late']);
});

test('a session of which much waits for the store is not read until the store has it', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.behave = () => promise;
  const { outbox, command } = open('s');
  const MIB = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 4; count += 1) {
    command('x');
    outbox.toTarget(MIB.subarray(1));
    await turns();
  }
  expect(crossed).toEqual([]);
  command('y');
  await turns();
  expect(crossed).toEqual(['s is not read']);
  command('z');
  await turns();
  expect(crossed).toEqual(['s is not read']);
  resolve();
  await turnsUntil(() => crossed.includes('s: z'));
  expect(crossed.filter((line) => line.endsWith(' read'))).toEqual(['s is not read', 's is read']);
});

test('the store is waited for whoever wrote the records', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.behave = () => promise;
  open('s').command('one');
  gate.commit();
  await turns();
  expect(crossed).toEqual([]);
  resolve();
  await turnsUntil(() => crossed.length > 0);
  expect(crossed).toEqual(['s: one']);
});
