import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Fault, Result, Snapshot, Target } from '@sidegate/crds';
import { checkLogin } from '../explain/command-reading.ts';
import { liveCatalogOf } from '../explain/live-catalog.ts';
import type { FileFault } from '../files/file-fault.ts';
import { type ReadOptions, readFolder } from '../files/read-folder.ts';
import { OwnerDesk } from '../owner/owner-desk.ts';
import { type OwnerSocket, openOwnerSocket } from '../owner/owner-socket.ts';
import { systemUser } from '../owner/system-user.ts';
import { runSocketIn } from '../state-folder.ts';
import { type CompiledFolder, compileFolder, NO_MASK_KEY } from '../validate/compiled-folder.ts';
import { watchFolder } from './folder-watch.ts';
import { namedFor } from './named-columns.ts';
import type { RunEvent } from './run-event.ts';
import { type RunLock, takeRunLock } from './run-lock.ts';
import { pointReaders, prepareState, unusable } from './run-state.ts';
import { RunningPrograms } from './running-programs.ts';
import { type ProgramName, Supervisor } from './supervisor.ts';
import { errorCode } from './system-error.ts';
import { type CheckLogin, tryTarget } from './target-reach.ts';
import { openTrust, type TrustFolder } from './trust-folder.ts';

export interface FolderRunOptions {
  readonly folder: string;
  readonly stateFolder: string;
  /** Where agents read by what they know the gate; default: `trust` in the state folder. */
  readonly trustFolder: string | undefined;
  /** Every door on a free port of this host. */
  readonly listen: string | undefined;
  readonly programs: Readonly<Record<ProgramName, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The gate's program that tries a Target's login; without it only the network is tried. */
  readonly explainProgram?: string;
  /** Aborts when gate and store are to end. */
  readonly signal: AbortSignal;
  /** `snapshot`: the rules in force. */
  readonly tell: (event: RunEvent, snapshot: Snapshot | undefined) => void;
}

/**
 * Runs gate and store on the rules of a folder until the signal aborts. False: they could not be started, and why was told; then nothing
 * runs.
 */
export async function runFolder(options: FolderRunOptions): Promise<boolean> {
  const refuse = (faults: readonly Fault[]): false => {
    options.tell({ kind: 'Refused', faults }, undefined);
    return false;
  };
  try {
    return await runPrepared(options, refuse);
  } catch (error) {
    // A full disk, or a folder that went away; whatever the system did not say is a bug.
    if (!/^E[A-Z0-9]+$/.test(errorCode(error))) throw error;
    return refuse([unusable(options.stateFolder, error)]);
  }
}

async function runPrepared(options: FolderRunOptions, refuse: (faults: readonly Fault[]) => false): Promise<boolean> {
  const { folder, signal } = options;
  // Before anything is made: what is wrong with the files is said without leaving a trace.
  const first = await compileFolder(folder, { ...readOptions(options), maskKey: NO_MASK_KEY });
  if (!first.ok) return refuse(first.fault);
  const state = prepareState(options.stateFolder);
  if (!state.ok) return refuse([state.fault]);
  const lock = takeRunLock(state.value.path, folder);
  if (!lock.ok) return refuse([lock.fault]);
  const trust = openTrust(options.trustFolder ?? join(state.value.path, 'trust'), folder);
  if (!trust.ok) {
    lock.value.release();
    return refuse([trust.fault]);
  }
  const run = new FolderRun(options, state.value, trust.value, lock.value);
  try {
    const faults = await run.start();
    if (faults.length > 0) return refuse(faults);
    if (!signal.aborted) await run.follow();
    return true;
  } finally {
    await run.stop();
  }
}

type ReadFor = Omit<ReadOptions, 'compile' | 'maskKey'>;

function readOptions({ listen, environment }: FolderRunOptions): ReadFor {
  return { environment, ...(listen === undefined ? {} : { listen }) };
}

class FolderRun {
  readonly #options: FolderRunOptions;
  readonly #state: { readonly path: string; readonly maskKey: string };
  readonly #trust: TrustFolder;
  readonly #lock: RunLock;
  readonly #supervisor: Supervisor;
  readonly #running: RunningPrograms;
  #applied: Snapshot | undefined;
  #ownerSocket: OwnerSocket | undefined;
  #from = '';

  constructor(
    options: FolderRunOptions,
    state: { readonly path: string; readonly maskKey: string },
    trust: TrustFolder,
    lock: RunLock,
  ) {
    const { tell, programs } = options;
    this.#options = options;
    this.#state = state;
    this.#trust = trust;
    this.#lock = lock;
    this.#running = new RunningPrograms(state.path);
    this.#supervisor = new Supervisor({
      stateFolder: state.path,
      trustFolder: trust.path,
      programs,
      warn: (message) => tell({ kind: 'Warning', code: 'ProgramEnded', message }, this.#applied),
      started: (program, pid) => {
        this.#running.note(program, pid);
        tell({ kind: 'Started', program, pid }, this.#applied);
      },
    });
  }

  /** Empty when everything is up and the rules are in force. */
  async start(): Promise<readonly Fault[]> {
    await this.#running.outlast();
    this.#from = await this.#look();
    const compiled = await this.#compile();
    if (!compiled.ok) return compiled.fault;
    if (!(await this.#supervisor.start())) {
      return [{ code: 'StoreFailed', message: 'The store does not start.', mend: 'Its own words stand above.' }];
    }
    const { snapshot } = compiled.value;
    const applied = await this.#supervisor.apply(snapshot);
    if (applied.kind === 'Refused') return applied.faults;
    this.#applied = snapshot;
    const opened = await this.#openOwnerSocket();
    if (!opened.ok) return [opened.fault];
    this.#ownerSocket = opened.value;
    pointReaders(this.#state.path, this.#options.environment);
    const { listeners } = applied;
    const { version } = snapshot;
    const ownerSocket = this.#supervisor.ownerSocket ?? '';
    const { path: state } = this.#state;
    const { files: trust } = this.#trust;
    this.#options.tell({ kind: 'Ready', version, listeners, ownerSocket, state, trust }, snapshot);
    void this.#warnOf(snapshot, snapshot.resources.targets);
    return [];
  }

  /** Applies changes of the folder until the run is to end. */
  follow(): Promise<void> {
    return watchFolder({
      path: this.#options.folder,
      from: this.#from,
      look: () => this.#look(),
      changed: () => this.#change(),
      signal: this.#options.signal,
    });
  }

  #openOwnerSocket(): ReturnType<typeof openOwnerSocket> {
    const desk = new OwnerDesk({
      user: systemUser(),
      owner: () => this.#applied?.owner,
      ask: (question) => this.#supervisor.ask(question),
    });
    return openOwnerSocket(runSocketIn(this.#state.path), (request) => desk.answer(request));
  }

  async stop(): Promise<void> {
    this.#ownerSocket?.close();
    await this.#supervisor.stop();
    this.#trust.release();
    this.#lock.release();
    if (this.#applied !== undefined) this.#options.tell({ kind: 'Stopped' }, this.#applied);
  }

  async #change(): Promise<void> {
    const { tell } = this.#options;
    const before = this.#applied;
    const compiled = await this.#compile();
    if (!compiled.ok) {
      tell({ kind: 'Refused', faults: compiled.fault }, before);
      return;
    }
    const { snapshot } = compiled.value;
    const applied = await this.#supervisor.apply(snapshot);
    if (applied.kind === 'Refused') {
      tell({ kind: 'Refused', version: snapshot.version, faults: applied.faults }, before);
      return;
    }
    this.#applied = snapshot;
    tell({ kind: 'Applied', version: snapshot.version, listeners: applied.listeners }, snapshot);
    const known = asked(before);
    void this.#warnOf(
      snapshot,
      snapshot.resources.targets.filter((target) => !known.has(askedOf(target, snapshot))),
    );
  }

  #compile(): Promise<Result<CompiledFolder, readonly FileFault[]>> {
    return compileFolder(this.#options.folder, { ...readOptions(this.#options), maskKey: this.#state.maskKey });
  }

  /** The content as a short text, also of files that cannot be read or are wrong. */
  async #look(): Promise<string> {
    const read = await readFolder(this.#options.folder, {
      ...readOptions(this.#options),
      maskKey: this.#state.maskKey,
    });
    if (read.ok) return read.value.version;
    return createHash('sha256').update(JSON.stringify(read.fault)).digest('hex');
  }

  /** Nobody waits for this: the doors are open all the same. */
  async #warnOf(snapshot: Snapshot, targets: readonly Target[]): Promise<void> {
    const { explainProgram, signal, tell } = this.#options;
    const check: CheckLogin | undefined =
      explainProgram === undefined
        ? undefined
        : (target, names) => {
            const live = liveCatalogOf(target, snapshot);
            return checkLogin(explainProgram, { protocol: target.spec.protocol, live, names }, signal);
          };
    for (const target of targets) {
      const faults = await tryTarget(target, namedFor(target, snapshot), check, signal);
      if (signal.aborted) return;
      // What was asked under rules that are gone by now says nothing of those in force.
      if (!asked(this.#applied).has(askedOf(target, snapshot))) continue;
      for (const fault of faults) tell({ kind: 'Warning', ...fault }, this.#applied);
    }
  }
}

/** Equal when a Target's server would be asked the same in the same way. */
function askedOf(target: Target, snapshot: Snapshot): string {
  return JSON.stringify([liveCatalogOf(target, snapshot), namedFor(target, snapshot)]);
}

/** What is asked of all servers under these rules. */
function asked(snapshot: Snapshot | undefined): ReadonlySet<string> {
  return new Set(snapshot?.resources.targets.map((target) => askedOf(target, snapshot)));
}
