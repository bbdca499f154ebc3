/** What is said on a stream, in order, as somebody asks for it; ends when `signal` aborts. */
export class Outgoing<T> {
  readonly #signal: AbortSignal;
  readonly #waiting: T[] = [];
  #wake = (): void => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  say(message: T): void {
    this.#waiting.push(message);
    this.#wake();
  }

  async *speech(): AsyncGenerator<T> {
    while (!this.#signal.aborted) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
