import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { decodeEvent, type SessionEvent, verifySession } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import type { SessionRecord } from '../recorder.ts';
import { BadDisk } from '../spool/bad-disk.ts';
import { segmentNumber } from '../spool/segment.ts';
import { AsideReader } from './aside-reader.ts';
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

/** One gate after another in one folder, a store and a disk that do what they like, and what was said to be recorded. */
class Walk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sidegate-survival-'));
  readonly #store = new FakeStore();
  readonly #disk = new BadDisk();
  /** Sessions that the store will not take from some moment on. */
  readonly #refused = new Set<string>();
  /** What of them was aside when somebody looked, by session and sequence. */
  readonly #aside = new AsideReader(this.#folder);
  readonly #records = new Map<string, SessionRecord>();
  /** What was said to be stored and was not. */
  readonly #lies: string[] = [];
  readonly #random: () => number;
  readonly #recorded = new Map<string, string[]>();
  readonly #gathered: (readonly [sessionId: string, line: string])[] = [];
  readonly #steps: string[] = [];
  #options: OneThreadGateOptions;
  #gate: OneThreadGate;
  #behave: Behaviour = () => 'Answer';
  #live: Live[] = [];
  #count = 0;
  /** The last commit of this gate failed. */
  #faulted = false;
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
        againMsMax: this.#one([0, 40]),
        asideBytesMax: this.#one([400, 3000, 1_000_000]),
      },
      files: this.#disk.files,
      spoolLimits: {
        segmentBytesMax: this.#one([1, 400, 2000, 20_000]),
        spoolBytesMax: this.#one([3000, 12_000, 10_000_000]),
        roomCheckMs: 0,
      },
      // Time passes between any two looks at it, and often none.
      nowMs: () => (this.#nowMs += this.#one([0, 0, 1, 40])),
    };
    this.#store.behave = (request) => (this.#refused.has(request.sessionId) ? Status.FORK : this.#behave(request));
    this.#gate = this.#start();
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) await this.#step();
    this.#mend();
    while (this.#live.length > 0) this.#close();
    await this.#commit();
    await this.#stored();
    // A gate that can read everything ends all that was open.
    this.#options = { ...this.#options, limits: { ...this.#options.limits, asideBytesMax: 1_000_000_000 } };
    await this.#restart();
    await this.#commit();
    await this.#stored();
    for (const lines of this.#recorded.values()) expect(lines.at(-1)).toBe('Closed');
    // Whoever comes last finds nothing that is not stored or aside, and leaves nothing.
    await this.#restart();
    await this.#gate.drained();
    this.#checkRefused();
    expect({ files: this.#segments(), bytes: this.#gate.spool.bytes }).toEqual({ files: [], bytes: 0 });
    await this.#gate.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** Nobody asks for it: what is recorded must go by itself. */
  async #stored(): Promise<void> {
    try {
      await turnsUntil(() =>
        this.#taken().every(([sessionId, lines]) => this.#lines(sessionId).length >= lines.length),
      );
    } catch (error) {
      throw new Error(`It does not come: ${this.#steps.join(', ')}`, { cause: error });
    }
    expect([this.#store.alarms, this.#lies]).toEqual([[], []]);
    for (const [sessionId, lines] of this.#taken()) {
      expect(this.#lines(sessionId)).toEqual(lines);
      // One that was open when a segment could not be read is ended by a gate that can read it.
      const kind = lines.at(-1) === 'Closed' ? 'Complete' : 'Open';
      expect(verifySession(this.#store.sessions.get(sessionId)?.chunks ?? [], sessionId).kind).toBe(kind);
    }
  }

  /** What was recorded of sessions that the store takes. */
  #taken(): readonly (readonly [sessionId: string, lines: readonly string[]])[] {
    return [...this.#recorded].filter(([sessionId]) => !this.#refused.has(sessionId));
  }

  /** What the store had not taken when it refused a session is aside, to the last event. */
  #checkRefused(): void {
    this.#aside.take();
    for (const sessionId of this.#refused) {
      const lines = this.#recorded.get(sessionId) ?? [];
      const stored = this.#lines(sessionId);
      const aside = this.#aside.events(sessionId);
      const found = lines.map((_line, index) => stored[index] ?? lineAt(aside.get(index + 1)));
      expect(found).toEqual(lines);
      for (const [sequence, event] of aside) expect(lineAt(event)).toBe(lines[sequence - 1]);
    }
  }

  async #step(): Promise<void> {
    const drawn = this.#random();
    if (drawn < 0.15) this.#open();
    else if (drawn < 0.5) this.#append(this.#any(), this.#event());
    else if (drawn < 0.55) this.#close();
    else if (drawn < 0.75) await this.#commit();
    else if (drawn < 0.88) await this.#turns();
    else if (drawn < 0.93) this.#change();
    else if (drawn < 0.96) this.#changeDisk();
    else if (drawn < 0.97) this.#refuse();
    else if (drawn < 0.99) await this.#restart();
    else this.#startUplink();
  }

  #startUplink(): void {
    this.#gate.startUplink();
    this.#steps.push('uplink');
  }

  #open(): void {
    const sessionId = `s${(this.#count += 1)}`;
    const opened = sampleOpened({ sessionId });
    const record = this.#gate.spool.open(opened, this.#one(['Spool', 'Central']));
    this.#live.push({ record, sessionId });
    this.#records.set(sessionId, record);
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
    // What is over before anything of it could be written never happened.
    if (live === undefined || !this.#faulted || this.#recorded.has(live.sessionId)) return;
    const left = this.#gathered.filter(([sessionId]) => sessionId !== live.sessionId);
    this.#gathered.splice(0, this.#gathered.length, ...left);
  }

  /** A spool that is full gets room by itself once the store takes what is in it, and people look at what it does not take. */
  async #commit(): Promise<void> {
    this.#steps.push('commit');
    if (this.#gate.spool.commit().ok) return;
    this.#steps.push('no room');
    this.#mend();
    try {
      await turnsUntil(() => {
        this.#aside.take();
        return this.#gate.spool.commit().ok;
      });
    } catch (error) {
      throw new Error(`No room comes: ${this.#steps.join(', ')}`, { cause: error });
    }
  }

  /** What was gathered is written, whoever asked for that. */
  #record(): void {
    const counts = new Map<string, number>();
    for (const [sessionId, line] of this.#gathered.splice(0)) {
      const lines = this.#recorded.get(sessionId) ?? [];
      this.#recorded.set(sessionId, [...lines, line]);
      counts.set(sessionId, lines.length + 1);
    }
    for (const [sessionId, count] of counts) {
      void this.#records.get(sessionId)?.stored?.then(({ ok }) => {
        if (ok && this.#lines(sessionId).length < count) this.#lies.push(`${sessionId} ${count}`);
      });
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
    this.#behave = behave;
    this.#steps.push(name);
  }

  /** Some segment cannot be read from some byte on, or all can be again. */
  #changeDisk(): void {
    const segment = segmentNumber(this.#one(this.#segments()) ?? '');
    if (segment === undefined || this.#random() < 0.4) this.#disk.bad.clear();
    else this.#disk.bad.set(segment, this.#one([0, 30, 100, 400, 2000]));
    this.#steps.push(`disk ${[...this.#disk.bad].join(' ')}`);
  }

  #refuse(): void {
    const sessionId = this.#one([...this.#recorded.keys()]);
    if (sessionId !== undefined) this.#refused.add(sessionId);
    this.#steps.push(`refuse ${sessionId}`);
  }

  /** Store and disk do what they should. */
  #mend(): void {
    this.#behave = () => 'Answer';
    this.#hung();
    this.#disk.bad.clear();
  }

  /** What is gathered is written with the end of a gate if there is room; what is open in the spool is closed by the next one. */
  async #restart(): Promise<void> {
    await this.#gate.stop();
    this.#gathered.length = 0;
    this.#live = [];
    this.#records.clear();
    this.#steps.push('restart');
    this.#gate = this.#start();
    // What it could not write at once it writes by itself.
    if (this.#random() < 0.5) await this.#commit();
  }

  #start(): OneThreadGate {
    const gate = new OneThreadGate(this.#options);
    const { spool } = gate;
    const { openSessions, bytes } = spool.leftovers;
    const open = [...this.#recorded].filter(([, lines]) => lines.at(-1) !== 'Closed').map(([sessionId]) => sessionId);
    const closed = openSessions.map(({ sessionId }) => sessionId);
    if (this.#disk.bad.size === 0) expect(closed.toSorted()).toEqual(open.toSorted());
    for (const sessionId of closed) this.#gathered.push([sessionId, 'Closed']);
    this.#faulted = closed.length > 0 && spool.bytes === bytes;
    if (!this.#faulted) this.#record();
    const commit = spool.commit.bind(spool);
    spool.commit = () => {
      const committed = commit();
      this.#faulted = !committed.ok;
      if (committed.ok) this.#record();
      return committed;
    };
    return gate.startUplink();
  }

  #lines(sessionId: string): readonly string[] {
    return (this.#store.sessions.get(sessionId)?.events ?? []).map(lineAt);
  }

  #segments(): readonly string[] {
    return readdirSync(this.#folder).filter((name) => name.endsWith('.spool'));
  }

  #any(): Live | undefined {
    return this.#live[Math.floor(this.#random() * this.#live.length)];
  }

  /** Undefined only of none. */
  #one<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}

function lineAt(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'nothing';
  const decoded = decodeEvent(bytes);
  return decoded.ok ? lineOf(decoded.value.event) : decoded.fault.message;
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
