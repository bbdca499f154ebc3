import type { LookupFunction, Socket } from 'node:net';
import {
  BufferGarbage,
  type Fault,
  type FromGate,
  type Issuer,
  type Result,
  type Snapshot,
  type ToGate,
} from '@sidegate/crds';
import { compileRules } from '@sidegate/policy';
import { configure, leadsAlike, type OpenDoor } from './gate/configuration.ts';
import { Gate, type GateOptions } from './gate/gate.ts';
import type { TokenVerifier } from './identity/token-verifier.ts';
import type { Log } from './log.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { AgentAuthority } from './relay/agent-certificate.ts';
import { readCatalog } from './relay/catalog-reader.ts';
import { Connection } from './relay/connection.ts';
import { type BlockedDoor, Doors } from './relay/doors.ts';
import type { ShownPlace } from './relay/kept-host-key.ts';
import type { TargetAddress } from './relay/target-address.ts';

export interface GateProgramOptions extends Omit<GateOptions, 'readCatalog' | 'agentTls' | 'verify'> {
  readonly log: Log;
  readonly random: (bytes: number) => Uint8Array;
  /** A verifier that asks for the issuers of the snapshot in force at each token. */
  readonly openVerifier: (issuers: () => readonly Issuer[]) => TokenVerifier;
  /** The authority of what is shown to agents that ask for TLS. */
  readonly authority: AgentAuthority;
  readonly surroundings?: GateSurroundings;
}

/** What is particular about where the gate runs: in a pod its agents share its addresses and names. */
export interface GateSurroundings {
  /** Finds addresses of Targets. Default: as the machine does. */
  readonly lookup?: LookupFunction;
  /** Every name under which agents may reach a host, for its certificate. Default: the host alone. */
  readonly namesOf?: (host: string) => readonly string[];
  /** What a door that cannot listen means. Default Refuse: the snapshot is. */
  readonly whenBlocked?: 'Refuse' | 'LeaveOut';
  /** Told after each change which doors are open, and which are not because somebody else has their address. Must not throw. */
  readonly doorsChanged?: (open: readonly OpenDoor[], blocked: readonly BlockedDoor[]) => void;
  /** Shows agents where SSH is spoken, before they are told that the doors are open. */
  readonly showHostKey?: (places: readonly ShownPlace[]) => Promise<void>;
}

const ALPN: Readonly<Record<string, readonly string[]>> = { Postgres: ['postgresql'] };

function addressOf({ target: { spec }, secrets }: OpenDoor, lookup: LookupFunction | undefined): TargetAddress {
  const { host, port, tls, protocol } = spec;
  return {
    host,
    port,
    tlsMode: tls?.mode ?? 'VerifyFull',
    authorities: secrets?.authorities ?? [],
    alpn: ALPN[protocol] ?? [],
    lookup,
  };
}

const LOOPBACK = new Set(['127.0.0.1', '::1']);

/** Clients look for a PostgreSQL server's socket under this name in the directory that they are given (libpq, "host"). */
function unixName(protocol: string, port: number): string {
  return protocol === 'Postgres' ? `.s.PGSQL.${port}` : `${protocol.toLowerCase()}.${port}.sock`;
}

/** The gate with its sockets: takes snapshots, answers each with Ack or Nack, and relays. */
export class GateProgram {
  readonly #options: GateProgramOptions;
  readonly #gate: Gate;
  readonly #doors: Doors;
  readonly #garbage = new BufferGarbage();
  #applying: Promise<unknown> = Promise.resolve();
  #wanted: ReadonlyMap<string, OpenDoor> = new Map();
  #blocked: readonly BlockedDoor[] = [];

  constructor(options: GateProgramOptions) {
    this.#options = options;
    const verifier = options.openVerifier(() => this.#gate.issuers);
    const verify: GateOptions['verify'] = (token, source, names) => verifier.verify(token, source, names);
    this.#gate = new Gate({
      ...options,
      verify,
      agentTls: true,
      readCatalog: (door, database, protocol) => this.#readCatalog(door, database, protocol),
      listening: () => this.#doors.described,
    });
    this.#doors = new Doors((key, socket) => this.#accept(key, socket), unixName);
  }

  get gate(): Gate {
    return this.#gate;
  }

  /** Snapshots are applied one after the other, each whole or not at all. */
  apply(snapshot: Snapshot): Promise<FromGate> {
    const applied = this.#applying.then(() => this.#apply(snapshot));
    this.#applying = applied;
    return applied;
  }

  /** Tries again to open the doors whose addresses somebody else had. */
  retryBlocked(): void {
    if (this.#blocked.length === 0) return;
    this.#applying = this.#applying.then(async () => {
      const opened = await this.#doors.open(this.#wanted, 'LeaveOut');
      if (!opened.ok) return;
      const before = this.#blocked.length;
      opened.value.settle();
      if (opened.value.blocked.length < before) await this.#changed(opened.value.blocked);
    });
  }

  async #apply(snapshot: Snapshot): Promise<FromGate> {
    const { version, nonce, resources, operatorNamespace, maskKey, namespaceLabels = {} } = snapshot;
    const nack = (faults: readonly Fault[]): FromGate => ({ kind: 'Nack', version, nonce, faults });
    const rules = compileRules({ ...resources, operatorNamespace, maskKey, version, namespaceLabels });
    if (!rules.ok) return nack(rules.fault);
    const { configuration, faults } = configure(snapshot, rules.value);
    if (faults.length > 0) return nack(faults);
    const opened = await this.#doors.open(configuration.doors, this.#options.surroundings?.whenBlocked);
    if (!opened.ok) return nack(opened.fault);
    this.#wanted = configuration.doors;
    this.#gate.adopt(configuration);
    opened.value.settle();
    await this.#changed(opened.value.blocked);
    return { kind: 'Ack', version, nonce, listeners: this.#doors.described };
  }

  async #changed(blocked: readonly BlockedDoor[]): Promise<void> {
    this.#blocked = blocked;
    const closed = new Set(blocked.map(({ opened }) => opened));
    const open = [...this.#wanted.values()].filter((door) => !closed.has(door));
    const { doorsChanged, showHostKey } = this.#options.surroundings ?? {};
    doorsChanged?.(open, blocked);
    await showHostKey?.(this.#sshPlaces(open)).catch((error: unknown) => {
      this.#options.log('Error', 'agents are not shown the host key for SSH', { error: String(error) });
    });
  }

  #sshPlaces(open: readonly OpenDoor[]): readonly ShownPlace[] {
    const { namesOf = (host: string) => [host] } = this.#options.surroundings ?? {};
    return this.#doors.described.flatMap(({ host, port, ...ends }) => {
      const door = open.find((one) => leadsAlike(one.door, ends));
      if (door?.target.spec.protocol !== 'SSH') return [];
      return { names: [host, ...(LOOPBACK.has(host) ? ['localhost'] : []), ...namesOf(door.target.spec.host)], port };
    });
  }

  stop(): void {
    this.#blocked = [];
    this.#wanted = new Map();
    this.#doors.close();
    this.#gate.stop();
  }

  #accept(key: string, socket: Socket): void {
    const opened = this.#wanted.get(key);
    if (opened === undefined) {
      socket.destroy();
      return;
    }
    const { surroundings = {} } = this.#options;
    const { host } = opened.target.spec;
    const { namesOf = () => [host] } = surroundings;
    const protocol = this.#options.protocols.get(opened.target.spec.protocol);
    const { hostKeys = [] } = opened.target.spec.ssh ?? {};
    const connection = new Connection(socket, {
      target: addressOf(opened, surroundings.lookup),
      ...(protocol?.openTransport === undefined
        ? {}
        : { transport: (side, end) => protocol.openTransport?.(side, { hostKeys }, end) }),
      agentTls: () =>
        this.#options.authority.contextFor([
          ...namesOf(host),
          'localhost',
          ...new Set(['127.0.0.1', '::1', opened.door.listen.host]),
        ]),
      passed: (bytes) => this.#garbage.passed(bytes),
      bug: (error) =>
        this.#options.log('Error', 'fault in the gate', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    });
    const session = this.#gate.open(key, connection);
    if (session === undefined) socket.destroy();
    else connection.attach(session);
  }

  async #readCatalog(door: OpenDoor, database: string, protocol: Protocol): Promise<Result<unknown, Fault>> {
    const { secrets, target } = door;
    if (protocol.readCatalog === undefined || secrets === undefined) {
      return {
        ok: false,
        fault: { code: 'CatalogUnavailable', message: `The catalog of ${target.spec.host} cannot be read.` },
      };
    }
    const conversation = protocol.readCatalog({
      credential: { username: secrets.username, password: secrets.password },
      database,
      tls: target.spec.tls?.mode !== 'Disable',
      random: this.#options.random,
      shared: this.#options.shared.get(protocol.name),
    });
    return readCatalog(addressOf(door, this.#options.surroundings?.lookup), conversation);
  }
}

/** Unknown input from the supervisor is not acted on. */
export function isToGate(message: unknown): message is ToGate {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    (message.kind === 'Snapshot' || message.kind === 'Question' || message.kind === 'Stop')
  );
}
