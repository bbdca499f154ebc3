import { type ChildProcess, fork } from 'node:child_process';
import type { FromGate, GateAnswer, GateQuestion, Snapshot, ToGate } from '@sidegate/crds';
import { describeEnd, endChild } from './child-end.ts';

/**
 * What keeps a gate small on a machine that it shares with its agent. Garbage is collected by the thread that made it, for helpers cost more
 * than they save on a heap of this size. PostgreSQL's parser stays with its first, fast compilation: compiling it a second time takes half a
 * gigabyte for a moment, and its results are cached.
 */
const RUNTIME_FLAGS = ['--single-threaded-gc', '--v8-pool-size=2', '--max-semi-space-size=4', '--liftoff-only'];

export interface GateProcessOptions {
  /** The gate's main program. */
  readonly program: string;
  readonly parameters: readonly string[];
  /** For its owner alone: holds compiled sources, so that the next start is quick. */
  readonly cacheFolder: string;
  /** The gate ended without being asked to. */
  readonly ended: (how: string) => void;
}

/** What a gate says to a snapshot. */
export type SnapshotReply = Exclude<FromGate, { readonly kind: 'Answer' }>;

function isFromGate(message: unknown): message is FromGate {
  return typeof message === 'object' && message !== null && 'kind' in message && typeof message.kind === 'string';
}

/** One running gate: snapshots go in, answers come back in the same order. It ends when this process does, however this ends. */
export class GateProcess {
  readonly #child: ChildProcess;
  readonly #waiting: ((reply: SnapshotReply | undefined) => void)[] = [];
  readonly #asked = new Map<number, (answer: GateAnswer | undefined) => void>();
  #questions = 0;
  #over = false;
  #stopping = false;

  constructor({ program, parameters, cacheFolder, ended }: GateProcessOptions) {
    // A group of its own: Ctrl-C in the terminal is the supervisor's to hear, which stops the gate before the store.
    this.#child = fork(program, parameters, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'json',
      execArgv: [...process.execArgv, ...RUNTIME_FLAGS],
      env: { ...process.env, NODE_COMPILE_CACHE: cacheFolder },
      detached: true,
    });
    this.#child.on('message', (message) => {
      if (isFromGate(message)) this.#take(message);
    });
    const over = (how: string): void => {
      if (this.#over) return;
      this.#over = true;
      for (const reply of this.#waiting.splice(0)) reply(undefined);
      for (const answer of this.#asked.values()) answer(undefined);
      this.#asked.clear();
      if (!this.#stopping) ended(how);
    };
    this.#child.once('exit', (code, signal) => over(describeEnd(code, signal)));
    // Later errors are failed messages to a gate that is going away: its end tells.
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) over(`before it started: ${error.message}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined when the gate ended before it answered. */
  apply(snapshot: Snapshot): Promise<SnapshotReply | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#send({ kind: 'Snapshot', snapshot });
    });
  }

  /** Undefined when the gate ended before it answered. */
  ask(question: GateQuestion): Promise<GateAnswer | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const id = ++this.#questions;
      this.#asked.set(id, resolve);
      this.#send({ kind: 'Question', id, question });
    });
  }

  /** Resolves once it has ended; it is killed when it does not within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    return endChild(this.#child, () => this.#send({ kind: 'Stop' }), timeoutMs);
  }

  #take(message: FromGate): void {
    if (message.kind !== 'Answer') {
      this.#waiting.shift()?.(message);
      return;
    }
    this.#asked.get(message.id)?.(message.answer);
    this.#asked.delete(message.id);
  }

  #send(message: ToGate): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
