/** So long nothing may have come before a thread counts as at rest, in milliseconds. */
export const REST_MS = 1000;

/** Starts a timer and gives what stops it. */
type SetTimer = (ms: number, act: () => void) => () => void;

const timeout: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms).unref();
  return () => clearTimeout(timer);
};

/** Does something once whenever there was nothing to do for `REST_MS`. */
export class Rest {
  readonly #act: () => void;
  readonly #setTimer: SetTimer;
  #stop: (() => void) | undefined;

  constructor(act: () => void, setTimer: SetTimer = timeout) {
    this.#act = act;
    this.#setTimer = setTimer;
  }

  /** There is nothing to do now. */
  begins(): void {
    this.#stop?.();
    this.#stop = this.#setTimer(REST_MS, this.#act);
  }

  /** There is something to do again. */
  ends(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
