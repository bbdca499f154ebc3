import type { Fault, Result } from '@sidegate/crds';
import type { Decision, Identity, SessionRules } from '@sidegate/policy';
import type { Credential, Refusal, Step } from '../protocols/protocol.ts';
import type { SessionRecord } from '../recorder.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import type { BudgetBook } from './budget-book.ts';
import type { CatalogAge } from './catalogs.ts';
import type { DoorNames } from './door-names.ts';
import type { HeldBytes } from './held-bytes.ts';
import type { Turn } from './turn.ts';
import type { Wires } from './wires.ts';

export type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** A verified identity, admitted to the target, and what it comes with. */
export interface Admission {
  readonly identity: Identity;
  readonly rules: SessionRules;
  readonly credential: Credential;
}

/** A connection that was turned away before it became a session: what is known of who it was, and what it is told. */
export interface TurnedAway {
  readonly refusal: Refusal;
  readonly identity: Identity | undefined;
}

/** What the gate counts. */
export interface SessionObserver {
  decided(decision: Decision, durationUs: number): void;
  finished(outcome: StepOf<'Finished'>['outcome'], durationUs: number): void;
}

/** What a session needs from the gate around it. None of the promises ever rejects. */
export interface SessionSurroundings {
  readonly turn: Turn;
  readonly wires: Wires;
  /** What all sessions of this gate hold. */
  readonly held: HeldBytes;
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** Verifies who asks and finds the rules. */
  admit(step: StepOf<'Identify'>): Promise<Result<Admission, TurnedAway>>;
  openRecord(admission: Result<Admission, TurnedAway>, step: StepOf<'Identify'>): SessionRecord;
  /** `changes`: as in the step `NeedCatalog`. */
  readCatalog(
    database: string,
    age: CatalogAge,
    credential: Credential,
    changes: number | undefined,
  ): Promise<Result<unknown, Fault>>;
  cancelOther(key: string): void;
  claimCancelKey(key: string): void;
  readonly door: DoorNames;
  /** Where held commands wait for people; undefined where nobody can be asked. */
  readonly desk: ApprovalDesk | undefined;
  readonly budgets: BudgetBook;
  /** The session is over: forget it. */
  ended(): void;
  readonly observe: SessionObserver;
}
