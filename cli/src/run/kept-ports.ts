import type { Door, ListeningDoor } from '@sidegate/crds';

function doorName({ access, target }: Pick<Door, 'access' | 'target'>): string {
  return JSON.stringify([access.namespace, access.name, target.namespace, target.name]);
}

/** Lets a door on any free port keep the port that it was first given, also behind the next gate. */
export class KeptPorts {
  readonly #given = new Map<string, number>();
  /** What the running gate was asked for: it knows a door by that, so the question stays the same while it runs. */
  readonly #asked = new Map<string, number>();

  /** Another gate runs from now on. */
  forgetQuestions(): void {
    this.#asked.clear();
  }

  ask(door: Door): Door {
    if (door.listen.port !== 0) return door;
    const name = doorName(door);
    const port = this.#asked.get(name) ?? this.#given.get(name) ?? 0;
    this.#asked.set(name, port);
    return { ...door, listen: { ...door.listen, port } };
  }

  note(listeners: readonly ListeningDoor[]): void {
    for (const listener of listeners) this.#given.set(doorName(listener), listener.port);
  }
}
