import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** How long anything that a case waits for may take. Generous: it must never fail because a machine is slow. */
const DEADLINE_MS = 240_000;
const RETRY_MS = 250;

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly container?: string;
  readonly input?: string;
}

/** A Kubernetes cluster, through kubectl alone. */
export class Cluster {
  /** kubectl. */
  readonly program: string;
  readonly kubeconfig: string;

  constructor(kubectl: string, kubeconfig: string) {
    this.program = kubectl;
    this.kubeconfig = kubeconfig;
  }

  /** Where its kubectl is. */
  get programFolder(): string {
    return dirname(this.program);
  }

  /** Runs kubectl and tells how it ended. */
  try(parameters: readonly string[], input?: string): Promise<Ended> {
    return runToEnd(this.program, ['--kubeconfig', this.kubeconfig, ...parameters], input);
  }

  /** Runs kubectl. Throws with its words when it fails. */
  async kubectl(...parameters: readonly string[]): Promise<string> {
    return this.#must(parameters);
  }

  /** Applies a manifest. Throws with kubectl's words. */
  async apply(manifest: string, ...parameters: readonly string[]): Promise<string> {
    return this.#must(['apply', '-f', '-', ...parameters], manifest);
  }

  /** An object as JSON. */
  async get(kind: string, name: string, namespace?: string): Promise<Readonly<Record<string, unknown>>> {
    const where = namespace === undefined ? [] : ['-n', namespace];
    return Object(JSON.parse(await this.#must(['get', kind, name, ...where, '-o', 'json'])));
  }

  /** One value of an object, by JSONPath; empty when it is not there. */
  async value(kind: string, name: string, namespace: string, path: string): Promise<string> {
    return this.#must(['get', kind, name, '-n', namespace, '-o', `jsonpath=${path}`]);
  }

  /** Runs a command in a pod. */
  exec(namespace: string, pod: string, command: readonly string[], options: ExecOptions = {}): Promise<Ended> {
    const container = options.container === undefined ? [] : ['-c', options.container];
    const flags = options.input === undefined ? [] : ['-i'];
    return this.try(['exec', ...flags, '-n', namespace, pod, ...container, '--', ...command], options.input);
  }

  /** Resolves with the first value that `look` gives. Rejects at the deadline, with what the last look threw. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + DEADLINE_MS;
    for (let why = ''; ; ) {
      try {
        const found = await look();
        if (found !== undefined) return found;
      } catch (error) {
        why = `: ${error instanceof Error ? error.message : String(error)}`;
      }
      if (Date.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS / 1000} s${why}`);
      await pause(RETRY_MS);
    }
  }

  /** Resolves when an object has a condition. */
  async wait(namespace: string, object: string, condition: string): Promise<void> {
    await this.#must(['wait', '-n', namespace, object, `--for=${condition}`, `--timeout=${DEADLINE_MS / 1000}s`]);
  }

  async #must(parameters: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.try(parameters, input);
    if (code !== 0) throw new Error(`kubectl ${parameters.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }
}

/** Runs a program to its end. */
export function runToEnd(
  program: string,
  parameters: readonly string[],
  input?: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, [...parameters], {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin?.on('error', () => undefined).end(input);
  });
}
