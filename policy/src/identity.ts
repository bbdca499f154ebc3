/**
 * Who asks, as proved: by a token that the gate verified itself, or by the platform (TokenReview).
 * `groups` is undefined when the issuer says nothing of groups: a rule that selects by group then binds this identity too.
 */
export interface VerifiedIdentity {
  readonly source: 'Token' | 'Workload';
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[] | undefined;
  /** Milliseconds since the epoch; the session ends then. Infinity: it holds as long as the pod does. */
  readonly expiresAtMs: number;
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
}

/** What the agent says of itself. Recorded and shown as claimed; no decision rests on it. */
export interface Claims {
  readonly agent?: string;
  readonly run?: string;
  readonly task?: string;
  readonly onBehalfOf?: string;
  readonly applicationName?: string;
  readonly traceparent?: string;
}

export interface Identity {
  readonly verified: VerifiedIdentity;
  readonly claimed: Claims;
}
