/** Wakes those who wait for new chunks. They read from the index where they stand, so a slow reader costs no memory. */
export class Arrivals {
  #waiting: (() => void)[] = [];
  #ended = false;

  /** Something was stored. */
  announce(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Nothing will come any more. */
  end(): void {
    this.#ended = true;
    this.announce();
  }

  /** False once nothing will come any more, or `signal` aborted. Ask for it before looking, so that nothing is missed. */
  next(signal: AbortSignal): Promise<boolean> {
    if (this.#ended || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve(!this.#ended && !signal.aborted);
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }
}
