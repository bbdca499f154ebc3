/** What a connected gate last said. */
export interface GateState {
  readonly namespace: string;
  readonly pod: string;
  /** The version that it runs on; undefined: none yet. */
  readonly version: string | undefined;
  /** The version that it refused last, and why. */
  readonly refusal: { readonly version: string; readonly messages: readonly string[] } | undefined;
  /** Its records reach the store. */
  readonly recording: boolean;
  /** HOST:PORT of Targets whose address something else in the pod has. */
  readonly blocked: readonly string[];
}

/** The gates that are connected, by the UID of their pod. */
export class GateBoard {
  readonly #gates = new Map<string, GateState>();
  readonly #changed: (namespace: string) => void;

  /** `changed` is told the namespace of a gate that came, went, or said something new. */
  constructor(changed: (namespace: string) => void) {
    this.#changed = changed;
  }

  get(uid: string): GateState | undefined {
    return this.#gates.get(uid);
  }

  get size(): number {
    return this.#gates.size;
  }

  set(uid: string, state: GateState): void {
    this.#gates.set(uid, state);
    this.#changed(state.namespace);
  }

  remove(uid: string): void {
    const state = this.#gates.get(uid);
    if (state === undefined) return;
    this.#gates.delete(uid);
    this.#changed(state.namespace);
  }
}
