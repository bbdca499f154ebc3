import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault, GateAnswer, GateQuestion, ListeningDoor, Snapshot } from '@sidegate/crds';
import { ownerSocketIn } from '../state-folder.ts';
import { GateProcess, type SnapshotReply } from './gate-process.ts';
import { KeptPorts } from './kept-ports.ts';
import { StoreProcess, type StoreReady } from './store-process.ts';

/** How long a program that ended is left alone before it is started again, in milliseconds; doubled each time, up to the most. */
const RESTART_MS = { least: 200, most: 10_000 } as const;
const STOP_TIMEOUT_MS = 15_000;

export type ProgramName = 'gate' | 'store';

export interface SupervisorOptions {
  /** Holds the store's data, the gate's spool and the sockets; for its owner alone. */
  readonly stateFolder: string;
  /** Where agents read by what they know the gate. */
  readonly trustFolder: string;
  readonly programs: Readonly<Record<ProgramName, string>>;
  readonly warn: (message: string) => void;
  /** A program runs now, the first time or again. */
  readonly started: (program: ProgramName, pid: number) => void;
}

export type Applied =
  | { readonly kind: 'Applied'; readonly listeners: readonly ListeningDoor[] }
  | { readonly kind: 'Refused'; readonly faults: readonly Fault[] };

/** Gate and store as two programs, kept running and kept on the newest rules. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #store: StoreProcess | undefined;
  #gate: GateProcess | undefined;
  #storeReady: StoreReady | undefined;
  #applied: Snapshot | undefined;
  #stopping = false;
  readonly #ports = new KeptPorts();
  readonly #pauseMs: Record<ProgramName, number> = { gate: RESTART_MS.least, store: RESTART_MS.least };
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get processIds(): Readonly<Record<ProgramName, number | undefined>> {
    return { gate: this.#gate?.pid, store: this.#store?.pid };
  }

  get ownerSocket(): string | undefined {
    return this.#storeReady?.ownerSocket;
  }

  /** Starts both; false when the store does not come up (it has said why on standard error). */
  async start(): Promise<boolean> {
    const { stateFolder } = this.#options;
    await mkdir(join(stateFolder, 'gate'), { recursive: true, mode: 0o700 });
    await writeFile(this.#tokenFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    if (!(await this.#startStore('127.0.0.1:0'))) return false;
    this.#startGate();
    return true;
  }

  /** Gives the gate new rules; refused ones change nothing. A door on any free port keeps the port it was first given. */
  async apply(snapshot: Snapshot): Promise<Applied> {
    const reply = await this.#give(snapshot);
    if (reply?.kind === 'Ack') {
      this.#applied = snapshot;
      return { kind: 'Applied', listeners: reply.listeners };
    }
    if (reply?.kind === 'Nack') return { kind: 'Refused', faults: reply.faults };
    const message = reply?.kind === 'Fault' ? reply.message : 'The gate ended before it took the rules.';
    return { kind: 'Refused', faults: [{ code: 'GateFailed', message, mend: 'Its own words are on standard error.' }] };
  }

  /** Asks the gate something; undefined while none runs. */
  ask(question: GateQuestion): Promise<GateAnswer | undefined> {
    return this.#gate?.ask(question) ?? Promise.resolve(undefined);
  }

  /** First the gate, so that its last records still find the store. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#gate?.stop(STOP_TIMEOUT_MS);
    await this.#store?.stop(STOP_TIMEOUT_MS);
  }

  async #give(wanted: Snapshot): Promise<SnapshotReply | undefined> {
    const reply = await this.#gate?.apply({ ...wanted, doors: wanted.doors.map((door) => this.#ports.ask(door)) });
    if (reply?.kind !== 'Ack') return reply;
    this.#ports.note(reply.listeners);
    this.#pauseMs.gate = RESTART_MS.least;
    return reply;
  }

  get #tokenFile(): string {
    return join(this.#options.stateFolder, 'ingest-token');
  }

  async #startStore(listen: string): Promise<boolean> {
    const { stateFolder, programs, started } = this.#options;
    const where = ['--data', join(stateFolder, 'store'), '--owner-socket', ownerSocketIn(stateFolder)];
    const ingest = ['--listen', listen, '--ingest-token-file', this.#tokenFile];
    const store = new StoreProcess(programs.store, [...where, ...ingest, '--json'], (how) => {
      const ready = this.#storeReady;
      // The first time whoever starts us is told instead.
      if (ready !== undefined) this.#again('store', how, () => void this.#startStore(new URL(ready.ingest).host));
    });
    this.#store = store;
    if (store.pid !== undefined) started('store', store.pid);
    const ready = await store.ready;
    if (ready === undefined) return false;
    this.#storeReady = ready;
    this.#pauseMs.store = RESTART_MS.least;
    return true;
  }

  #startGate(): void {
    const { stateFolder, trustFolder, programs, started } = this.#options;
    const store = this.#storeReady;
    const uplink = store === undefined ? [] : ['--store', store.ingest, '--store-token-file', this.#tokenFile];
    const gate = new GateProcess({
      program: programs.gate,
      parameters: ['--state', join(stateFolder, 'gate'), '--trust', trustFolder, ...uplink],
      cacheFolder: join(stateFolder, 'gate', 'compiled'),
      ended: (how) => this.#again('gate', how, () => this.#startGate()),
    });
    this.#gate = gate;
    this.#ports.forgetQuestions();
    if (gate.pid !== undefined) started('gate', gate.pid);
    if (this.#applied !== undefined) void this.#restore(gate, this.#applied);
  }

  /** Gives a new gate the rules of the one before; asks again while it cannot take them (its port may not be free yet). */
  async #restore(gate: GateProcess, applied: Snapshot): Promise<void> {
    const reply = await this.#give(applied);
    if (reply?.kind === 'Ack' || this.#gate !== gate || this.#applied !== applied || reply === undefined) return;
    const why = reply.kind === 'Nack' ? reply.faults.map(({ message }) => message).join(' ') : reply.message;
    this.#later('gate', `The new gate cannot take the rules: ${why} It is asked again in`, () => {
      if (this.#gate === gate && this.#applied === applied) void this.#restore(gate, applied);
    });
  }

  #again(program: ProgramName, how: string, start: () => void): void {
    this.#later(program, `The ${program} ended ${how}; it is started again in`, start);
  }

  #later(program: ProgramName, message: string, act: () => void): void {
    if (this.#stopping) return;
    const pauseMs = this.#pauseMs[program];
    this.#pauseMs[program] = Math.min(pauseMs * 2, RESTART_MS.most);
    this.#options.warn(`${message} ${pauseMs} ms.`);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#stopping) act();
    }, pauseMs);
    this.#timers.add(timer);
  }
}
