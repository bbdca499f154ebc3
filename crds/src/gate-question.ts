/** One held command as its approver sees it. Everything that a mask takes away is gone already. */
export interface HeldApproval {
  /** Short, and easy to type. */
  readonly id: string;
  readonly state: 'Pending' | 'Approved' | 'Refused' | 'Expired' | 'Cancelled';
  readonly session: string;
  readonly target: { readonly namespace: string; readonly name: string };
  readonly access: { readonly namespace: string; readonly name: string };
  /** Proved. `groups` is undefined when the issuer says nothing of groups. */
  readonly verified: { readonly issuer: string; readonly subject: string; readonly groups?: readonly string[] };
  /** Said by the agent itself. */
  readonly claimed: Readonly<Record<string, string>>;
  /** The whole text; one that is too long to show whole is never held. */
  readonly text: string;
  /** Bind values; null is NULL. */
  readonly binds: readonly (string | null)[];
  /** SHA-256 of the exact bytes that would be forwarded, in lower-case hex: the same as in the record. */
  readonly sha256: string;
  /** `namespace/policy/rule` of the rule or limit that asks. */
  readonly rule: string;
  readonly reason: string;
  readonly approvers: { readonly groups: readonly string[]; readonly subjects: readonly string[] };
  /** How many different people must approve. */
  readonly needed: number;
  readonly votes: readonly {
    readonly user: string;
    readonly verdict: 'Approve' | 'Refuse';
    readonly reason: string;
    readonly atMs: number;
  }[];
  /** What one approval allows. */
  readonly grant: { readonly scope: 'Command' | 'Session' | 'Window'; readonly windowSeconds?: number };
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** What whoever supervises a gate on one machine may ask of it. */
export type GateQuestion =
  | { readonly kind: 'Approvals' }
  | {
      readonly kind: 'Decide';
      readonly approval: string;
      readonly verdict: 'Approve' | 'Refuse';
      readonly by: { readonly user: string; readonly subject: string; readonly groups: readonly string[] };
      readonly reason: string;
    }
  | { readonly kind: 'Kill'; readonly which: KillSelection; readonly by: string; readonly reason: string }
  | { readonly kind: 'Metrics' };

/** Which sessions end. `agent` is an AgentAccess, `namespace/name` or its name alone, or the name that agents claim to have. */
export type KillSelection = { readonly session: string } | { readonly subject: string } | { readonly agent: string };

export type GateAnswer =
  /** The newest last. Those that were decided lately are among them. */
  | { readonly kind: 'Approvals'; readonly approvals: readonly HeldApproval[] }
  | { readonly kind: 'Decided'; readonly approval: HeldApproval }
  | { readonly kind: 'Killed'; readonly sessions: readonly string[] }
  /** In the Prometheus text exposition format, version 0.0.4. */
  | { readonly kind: 'Metrics'; readonly text: string }
  | { readonly kind: 'Fault'; readonly code: string; readonly message: string; readonly mend?: string };
