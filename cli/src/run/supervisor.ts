import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Door, Fault, ListeningDoor, Snapshot } from '@sidegate/crds';
import { GateProcess } from './gate-process.ts';
import { StoreProcess, type StoreReady } from './store-process.ts';

/** How long a program that ended is left alone before it is started again, in milliseconds; doubled each time, up to the most. */
const RESTART_MS = { least: 200, most: 10_000 } as const;
const STOP_TIMEOUT_MS = 10_000;

export interface SupervisorOptions {
  /** Holds the store's data, the gate's spool and the sockets; for its owner alone. */
  readonly stateFolder: string;
  readonly programs: { readonly gate: string; readonly store: string };
  readonly tell: (level: 'Info' | 'Warning' | 'Error', message: string) => void;
}

export type Applied =
  | { readonly kind: 'Applied'; readonly listeners: readonly ListeningDoor[] }
  | { readonly kind: 'Refused'; readonly faults: readonly Fault[] };

function doorName({ access, target }: Pick<Door, 'access' | 'target'>): string {
  return JSON.stringify([access.namespace, access.name, target.namespace, target.name]);
}

/** Gate and store as two programs, kept running and kept on the newest rules. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #store: StoreProcess | undefined;
  #gate: GateProcess | undefined;
  #storeReady: StoreReady | undefined;
  #applied: Snapshot | undefined;
  #stopping = false;
  readonly #ports = new Map<string, number>();
  readonly #pauseMs: Record<'gate' | 'store', number> = { gate: RESTART_MS.least, store: RESTART_MS.least };
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get processIds(): { readonly gate: number | undefined; readonly store: number | undefined } {
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
  async apply(wanted: Snapshot): Promise<Applied> {
    const snapshot = { ...wanted, doors: wanted.doors.map((door) => this.#keepPort(door)) };
    const reply = await this.#gate?.apply(snapshot);
    if (reply?.kind === 'Ack') {
      this.#applied = snapshot;
      for (const listener of reply.listeners) this.#ports.set(doorName(listener), listener.port);
      this.#pauseMs.gate = RESTART_MS.least;
      return { kind: 'Applied', listeners: reply.listeners };
    }
    if (reply?.kind === 'Nack') return { kind: 'Refused', faults: reply.faults };
    const message = reply?.kind === 'Fault' ? reply.message : 'The gate ended before it took the rules.';
    return { kind: 'Refused', faults: [{ code: 'GateFailed', message, mend: 'Its own words are on standard error.' }] };
  }

  /** First the gate, so that its last records still find the store. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#gate?.stop(STOP_TIMEOUT_MS);
    await this.#store?.stop(STOP_TIMEOUT_MS);
  }

  #keepPort(door: Door): Door {
    const port = this.#ports.get(doorName(door));
    return door.listen.port !== 0 || port === undefined ? door : { ...door, listen: { ...door.listen, port } };
  }

  get #tokenFile(): string {
    return join(this.#options.stateFolder, 'ingest-token');
  }

  async #startStore(listen: string): Promise<boolean> {
    const { stateFolder, programs } = this.#options;
    const parameters = [
      '--data',
      join(stateFolder, 'store'),
      '--listen',
      listen,
      '--ingest-token-file',
      this.#tokenFile,
    ];
    parameters.push('--owner-socket', join(stateFolder, 'owner', 'store.sock'), '--json');
    const store = new StoreProcess(programs.store, parameters, (how) => {
      const ready = this.#storeReady;
      if (ready === undefined) return;
      this.#again('store', how, () => void this.#startStore(new URL(ready.ingest).host));
    });
    this.#store = store;
    const ready = await store.ready;
    if (ready === undefined) return false;
    this.#storeReady = ready;
    this.#pauseMs.store = RESTART_MS.least;
    return true;
  }

  #startGate(): void {
    const { stateFolder, programs } = this.#options;
    const parameters = ['--state', join(stateFolder, 'gate')];
    if (this.#storeReady !== undefined)
      parameters.push('--store', this.#storeReady.ingest, '--store-token-file', this.#tokenFile);
    this.#gate = new GateProcess({
      program: programs.gate,
      parameters,
      ended: (how) => this.#again('gate', how, () => this.#startGate()),
    });
    if (this.#applied !== undefined) void this.apply(this.#applied);
  }

  #again(what: 'gate' | 'store', how: string, start: () => void): void {
    if (this.#stopping) return;
    const pauseMs = this.#pauseMs[what];
    this.#pauseMs[what] = Math.min(pauseMs * 2, RESTART_MS.most);
    this.#options.tell('Warning', `The ${what} ended ${how}; it is started again in ${pauseMs} ms.`);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#stopping) start();
    }, pauseMs);
    this.#timers.add(timer);
  }
}
