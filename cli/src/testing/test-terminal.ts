import type { Terminal } from '../command.ts';

/** A terminal that keeps what was written. */
export class TestTerminal implements Terminal {
  readonly columns: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stopping = new AbortController();
  readonly signal = this.stopping.signal;
  written = '';
  readonly pauses: number[] = [];
  readonly errors: string[] = [];

  /** `columns`: a person looks on. */
  constructor(environment: Readonly<Record<string, string | undefined>> = {}, columns?: number) {
    this.environment = environment;
    this.columns = columns;
  }

  out(text: string): Promise<void> {
    this.written += text;
    return Promise.resolve();
  }

  /** Does not wait; keeps how long it would have. */
  pause(milliseconds: number): Promise<void> {
    this.pauses.push(milliseconds);
    return Promise.resolve();
  }

  err(line: string): void {
    this.errors.push(line);
  }

  /** What was written, as JSON objects. */
  get objects(): Record<string, unknown>[] {
    return this.written
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}
