import { execFile } from 'node:child_process';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

export type KubectlFault = Fault<'NoKubectl' | 'KubectlFailed'>;

/** Runs kubectl with these parameters and reads the JSON that it prints. */
export type Kubectl = (parameters: readonly string[], signal: AbortSignal) => Promise<Result<unknown, KubectlFault>>;

/** Most that is read of an answer, in bytes. */
const ANSWER_BYTES_MAX = 256 << 20;

/** The kubectl that is found in PATH. */
export const runKubectl: Kubectl = (parameters, signal) =>
  new Promise((resolve) => {
    const options = { signal, maxBuffer: ANSWER_BYTES_MAX };
    execFile('kubectl', [...parameters], options, (error, stdout, stderr) => {
      if (error === null) return resolve(readJson(stdout));
      if (error.code === 'ENOENT') {
        const mend = 'Install kubectl, or run sidegate without --namespace on the machine that holds the command.';
        return resolve(fail({ code: 'NoKubectl', message: 'There is no program kubectl.', mend }));
      }
      resolve(fail({ code: 'KubectlFailed', message: stderr.trim() === '' ? error.message : stderr.trim() }));
    });
  });

function readJson(text: string): Result<unknown, KubectlFault> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return fail({ code: 'KubectlFailed', message: 'kubectl did not print what it was asked for.' });
  }
}
