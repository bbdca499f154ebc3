import { randomBytes, randomUUID } from 'node:crypto';
import {
  type Fault,
  fail,
  type Issuer,
  type KillSelection,
  type ListeningDoor,
  ok,
  type Result,
  type Target,
} from '@sidegate/crds';
import { isPodUid, podSessionId } from '@sidegate/session';
import type { Credential, Protocol, ProtocolLimits } from '../protocols/protocol.ts';
import type { Recorder } from '../recorder.ts';
import { type AdmissionJudges, admit, closedRefusal, type Proof } from './admission.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import type { BudgetBook } from './budget-book.ts';
import { Budgets } from './budgets.ts';
import { Catalogs } from './catalogs.ts';
import { type Configuration, leadsAlike, movedTarget, nameOf, type OpenDoor } from './configuration.ts';
import { GatedSession } from './gated-session.ts';
import { HeldBytes } from './held-bytes.ts';
import { isSelected } from './kill-selection.ts';
import { describeOpening } from './opened-record.ts';
import { SessionTable } from './session-table.ts';
import type { SessionObserver, SessionSurroundings } from './surroundings.ts';
import { Turn } from './turn.ts';
import type { Wires } from './wires.ts';

const LIMITS: ProtocolLimits = { frameBytesMax: 1 << 30, pendingCommandsMax: 10_000, preparedMax: 10_000 };

export interface GateOptions {
  readonly gateId: string;
  readonly gateVersion: string;
  readonly recorder: Recorder;
  readonly protocols: ReadonlyMap<string, Protocol>;
  /** What a protocol's sessions share (parsed statements, derived keys), by protocol. */
  readonly shared: ReadonlyMap<string, unknown>;
  readonly verify: AdmissionJudges['verify'];
  readonly readWorkloadToken: (path: string) => Promise<Result<string, Fault>>;
  /** Reads the catalog of a target's database on a connection of its own. */
  readonly readCatalog: (door: OpenDoor, database: string, protocol: Protocol) => Promise<Result<unknown, Fault>>;
  /** Where held commands wait for people; undefined where nobody can be asked. */
  readonly desk: ApprovalDesk | undefined;
  /** What agents may still do; default: this gate counts by itself. */
  readonly budgets?: BudgetBook;
  readonly agentTls: boolean;
  /** What all sessions together may hold in memory of commands and answers that are not whole or must wait, in bytes. */
  readonly heldBytesMax: number;
  /** Where the doors that are open are reached, which may be any free port; default: where they were told to listen. */
  readonly listening?: () => readonly ListeningDoor[];
  readonly nowUs: () => number;
  readonly observe: SessionObserver;
}

/** The gate itself: the rules in force, the sessions open, and how a connection becomes a session. */
export class Gate {
  readonly #options: GateOptions;
  readonly #turn: Turn;
  readonly #catalogs = new Catalogs(() => this.#options.nowUs() / 1000);
  readonly #budgets: BudgetBook;
  readonly #held: HeldBytes;
  readonly sessions = new SessionTable();
  #configuration: Configuration | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#turn = new Turn(options.recorder);
    this.#budgets = options.budgets ?? new Budgets();
    this.#held = new HeldBytes(options.heldBytesMax);
  }

  /** From here on the next command of every session is judged by the new rules; sessions that may no longer be open are over. */
  adopt(configuration: Configuration): void {
    const before = this.#configuration;
    this.#configuration = configuration;
    for (const [key, door] of before?.doors ?? []) {
      const now = configuration.doors.get(key);
      if (now !== undefined && !movedTarget(door, now)) continue;
      this.#catalogs.forget((catalog) => catalog.startsWith(`${nameOf(door.door.target)} `));
      this.#endDoor(door, now === undefined ? 'This access to the target was taken away.' : 'The target has moved.');
    }
    const { closed } = configuration.snapshot;
    if (closed !== undefined) this.sessions.terminate(() => true, closedRefusal('Terminated', closed), 'Killed');
    this.sessions.rebind(configuration.rules);
    this.#options.desk?.rulesChanged(configuration.rules.version);
  }

  /** Opens a conversation through the door `key`; undefined when that door is closed by now. */
  open(key: string, wires: Wires): GatedSession | undefined {
    const opened = this.#configuration?.doors.get(key);
    const protocol = opened === undefined ? undefined : this.#options.protocols.get(opened.target.spec.protocol);
    if (opened === undefined || protocol === undefined) return undefined;
    const session: GatedSession = new GatedSession(
      protocol.openSession({
        target: { ...describeTarget(opened.target), redirect: (host, port) => this.#redirect(opened, host, port) },
        agentTls: this.#options.agentTls,
        identitySource: opened.access.spec.identity.source,
        limits: LIMITS,
        random: (bytes) => randomBytes(bytes),
        shared: this.#options.shared.get(protocol.name),
      }),
      this.#surround(key, opened, protocol, wires, () => session),
    );
    this.sessions.add(session, opened.door);
    return session;
  }

  /** Called about once a second: ends what has expired, and looks after agents that are not read. */
  tick(): void {
    const nowMs = this.#options.nowUs() / 1000;
    this.sessions.tick(nowMs);
    this.#budgets.tick(nowMs);
  }

  /** The issuers of identity in force. */
  get issuers(): readonly Issuer[] {
    return this.#configuration?.snapshot.issuers ?? [];
  }

  /** Ends sessions because somebody said so; gives their ids. */
  kill(which: KillSelection, by: string, reason: string): readonly string[] {
    const why = reason === '' ? `${by} ended this session.` : `${by} ended this session: ${reason}`;
    const hint = 'Ask whoever ended it before you connect again.';
    return this.sessions.terminate(
      (session, door) => isSelected(which, session, door),
      { kind: 'Terminated', rule: 'kill', reason: why, hint },
      'Killed',
    );
  }

  /** The store will never take this session's record, so the session is over. */
  recordRefused(sessionId: string, why: string): void {
    const reason = `The store does not take the record of this session: ${why}`;
    this.sessions.terminate(
      (session) => session.sessionId === sessionId,
      { kind: 'Terminated', rule: 'record', reason, hint: 'Tell whoever keeps the store; its alarms say more.' },
      'Fault',
    );
  }

  /** Every session is told that the gate stops. */
  stop(): void {
    const reason = 'The gate is being stopped.';
    this.sessions.terminate(
      () => true,
      { kind: 'Terminated', rule: 'stopped', reason, hint: 'Connect again when it is back.' },
      'GateStopped',
    );
  }

  /** The door of the same agent to a Target of this protocol at this address. */
  #redirect({ door, target }: OpenDoor, host: string, port: number): { host: string; port: number } | undefined {
    for (const other of this.#configuration?.doors.values() ?? []) {
      const { spec } = other.target;
      if (nameOf(other.door.access) !== nameOf(door.access) || spec.protocol !== target.spec.protocol) continue;
      if (spec.host === host && spec.port === port) return this.#placeOf(other);
    }
    return undefined;
  }

  #placeOf({ door }: OpenDoor): { host: string; port: number } | undefined {
    const { listening } = this.#options;
    if (listening === undefined) return door.listen;
    return listening().find((one) => leadsAlike(one, door) && one.host === door.listen.host);
  }

  /** In a pod it begins with the pod's UID: the store takes the session from no other pod. */
  #newSessionId(): string {
    const { gateId } = this.#options;
    return isPodUid(gateId) ? podSessionId(gateId, randomBytes(12).toString('hex')) : randomUUID();
  }

  #endDoor({ door }: OpenDoor, reason: string): void {
    this.sessions.terminate(
      (_session, one) => leadsAlike(one, door),
      { kind: 'Terminated', rule: 'door', reason, hint: 'Connect again.' },
      'Killed',
    );
  }

  /** Workload: a token file where the door names one (on one machine), else the pod as it was attested. */
  async #proofOf({ access, door }: OpenDoor, token: string | undefined): Promise<Proof> {
    const workload = this.#configuration?.snapshot.workload;
    if (access.spec.identity.source === 'Token') {
      const where = workload === undefined ? {} : { pod: workload.pod };
      return { kind: 'Token', token: ok(token ?? ''), ...where };
    }
    const { workloadTokenFile } = door;
    if (workloadTokenFile !== undefined)
      return { kind: 'Token', token: await this.#options.readWorkloadToken(workloadTokenFile) };
    return workload === undefined ? { kind: 'Token', token: fail(NO_WORKLOAD) } : { kind: 'Attested', workload };
  }

  #surround(
    key: string,
    opened: OpenDoor,
    protocol: Protocol,
    wires: Wires,
    session: () => GatedSession,
  ): SessionSurroundings {
    const { nowUs, observe, desk, verify, recorder } = this.#options;
    const current = (): OpenDoor => this.#configuration?.doors.get(key) ?? opened;
    const rules = () => this.#configuration?.rules ?? unconfigured();
    return {
      turn: this.#turn,
      wires,
      held: this.#held,
      nowUs,
      observe,
      door: opened.door,
      desk,
      budgets: this.#budgets,
      admit: async (step) => {
        const { access, door } = current();
        const proof = await this.#proofOf(current(), step.token);
        // The pod's annotations come from whoever made the pod; what a connection says of itself comes after.
        const claims = { ...step.claims, ...this.#configuration?.snapshot.claims };
        const closed = (): string | undefined => this.#configuration?.snapshot.closed;
        const admitted = await admit(
          { target: door.target, access, proof, claims },
          { verify, rules, closed, credential: () => credentialOf(current()) },
        );
        if (admitted.ok) await this.#budgets.prepare(door, admitted.value.identity, admitted.value.rules.limits);
        return admitted;
      },
      openRecord: (admission, step) => {
        const identity = admission.ok ? admission.value.identity : admission.fault.identity;
        const durability = admission.ok ? admission.value.rules.durability : 'Spool';
        const shown = (text: string): string =>
          admission.ok ? admission.value.rules.recordMasks.maskContent(text) : text;
        const gate = { id: this.#options.gateId, version: this.#options.gateVersion };
        const facts = {
          sessionId: this.#newSessionId(),
          atUs: nowUs(),
          gate,
          door: opened.door,
          target: opened.target,
          identity,
          shown,
        };
        return recorder.open(
          describeOpening({ ...facts, details: step.details, policyVersion: rules().version }),
          durability,
        );
      },
      readCatalog: (database, age, _credential, changes) =>
        this.#catalogs.read(
          `${nameOf(opened.door.target)} ${database}`,
          age,
          () => this.#options.readCatalog(current(), database, protocol),
          changes,
        ),
      cancelOther: (cancelKey) => {
        const bytes = this.sessions.byCancelKey(cancelKey)?.cancel();
        if (bytes !== undefined) wires.sendCancel(bytes);
      },
      claimCancelKey: (cancelKey) => this.sessions.claimCancelKey(session(), cancelKey),
      ended: () => this.sessions.remove(session()),
    };
  }
}

/** With neither a pod that was attested nor a file, nobody is known. */
const NO_WORKLOAD: Fault = {
  code: 'NoWorkload',
  message: 'Nobody vouches for the workload here.',
  mend: 'Identity Workload needs a gate in a pod, or a token file on one machine.',
};

function unconfigured(): never {
  throw new Error('a connection came before the first snapshot');
}

function describeTarget({ spec }: Target): {
  host: string;
  port: number;
  tls: boolean;
  databases: readonly string[] | undefined;
} {
  return {
    host: spec.host,
    port: spec.port,
    tls: spec.tls?.mode !== 'Disable',
    databases: spec.postgres?.databases ?? spec.redis?.databases?.map(String),
  };
}

function credentialOf({ secrets }: OpenDoor): Credential | undefined {
  if (secrets === undefined) return undefined;
  const { target: _target, authorities: _authorities, ...login } = secrets;
  return login;
}
