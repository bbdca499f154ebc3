import type { Socket } from 'node:net';
import { type Fault, fail, type ListeningDoor, ok, type Result } from '@sidegate/crds';
import type { OpenDoor } from '../gate/configuration.ts';
import { type Listener, openListener } from './listener.ts';

/** The listeners of all doors. A door that stays keeps its listener, so a change of policy interrupts nobody. */
export class Doors {
  readonly #listeners = new Map<string, Listener>();
  readonly #accept: (key: string, socket: Socket) => void;
  readonly #unixName: (protocol: string, port: number) => string;

  constructor(accept: (key: string, socket: Socket) => void, unixName: (protocol: string, port: number) => string) {
    this.#accept = accept;
    this.#unixName = unixName;
  }

  /**
   * Opens what is new. All or nothing: when one cannot be opened those that were opened for this call are closed again. What is no
   * longer wanted stays open until {@link closeOthers}.
   */
  async open(wanted: ReadonlyMap<string, OpenDoor>): Promise<Result<void, readonly Fault[]>> {
    const opened: [string, Listener][] = [];
    const faults: Fault[] = [];
    for (const [key, { door, target }] of wanted) {
      if (this.#listeners.has(key)) continue;
      const { host, port, unixDirectory } = door.listen;
      const listener = await openListener(
        { host, port, unixDirectory },
        (bound) => this.#unixName(target.spec.protocol, bound),
        (socket) => this.#accept(key, socket),
      );
      if (listener.ok) opened.push([key, listener.value]);
      else faults.push(listener.fault);
    }
    if (faults.length > 0) {
      for (const [, listener] of opened) listener.close();
      return fail(faults);
    }
    for (const [key, listener] of opened) this.#listeners.set(key, listener);
    return ok(undefined);
  }

  closeOthers(wanted: ReadonlyMap<string, OpenDoor>): void {
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
    }
  }

  describe(wanted: ReadonlyMap<string, OpenDoor>): readonly ListeningDoor[] {
    return [...wanted].flatMap(([key, { door }]) => {
      const listener = this.#listeners.get(key);
      if (listener === undefined) return [];
      const { host, port, unixSocket } = listener;
      return [
        { access: door.access, target: door.target, host, port, ...(unixSocket === undefined ? {} : { unixSocket }) },
      ];
    });
  }
}
