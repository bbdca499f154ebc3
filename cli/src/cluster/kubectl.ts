import { execFile } from 'node:child_process';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

export type KubectlFault = Fault<'NoKubectl' | 'KubectlFailed'>;

/** Runs kubectl with these parameters and reads the JSON that it prints. */
export type Kubectl = (parameters: readonly string[], signal: AbortSignal) => Promise<Result<unknown, KubectlFault>>;

/** Asks `kubectl auth can-i` with these parameters: whether the caller may. */
export type MayCaller = (parameters: readonly string[], signal: AbortSignal) => Promise<Result<boolean, KubectlFault>>;

/** Most that is read of an answer, in bytes. */
const ANSWER_BYTES_MAX = 256 << 20;

/** The kubectl that is found in PATH. */
export const runKubectl: Kubectl = async (parameters, signal) => {
  const ran = await run(parameters, signal);
  return ran.fault === undefined ? readJson(ran.out) : fail(ran.fault);
};

/** The same kubectl, asked for a right. It prints `yes` or `no`, and fails with `no`. */
export const askRight: MayCaller = async (parameters, signal) => {
  const ran = await run(['auth', 'can-i', ...parameters], signal);
  const [word] = ran.out.trim().split(/\s/u);
  if (word === 'yes' || word === 'no') return ok(word === 'yes');
  return fail(ran.fault ?? { code: 'KubectlFailed', message: 'kubectl does not say whether you may.' });
};

interface Ran {
  readonly out: string;
  readonly fault: KubectlFault | undefined;
}

function run(parameters: readonly string[], signal: AbortSignal): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { signal, maxBuffer: ANSWER_BYTES_MAX };
    execFile('kubectl', [...parameters], options, (error, stdout, stderr) => {
      if (error === null) return resolve({ out: stdout, fault: undefined });
      if (error.code === 'ENOENT') {
        const mend = 'Install kubectl, or run sidegate without --namespace on the machine that holds the command.';
        return resolve({ out: '', fault: { code: 'NoKubectl', message: 'There is no program kubectl.', mend } });
      }
      const message = stderr.trim() === '' ? error.message : stderr.trim();
      resolve({ out: stdout, fault: { code: 'KubectlFailed', message } });
    });
  });
}

function readJson(text: string): Result<unknown, KubectlFault> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return fail({ code: 'KubectlFailed', message: 'kubectl did not print what it was asked for.' });
  }
}
