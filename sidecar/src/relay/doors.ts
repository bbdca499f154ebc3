import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type Fault, fail, type ListeningDoor, ok, type Result } from '@sidegate/crds';
import type { OpenDoor } from '../gate/configuration.ts';
import { type ListenAddress, type Listener, openListener } from './listener.ts';

/** One listener and the door that it leads to now. */
interface Entrance {
  readonly listener: Listener;
  readonly leads: { to: string };
}

interface Entrances {
  readonly tcp: Entrance;
  readonly unix: Entrance | undefined;
  readonly unixSocket: string | undefined;
}

/** A door whose address somebody else has. */
export interface BlockedDoor {
  readonly opened: OpenDoor;
  readonly fault: Fault;
}

export interface OpenedDoors {
  readonly blocked: readonly BlockedDoor[];
  readonly settle: () => void;
}

/**
 * The listeners of all doors, known by where they listen: one that is wanted again stays open, whatever else changed about its door, so
 * a change of policy interrupts nobody.
 */
export class Doors {
  #open = new Map<string, Entrance>();
  #described: readonly ListeningDoor[] = [];
  readonly #accept: (doorKey: string, socket: Socket) => void;
  readonly #unixName: (protocol: string, port: number) => string;

  constructor(accept: (doorKey: string, socket: Socket) => void, unixName: (protocol: string, port: number) => string) {
    this.#accept = accept;
    this.#unixName = unixName;
  }

  /**
   * Opens what is new. `Refuse`: all or nothing; when one cannot be opened those that were opened for this call are closed again.
   * `LeaveOut`: those that cannot be opened are left out and said to be blocked, so that nobody holds rules back by sitting on a port.
   * What is no longer wanted stays open until `settle` is called, which makes every listener lead to the doors that were asked for here.
   */
  async open(
    wanted: ReadonlyMap<string, OpenDoor>,
    whenBlocked: 'Refuse' | 'LeaveOut' = 'Refuse',
  ): Promise<Result<OpenedDoors, readonly Fault[]>> {
    const next = new Map<string, Entrance>();
    const leads = new Map<Entrance, string>();
    const described: ListeningDoor[] = [];
    const blocked: BlockedDoor[] = [];
    for (const [doorKey, opened] of wanted) {
      const entrances = await this.#enter(doorKey, opened, next);
      if (!entrances.ok) {
        blocked.push({ opened, fault: entrances.fault });
        continue;
      }
      const { tcp, unix, unixSocket } = entrances.value;
      for (const entrance of [tcp, unix]) if (entrance !== undefined) leads.set(entrance, doorKey);
      const { access, target, listen } = opened.door;
      described.push({
        access,
        target,
        host: listen.host,
        port: tcp.listener.port,
        ...(unixSocket === undefined ? {} : { unixSocket }),
      });
    }
    if (blocked.length > 0 && whenBlocked === 'Refuse') {
      for (const [where, { listener }] of next) if (!this.#open.has(where)) listener.close();
      return fail(blocked.map(({ fault }) => fault));
    }
    return ok({
      blocked,
      settle: () => {
        for (const [where, { listener }] of this.#open) if (!next.has(where)) listener.close();
        for (const [entrance, doorKey] of leads) entrance.leads.to = doorKey;
        this.#open = next;
        this.#described = described;
      },
    });
  }

  /** No door is open any more. */
  close(): void {
    for (const { listener } of this.#open.values()) listener.close();
    this.#open = new Map();
    this.#described = [];
  }

  /** Where the doors of the last `settle` are reached. */
  get described(): readonly ListeningDoor[] {
    return this.#described;
  }

  async #enter(
    doorKey: string,
    { door, target }: OpenDoor,
    next: Map<string, Entrance>,
  ): Promise<Result<Entrances, Fault>> {
    const { host, port, unixDirectory } = door.listen;
    // Any free port: the door itself tells one such listener from another.
    const place = port === 0 ? JSON.stringify([host, doorKey]) : JSON.stringify([host, port]);
    const tcp = await this.#listen(place, { host, port }, doorKey, next);
    if (!tcp.ok) return tcp;
    if (unixDirectory === undefined) return ok({ tcp: tcp.value, unix: undefined, unixSocket: undefined });
    const path = join(unixDirectory, this.#unixName(target.spec.protocol, tcp.value.listener.port));
    const unix = await this.#listen(path, { path }, doorKey, next);
    return unix.ok ? ok({ tcp: tcp.value, unix: unix.value, unixSocket: path }) : unix;
  }

  async #listen(
    place: string,
    where: ListenAddress,
    doorKey: string,
    next: Map<string, Entrance>,
  ): Promise<Result<Entrance, Fault>> {
    const known = this.#open.get(place);
    if (known !== undefined && !next.has(place)) {
      next.set(place, known);
      return ok(known);
    }
    const leads = { to: doorKey };
    const listener = await openListener(where, (socket) => this.#accept(leads.to, socket));
    if (!listener.ok) return listener;
    const entrance: Entrance = { listener: listener.value, leads };
    next.set(place, entrance);
    return ok(entrance);
  }
}
