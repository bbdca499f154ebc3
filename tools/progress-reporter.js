import { relative } from 'node:path';

/** One line a test file as it ends, and its failures at once; `tools/test.ts` sums up. */
export default class ProgressReporter {
  /** @param {import('jest').Config} config */
  constructor(config) {
    this.root = config.rootDir;
    this.started = Date.now();
  }

  onTestResult(test, result) {
    const broken = result.testExecError !== undefined || result.testExecError === null;
    const failed = broken || result.numFailingTests > 0;
    const parts = [
      `${result.numPassingTests} passed`,
      ...(result.numFailingTests > 0 ? [`${result.numFailingTests} failed`] : []),
      ...(result.numPendingTests > 0 ? [`${result.numPendingTests} skipped`] : []),
      ...(broken ? ['did not run'] : []),
    ];
    const seconds = ((Date.now() - this.started) / 1000).toFixed(0);
    process.stderr.write(
      `${seconds.padStart(5)} s  ${failed ? 'FAIL' : 'PASS'} ${relative(this.root, test.path)} (${parts.join(', ')})\n`,
    );
    if (failed) process.stderr.write(`${result.failureMessage ?? ''}\n`);
  }
}
