import type { TargetLogin } from './credential.ts';
import type { GateAnswer, GateQuestion } from './gate-question.ts';
import type { AgentAccess, Policy, Target } from './resources.ts';

/** An issuer of identity, from the operator's configuration. */
export interface Issuer {
  readonly name: string;
  readonly url: string;
  readonly audiences: readonly string[];
  /** Default `groups`. */
  readonly groupsClaim?: string;
  /** Default `sub`. */
  readonly subjectClaim?: string;
  /** Where the keys are, when not found by OIDC discovery. */
  readonly jwksUrl?: string;
}

/** The secret half of a snapshot: held in memory, never logged, never in a resource. */
export interface TargetSecrets extends TargetLogin {
  readonly target: { readonly namespace: string; readonly name: string };
  /** PEM of the authorities that the target's certificate may come from; empty: the system's. */
  readonly authorities: readonly string[];
}

/** One door: an AgentAccess lets agents reach a Target here. */
export interface Door {
  readonly access: { readonly namespace: string; readonly name: string };
  readonly target: { readonly namespace: string; readonly name: string };
  /** Where the agent connects: an address and port (0: any free port), and beside it a Unix socket directory when given. */
  readonly listen: { readonly host: string; readonly port: number; readonly unixDirectory?: string };
  /** Workload identity on one machine: the file that holds the agent's token, read afresh for each connection. */
  readonly workloadTokenFile?: string;
}

/** The identity of a pod as the API server attested it: its service account, and the groups that TokenReview states. */
export interface WorkloadIdentity {
  /** Who vouches for it: `kubernetes`. */
  readonly issuer: string;
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subject: string;
  readonly groups: readonly string[];
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
}

/** What annotations of the pod say of its agent: claimed by whoever made the pod, never verified. */
export interface PodClaims {
  readonly agent?: string;
  readonly run?: string;
  readonly task?: string;
  readonly onBehalfOf?: string;
}

/** A gate reads no larger one, in bytes of JSON. */
export const SNAPSHOT_BYTES_MAX = 16 << 20;

/** All that a gate runs on: one full snapshot, acked or refused whole. */
export interface Snapshot {
  readonly version: string;
  readonly nonce: string;
  readonly resources: {
    readonly targets: readonly Target[];
    readonly accesses: readonly AgentAccess[];
    readonly policies: readonly Policy[];
  };
  /** The namespace whose Policies speak for the whole cluster. */
  readonly operatorNamespace: string;
  /** Labels of namespaces by name, for Targets that admit by selector; the label with the name itself is always implied. */
  readonly namespaceLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Hex, 32 bytes: the key of Hash masks. */
  readonly maskKey: string;
  readonly issuers: readonly Issuer[];
  /** Who decides held commands on one machine, as its Configuration says. */
  readonly owner?: { readonly subject?: string; readonly groups?: readonly string[] };
  readonly secrets: readonly TargetSecrets[];
  /** In a cluster: who the pod is, for doors whose identity comes from the workload. Such a door then names no token file. */
  readonly workload?: WorkloadIdentity;
  /** In a cluster: what the pod's annotations claim, for the record of every session. */
  readonly claims?: PodClaims;
  /** Everything is closed, and this is why: open sessions end with it, and whoever connects is told. */
  readonly closed?: string;
  readonly doors: readonly Door[];
}

/** What the program that supervises a gate on one machine sends (Node IPC). */
export type ToGate =
  | { readonly kind: 'Snapshot'; readonly snapshot: Snapshot }
  /** Answered by Answer with the same id. */
  | { readonly kind: 'Question'; readonly id: number; readonly question: GateQuestion }
  | { readonly kind: 'Stop' };

/** What the gate answers. */
export type FromGate =
  | {
      readonly kind: 'Ack';
      readonly version: string;
      readonly nonce: string;
      readonly listeners: readonly ListeningDoor[];
    }
  | {
      readonly kind: 'Nack';
      readonly version: string;
      readonly nonce: string;
      readonly faults: readonly {
        readonly code: string;
        readonly message: string;
        readonly where?: string;
        readonly mend?: string;
      }[];
    }
  | { readonly kind: 'Answer'; readonly id: number; readonly answer: GateAnswer }
  | { readonly kind: 'Fault'; readonly message: string };

export interface ListeningDoor {
  readonly access: { readonly namespace: string; readonly name: string };
  readonly target: { readonly namespace: string; readonly name: string };
  readonly host: string;
  readonly port: number;
  readonly unixSocket?: string;
  /** The target could not be reached when tried: why. The door is open all the same. */
  readonly warning?: string;
}
