import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { decodeEvent, type SessionEvent, verifySession } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import type { SessionRecord } from '../recorder.ts';
import { type Behaviour, FakeStore } from './fake-store.ts';
import { DEADLINE_MS, OneThreadGate, type OneThreadGateOptions, turnsUntil } from './one-thread-gate.ts';
import { spreadFrom } from './spread.ts';

jest.setTimeout(5 * DEADLINE_MS);

/** Walks that are taken, each from its own seed. `SURVIVAL_SEED` and `SURVIVAL_WALKS` take others. */
const FIRST_SEED = Number(process.env['SURVIVAL_SEED'] ?? 1);
const WALKS = Number(process.env['SURVIVAL_WALKS'] ?? 40);
const STEPS = 60;

interface Live {
  readonly record: SessionRecord;
  readonly sessionId: string;
}

/** One gate after another in one folder, a store that does what it likes, and what was said to be recorded. */
class Walk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sidegate-survival-'));
  readonly #store = new FakeStore();
  readonly #random: () => number;
  readonly #recorded = new Map<string, string[]>();
  readonly #gathered: (readonly [sessionId: string, line: string])[] = [];
  readonly #steps: string[] = [];
  readonly #options: OneThreadGateOptions;
  #gate: OneThreadGate;
  #live: Live[] = [];
  #count = 0;
  #nowMs = 0;
  #hung: () => void = () => {};

  constructor(seed: number) {
    this.#random = spreadFrom(seed);
    this.#options = {
      folder: this.#folder,
      store: this.#store,
      limits: {
        chunkBytesMax: this.#one([150, 600, 5000]),
        memoryBytesMax: this.#one([300, 3000, 100_000]),
        inFlightMax: this.#one([1, 2, 32]),
        chunkWaitMs: this.#one([0, 20]),
      },
      spoolLimits: {
        segmentBytesMax: this.#one([1, 400, 2000, 20_000]),
        spoolBytesMax: this.#one([3000, 12_000, 10_000_000]),
        roomCheckMs: 0,
      },
      // Time passes between any two looks at it, and often none.
      nowMs: () => (this.#nowMs += this.#one([0, 0, 1, 40])),
    };
    this.#gate = new OneThreadGate(this.#options).startUplink();
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) await this.#step();
    this.#store.behave = () => 'Answer';
    this.#hung();
    for (const live of this.#live) this.#append(live, { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' });
    await this.#commit();
    await this.#stored();
    // Whoever comes last finds nothing that is not stored, and leaves nothing.
    await this.#restart();
    await this.#gate.drained();
    expect({ files: this.#segments(), bytes: this.#gate.spool.bytes }).toEqual({ files: [], bytes: 0 });
    await this.#gate.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** Nobody asks for it: what is recorded must go by itself. */
  async #stored(): Promise<void> {
    try {
      await turnsUntil(() =>
        [...this.#recorded].every(([sessionId, lines]) => this.#lines(sessionId).length >= lines.length),
      );
    } catch (error) {
      throw new Error(`It does not come: ${this.#steps.join(', ')}`, { cause: error });
    }
    expect(this.#store.alarms).toEqual([]);
    for (const [sessionId, lines] of this.#recorded) {
      expect(this.#lines(sessionId)).toEqual(lines);
      expect(verifySession(this.#store.sessions.get(sessionId)?.chunks ?? [], sessionId).kind).toBe('Complete');
    }
  }

  async #step(): Promise<void> {
    const drawn = this.#random();
    if (drawn < 0.15) this.#open();
    else if (drawn < 0.5) this.#append(this.#any(), this.#event());
    else if (drawn < 0.55) this.#close();
    else if (drawn < 0.75) await this.#commit();
    else if (drawn < 0.88) await this.#turns();
    else if (drawn < 0.95) this.#change();
    else if (drawn < 0.98) await this.#restart();
    else this.#startUplink();
  }

  #startUplink(): void {
    this.#gate.startUplink();
    this.#steps.push('uplink');
  }

  #open(): void {
    const sessionId = `s${(this.#count += 1)}`;
    const opened = sampleOpened({ sessionId });
    this.#live.push({ record: this.#gate.spool.open(opened, 'Spool'), sessionId });
    this.#gathered.push([sessionId, 'Opened']);
    this.#steps.push('open');
  }

  #event(): Exclude<SessionEvent, { kind: 'Opened' | 'Closed' }> {
    const size = this.#one([1, 30, 200, 1000]);
    if (this.#random() < 0.4) return { kind: 'Remark', atUs: 2, code: 'C', text: `${this.#gathered.length}` };
    return { kind: 'AnswerPart', atUs: 2, commandId: 1, bytes: new Uint8Array(size).fill(size) };
  }

  #append(live: Live | undefined, event: Exclude<SessionEvent, { kind: 'Opened' }>): void {
    if (live === undefined) return;
    live.record.append(event);
    this.#gathered.push([live.sessionId, lineOf(event)]);
    this.#steps.push('append');
  }

  #close(): void {
    const live = this.#any();
    this.#append(live, { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' });
    this.#live = this.#live.filter((one) => one !== live);
  }

  /** A spool that is full gets room by itself once the store takes what is in it. */
  async #commit(): Promise<void> {
    while (!this.#gate.spool.commit().ok) {
      this.#steps.push('no room');
      this.#hung();
      this.#store.behave = () => 'Answer';
      const signal = AbortSignal.timeout(DEADLINE_MS);
      await this.#gate.spool.roomAgain(signal);
      if (signal.aborted) throw new Error(`No room comes: ${this.#steps.join(', ')}`);
    }
    this.#record();
    this.#steps.push('commit');
  }

  #record(): void {
    for (const [sessionId, line] of this.#gathered.splice(0)) {
      const lines = this.#recorded.get(sessionId) ?? [];
      this.#recorded.set(sessionId, [...lines, line]);
    }
  }

  async #turns(): Promise<void> {
    const count = this.#one([1, 3, 20]);
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    this.#steps.push(`turns ${count}`);
  }

  /** Hangs end with the next change: what the store was given meanwhile may reach it after the gate that sent it is gone. */
  #change(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const faults: Record<string, Behaviour> = {
      answer: () => 'Answer',
      break: () => this.#one(['Answer', 'BreakBefore', 'BreakAfter']),
      full: () => this.#one(['Answer', Status.PUSH_BACK]),
      hang: () => promise,
    };
    const [name, behave] = this.#one(Object.entries(faults));
    this.#hung();
    this.#hung = resolve;
    this.#store.behave = behave;
    this.#steps.push(name);
  }

  /** What is gathered is written with the end of a gate if there is room; what is open in the spool is closed by the next one. */
  async #restart(): Promise<void> {
    if (this.#gate.spool.commit().ok) this.#record();
    this.#gathered.length = 0;
    await this.#gate.stop();
    for (const [sessionId, lines] of this.#recorded) {
      if (lines.at(-1) !== 'Closed') this.#gathered.push([sessionId, 'Closed']);
    }
    this.#live = [];
    this.#gate = new OneThreadGate(this.#options).startUplink();
    this.#steps.push('restart');
    await this.#commit();
  }

  #lines(sessionId: string): readonly string[] {
    return (this.#store.sessions.get(sessionId)?.events ?? []).map((bytes) => {
      const decoded = decodeEvent(bytes);
      return decoded.ok ? lineOf(decoded.value.event) : decoded.fault.message;
    });
  }

  #segments(): readonly string[] {
    return readdirSync(this.#folder).filter((name) => name.endsWith('.spool'));
  }

  #any(): Live | undefined {
    return this.#live[Math.floor(this.#random() * this.#live.length)];
  }

  #one<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}

function lineOf(event: SessionEvent): string {
  if (event.kind === 'Remark') return `Remark ${event.text}`;
  return event.kind === 'AnswerPart' ? `AnswerPart ${event.bytes.length}` : event.kind;
}

test.each(Array.from({ length: WALKS }, (_, walk) => FIRST_SEED + walk))(
  'what was recorded is stored once and in order, and leaves the spool, whatever happens between (seed %i)',
  async (seed) => {
    await new Walk(seed).run();
  },
);
