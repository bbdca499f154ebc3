/** What one run of jest came to. A test file that could not be loaded, and a run that left no result, count as one failed test each. */
export interface TestOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** One text for each file with a failure: its path, then what jest says. */
  readonly failures: readonly string[];
}

/** Reads what `jest --json` wrote; undefined when it wrote nothing that can be read. */
export function outcomeOf(json: string | undefined): TestOutcome {
  const result = parse(json);
  if (result === undefined) {
    return { passed: 0, failed: 1, skipped: 0, failures: ['jest ended without a result: see its output above'] };
  }
  const suites = Array.isArray(result['testResults']) ? result['testResults'].filter(isRecord) : [];
  const failures = suites
    .filter((suite) => suite['status'] === 'failed')
    .map((suite) => `${String(suite['name'])}\n${String(suite['message'])}`);
  return {
    passed: count(result, 'numPassedTests'),
    failed: count(result, 'numFailedTests') + count(result, 'numRuntimeErrorTestSuites'),
    skipped: count(result, 'numPendingTests') + count(result, 'numTodoTests'),
    failures,
  };
}

/** The outcomes of several runs as one. */
export function sumOf(outcomes: readonly TestOutcome[]): TestOutcome {
  return {
    passed: outcomes.reduce((sum, outcome) => sum + outcome.passed, 0),
    failed: outcomes.reduce((sum, outcome) => sum + outcome.failed, 0),
    skipped: outcomes.reduce((sum, outcome) => sum + outcome.skipped, 0),
    failures: outcomes.flatMap((outcome) => outcome.failures),
  };
}

/** The end of the log: the last lines of the failures, then the one line that says how it went. */
export function report(outcome: TestOutcome, linesMax: number): string {
  const lines = outcome.failures.join('\n').split('\n');
  const cut = lines.length > linesMax ? [`(the last ${linesMax} of ${lines.length} lines of failures)`] : [];
  const told = outcome.failures.length === 0 ? [] : [...cut, ...lines.slice(-linesMax), ''];
  const skipped = outcome.skipped === 0 ? [] : [`Skipped: ${outcome.skipped}`];
  return [...told, ...skipped, `Tests: ${outcome.passed} passed, ${outcome.failed} failed`, ''].join('\n');
}

function parse(json: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = json === undefined ? undefined : JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function count(result: Record<string, unknown>, key: string): number {
  const value = result[key];
  return typeof value === 'number' ? value : 0;
}
