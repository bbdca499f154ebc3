/**
 * What a session record is made of, in the order in which it happened. Times are microseconds since the epoch.
 * Everything here is already masked: nothing that a mask takes away ever reaches a record.
 */
export type SessionEvent =
  | Opened
  | CommandJudged
  | HoldEnded
  | CommandForwarded
  | InputPart
  | AnswerPart
  | CommandFinished
  | Remark
  | Closed;

export interface Opened {
  readonly kind: 'Opened';
  readonly atUs: number;
  readonly sessionId: string;
  readonly gate: { readonly id: string; readonly version: string };
  readonly protocol: string;
  readonly target: { readonly namespace: string; readonly name: string; readonly host: string; readonly port: number };
  readonly access: { readonly namespace: string; readonly name: string };
  /** Proved. */
  readonly verified: {
    readonly source: string;
    readonly issuer: string;
    readonly subject: string;
    readonly groups: readonly string[];
    readonly groupsKnown: boolean;
    readonly expiresAtMs: number;
    readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
  };
  /** Said by the agent: agent, run, task, onBehalfOf, applicationName, traceparent. */
  readonly claimed: Readonly<Record<string, string>>;
  /** What the protocol adds: database, user asked for, TLS. */
  readonly details: Readonly<Record<string, string>>;
  readonly policyVersion: string;
}

export interface CommandJudged {
  readonly kind: 'CommandJudged';
  readonly atUs: number;
  /** Counts from 1 in each session. */
  readonly commandId: number;
  /** The command's own text (SQL), literals of masked columns and detected contents masked. */
  readonly text: string;
  /** SHA-256 of the exact bytes that would be forwarded. */
  readonly sha256: Uint8Array;
  /** Bind values as text, masked alike; undefined is NULL. */
  readonly binds: readonly (string | undefined)[];
  /** Short names for lists and search: verbs, and tables as `read public.orders`. */
  readonly verbs: readonly string[];
  readonly objects: readonly string[];
  readonly complete: boolean;
  readonly decision: 'Allow' | 'Deny' | 'RequireApproval';
  /** `namespace/policy/rule`, or the built-in rule's name. */
  readonly rule: string;
  readonly reason: string;
  readonly policyVersion: string;
  /** What rules in Observe mode would have done: `Deny namespace/policy/rule: reason`. */
  readonly observed: readonly string[];
  /** Claims that came with this command alone (sqlcommenter, traceparent). */
  readonly claimed: Readonly<Record<string, string>>;
  /** The command is not sent for execution here but is made ready (Parse): the id of what it prepares. */
  readonly prepares?: string;
}

/** A command that waited for a human: how that ended. */
export interface HoldEnded {
  readonly kind: 'HoldEnded';
  readonly atUs: number;
  readonly commandId: number;
  readonly approvalId: string;
  readonly outcome: 'Approved' | 'Refused' | 'Expired' | 'Cancelled';
  readonly decidedBy: readonly {
    readonly user: string;
    readonly decision: string;
    readonly reason: string;
    readonly atUs: number;
  }[];
  readonly reason: string;
}

/** Written before the command's bytes leave for the target. */
export interface CommandForwarded {
  readonly kind: 'CommandForwarded';
  readonly atUs: number;
  readonly commandId: number;
}

/** More that the agent sent for a running command (rows of a COPY), in the protocol's own bytes, masked; written before it leaves for the target. */
export interface InputPart {
  readonly kind: 'InputPart';
  readonly atUs: number;
  readonly commandId: number;
  readonly bytes: Uint8Array;
}

/** A piece of the answer, in the protocol's own bytes as the agent gets them (masked), written before they leave for the agent. */
export interface AnswerPart {
  readonly kind: 'AnswerPart';
  readonly atUs: number;
  /** 0 when the target spoke unasked (notice, notification). */
  readonly commandId: number;
  readonly bytes: Uint8Array;
}

export interface CommandFinished {
  readonly kind: 'CommandFinished';
  readonly atUs: number;
  readonly commandId: number;
  readonly outcome: 'Done' | 'Failed' | 'Refused' | 'Lost';
  /** The protocol's own word: a command tag (`SELECT 3`). */
  readonly tag: string;
  readonly errorCode: string;
  readonly errorText: string;
  readonly rows: number;
  /** Bytes of the answer that the agent was given. */
  readonly answerBytes: number;
  readonly durationUs: number;
  /** Values that a mask changed. */
  readonly maskedValues: number;
}

/** Anything else worth keeping: a policy change, a catalog refresh, a fault. */
export interface Remark {
  readonly kind: 'Remark';
  readonly atUs: number;
  readonly code: string;
  readonly text: string;
}

export interface Closed {
  readonly kind: 'Closed';
  readonly atUs: number;
  /** A stable word: AgentLeft, TargetLeft, Expired, Refused, Killed, GateStopped, TailUnknown, Fault. */
  readonly code: string;
  readonly reason: string;
}
