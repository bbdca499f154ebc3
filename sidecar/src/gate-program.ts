import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Fault, FromGate, Issuer, Result, Snapshot, ToGate } from '@sidegate/crds';
import { compileRules } from '@sidegate/policy';
import { configure, type OpenDoor } from './gate/configuration.ts';
import { Gate, type GateOptions } from './gate/gate.ts';
import type { TokenVerifier } from './identity/token-verifier.ts';
import type { Log } from './log.ts';
import type { Protocol } from './protocols/protocol.ts';
import { type AgentAuthority, openAgentAuthority } from './relay/agent-certificate.ts';
import { readCatalog } from './relay/catalog-reader.ts';
import { Connection } from './relay/connection.ts';
import { Doors } from './relay/doors.ts';
import type { TargetAddress } from './relay/target-address.ts';

export interface GateProgramOptions extends Omit<GateOptions, 'readCatalog' | 'agentTls' | 'verify'> {
  readonly log: Log;
  readonly random: (bytes: number) => Uint8Array;
  /** A verifier that asks for the issuers of the snapshot in force at each token. */
  readonly openVerifier: (issuers: () => readonly Issuer[]) => TokenVerifier;
  /** Called once with the PEM of what agents trust, when the first agent asks for TLS. */
  readonly publishAuthority: (certificate: string) => Promise<void>;
}

const ALPN: Readonly<Record<string, readonly string[]>> = { Postgres: ['postgresql'] };

function addressOf({ target: { spec }, secrets }: OpenDoor): TargetAddress {
  const { host, port, tls, protocol } = spec;
  return {
    host,
    port,
    tlsMode: tls?.mode ?? 'VerifyFull',
    authorities: secrets?.authorities ?? [],
    alpn: ALPN[protocol] ?? [],
  };
}

/** Clients look for a PostgreSQL server's socket under this name in the directory that they are given (libpq, "host"). */
function unixName(protocol: string, port: number): string {
  return protocol === 'Postgres' ? `.s.PGSQL.${port}` : `${protocol.toLowerCase()}.${port}.sock`;
}

/** The gate with its sockets: takes snapshots, answers each with Ack or Nack, and relays. */
export class GateProgram {
  readonly #options: GateProgramOptions;
  readonly #gate: Gate;
  readonly #doors: Doors;
  #authority: Promise<AgentAuthority> | undefined;
  #applying: Promise<unknown> = Promise.resolve();
  #wanted: ReadonlyMap<string, OpenDoor> = new Map();

  constructor(options: GateProgramOptions) {
    this.#options = options;
    const verifier = options.openVerifier(() => this.#gate.issuers);
    const verify: GateOptions['verify'] = (token, source, names) => verifier.verify(token, source, names);
    this.#gate = new Gate({
      ...options,
      verify,
      agentTls: true,
      readCatalog: (door, database, protocol) => this.#readCatalog(door, database, protocol),
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

  async #apply(snapshot: Snapshot): Promise<FromGate> {
    const { version, nonce, resources, operatorNamespace, maskKey, namespaceLabels = {} } = snapshot;
    const nack = (faults: readonly Fault[]): FromGate => ({ kind: 'Nack', version, nonce, faults });
    const rules = compileRules({ ...resources, operatorNamespace, maskKey, version, namespaceLabels });
    if (!rules.ok) return nack(rules.fault);
    const { configuration, faults } = configure(snapshot, rules.value);
    if (faults.length > 0) return nack(faults);
    const opened = await this.#doors.open(configuration.doors);
    if (!opened.ok) return nack(opened.fault);
    this.#wanted = configuration.doors;
    this.#gate.adopt(configuration);
    opened.value.settle();
    return { kind: 'Ack', version, nonce, listeners: this.#doors.described };
  }

  stop(): void {
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
    const connection = new Connection(socket, {
      target: addressOf(opened),
      agentTls: async () =>
        (await this.#openAuthority()).contextFor([opened.target.spec.host, 'localhost', '127.0.0.1', '::1']),
      bug: (error) =>
        this.#options.log('Error', 'fault in the gate', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    });
    const session = this.#gate.open(key, connection);
    if (session === undefined) socket.destroy();
    else connection.attach(session);
  }

  #openAuthority(): Promise<AgentAuthority> {
    this.#authority ??= openAgentAuthority(this.#options.nowUs() / 1000).then(async (authority) => {
      await this.#options.publishAuthority(authority.certificate);
      return authority;
    });
    return this.#authority;
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
    return readCatalog(addressOf(door), conversation);
  }
}

/** Where the gate's certificate authority is written for agents that ask for TLS. */
export function authorityFile(stateFolder: string): string {
  return join(stateFolder, 'agent-ca.pem');
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
