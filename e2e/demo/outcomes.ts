/** What the demo says, one line an outcome, and whether all of it was right. */
export class Outcomes {
  readonly #say: (line: string) => void;
  #failed = 0;
  #passed = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  get failed(): number {
    return this.#failed;
  }

  get passed(): number {
    return this.#passed;
  }

  /** `ok  what` or `FAIL  what`; `seen` is shown when it is not right. */
  expect(what: string, right: boolean, seen?: unknown): void {
    if (right) this.#passed += 1;
    else this.#failed += 1;
    this.#say(right ? `ok    ${what}` : `FAIL  ${what}`);
    if (!right && seen !== undefined)
      this.#say(`      it was: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`);
  }
}
