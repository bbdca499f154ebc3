import { type AgentAccess, assertNever, type Fault, type Snapshot, type WorkloadIdentity } from '@sidegate/crds';

/** A snapshot as the operator sent it: without a nonce, and without the identity that the stream's welcome states. */
export type ControlContent = Omit<Snapshot, 'nonce' | 'workload'>;

export interface ControlTerms {
  /** Without a word from the operator for so long the rules are stale: said in metrics and status, nothing changes. */
  readonly staleAfterMs: number;
  /** And after so long every session ends and none opens. */
  readonly failClosedAfterMs: number;
}

/** What survives a restart of the gate's container: all that is needed to run on. Holds secrets. */
export interface KeptConfiguration {
  readonly content: ControlContent;
  readonly workload: WorkloadIdentity;
  readonly terms: ControlTerms;
}

/**
 * `Waiting`: there are no rules yet. `Current`: the operator was heard lately. `Stale`: it was not; the last rules hold. `Closed`: it was not for
 * too long; nothing is open.
 */
export type ControlPhase = 'Waiting' | 'Current' | 'Stale' | 'Closed';

export type ControlEvent =
  /** Found on disk at the start; the operator was last heard `ageMs` ago. */
  | { readonly kind: 'Restored'; readonly kept: KeptConfiguration; readonly ageMs: number }
  | { readonly kind: 'Welcomed'; readonly workload: WorkloadIdentity; readonly terms: ControlTerms }
  | { readonly kind: 'Offered'; readonly content: ControlContent; readonly nonce: string }
  | { readonly kind: 'Unreadable'; readonly version: string; readonly nonce: string; readonly fault: Fault }
  /** What became of an `Apply` step. */
  | { readonly kind: 'Applied'; readonly step: ApplyStep; readonly faults: readonly Fault[] }
  | { readonly kind: 'Heard' }
  | { readonly kind: 'Lost' }
  | { readonly kind: 'Tick' };

export interface ApplyStep {
  readonly kind: 'Apply';
  readonly snapshot: Snapshot;
  /** What this is: the operator's offer, the last known good again, or the same with everything closed. */
  readonly as: 'Offer' | 'Known' | 'Closed';
}

export type ControlStep =
  | ApplyStep
  | { readonly kind: 'Answer'; readonly version: string; readonly nonce: string; readonly faults: readonly Fault[] }
  | { readonly kind: 'Keep'; readonly kept: KeptConfiguration }
  | { readonly kind: 'Phase'; readonly phase: ControlPhase };

/** Until the operator states its own. */
const TERMS: ControlTerms = { staleAfterMs: 60_000, failClosedAfterMs: 3_600_000 };

/**
 * What a gate does with what it hears from its operator, and with silence. Pure: time comes with each event, in milliseconds that only go
 * forward. The rules before stay until others are applied; nothing but silence closes the gate.
 */
export class ControlState {
  #phase: ControlPhase = 'Waiting';
  #heardMs = 0;
  #terms = TERMS;
  #workload: WorkloadIdentity | undefined;
  #held: ControlContent | undefined;
  /** What the gate's doors show now; undefined while nothing is applied. */
  #shown: 'Open' | 'Closed' | undefined;

  get phase(): ControlPhase {
    return this.#phase;
  }

  /** What is told to the operator as held: nothing while closed, so that it sends what holds now before anything opens. */
  get heldVersion(): string {
    return this.#shown === 'Open' ? (this.#held?.version ?? '') : '';
  }

  handle(event: ControlEvent, nowMs: number): readonly ControlStep[] {
    switch (event.kind) {
      case 'Restored':
        return this.#restore(event.kept, nowMs - Math.max(event.ageMs, 0), nowMs);
      case 'Welcomed':
        this.#workload = event.workload;
        this.#terms = event.terms;
        return this.#hear(nowMs);
      case 'Offered':
        return [...this.#hear(nowMs), this.#apply(event.content, event.nonce, 'Offer')];
      case 'Unreadable':
        return [
          ...this.#hear(nowMs),
          { kind: 'Answer', version: event.version, nonce: event.nonce, faults: [event.fault] },
        ];
      case 'Applied':
        return this.#applied(event.step, event.faults, nowMs);
      case 'Heard':
        return this.#hear(nowMs);
      case 'Lost':
      case 'Tick':
        return this.#look(nowMs);
      default:
        return assertNever(event);
    }
  }

  #restore({ content, workload, terms }: KeptConfiguration, heardMs: number, nowMs: number): readonly ControlStep[] {
    if (this.#held !== undefined) return [];
    this.#workload = workload;
    this.#terms = terms;
    this.#heardMs = heardMs;
    this.#held = content;
    const tooOld = nowMs - heardMs >= terms.failClosedAfterMs;
    return [this.#apply(content, 'kept', tooOld ? 'Closed' : 'Known')];
  }

  /** A closed gate opens with the next snapshot, not with a sign of life. */
  #hear(nowMs: number): readonly ControlStep[] {
    this.#heardMs = nowMs;
    return this.#phase === 'Stale' ? this.#enter('Current') : [];
  }

  #look(nowMs: number): readonly ControlStep[] {
    const silentMs = nowMs - this.#heardMs;
    if (this.#held === undefined || this.#phase === 'Waiting' || this.#phase === 'Closed') return [];
    if (silentMs >= this.#terms.failClosedAfterMs) return [this.#apply(this.#held, 'closed', 'Closed')];
    return silentMs >= this.#terms.staleAfterMs ? this.#enter('Stale') : [];
  }

  #applied({ as, snapshot }: ApplyStep, faults: readonly Fault[], nowMs: number): readonly ControlStep[] {
    const { version, nonce } = snapshot;
    const answer: readonly ControlStep[] = as === 'Offer' ? [{ kind: 'Answer', version, nonce, faults }] : [];
    if (faults.length > 0) {
      // What was kept by another version of the program may mean nothing to this one: wait for the operator.
      if (as === 'Known' && this.#shown === undefined) this.#held = undefined;
      return answer;
    }
    this.#shown = as === 'Closed' ? 'Closed' : 'Open';
    if (as === 'Closed') return this.#enter('Closed');
    const content = contentOf(snapshot);
    this.#held = content;
    const kept: readonly ControlStep[] =
      as === 'Offer' && this.#workload !== undefined
        ? [{ kind: 'Keep', kept: { content, workload: this.#workload, terms: this.#terms } }]
        : [];
    const stale = nowMs - this.#heardMs >= this.#terms.staleAfterMs;
    return [...answer, ...kept, ...this.#enter(stale ? 'Stale' : 'Current')];
  }

  #enter(phase: ControlPhase): readonly ControlStep[] {
    if (this.#phase === phase) return [];
    this.#phase = phase;
    return [{ kind: 'Phase', phase }];
  }

  #apply(content: ControlContent, nonce: string, as: ApplyStep['as']): ApplyStep {
    const workload = this.#workload === undefined ? {} : { workload: this.#workload };
    const snapshot: Snapshot = { ...content, ...workload, nonce };
    return { kind: 'Apply', as, snapshot: as === 'Closed' ? closed(snapshot) : snapshot };
  }
}

/** The same doors with nothing behind them: every session ends, a new one is told so, and no credential is held any more. */
function closed(snapshot: Snapshot): Snapshot {
  const suspend = (access: AgentAccess): AgentAccess => ({ ...access, spec: { ...access.spec, suspend: true } });
  const resources = { ...snapshot.resources, accesses: snapshot.resources.accesses.map(suspend) };
  const reason = 'This gate has not heard from its operator for too long.';
  return { ...snapshot, version: `${snapshot.version}-closed`, closed: reason, resources, secrets: [] };
}

function contentOf(snapshot: Snapshot): ControlContent {
  const { version, resources, operatorNamespace, namespaceLabels = {}, maskKey, issuers, secrets, doors } = snapshot;
  const { claims } = snapshot;
  const content = { version, resources, operatorNamespace, namespaceLabels, maskKey, issuers, secrets, doors };
  return claims === undefined ? content : { ...content, claims };
}
