/** API group and version of the four kinds. */
export const API_VERSION = 'sidegate.dev/v1alpha1';

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

export type ProtocolName = 'Postgres' | 'Redis' | 'SSH' | 'Kubernetes' | 'HTTP';
export type TlsMode = 'Disable' | 'Require' | 'VerifyCA' | 'VerifyFull';
export type DefaultAction = 'Allow' | 'Deny';
export type Durability = 'Spool' | 'Central';
export type RecordingContent = 'Full' | 'Commands';

export interface ObjectKeyReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly key: string;
}

export interface TargetSpec {
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
  readonly postgres?: { readonly databases?: readonly string[] };
  readonly redis?: { readonly databases?: readonly number[] };
  readonly ssh?: { readonly hostKeys: readonly string[] };
  readonly tls?: { readonly mode?: TlsMode; readonly caCertificateRefs?: readonly ObjectKeyReference[] };
  readonly credential?: { readonly secretRef: { readonly name: string } };
  readonly allowedNamespaces?: { readonly from?: 'Same' | 'All' | 'Selector'; readonly selector?: LabelSelector };
  readonly require?: { readonly groups?: readonly string[]; readonly subjects?: readonly string[] };
  readonly defaultAction?: DefaultAction;
  readonly recording?: { readonly durability?: Durability; readonly content?: RecordingContent };
}

export interface AgentAccessSpec {
  readonly podSelector: LabelSelector;
  readonly identity: { readonly source: 'Token' | 'Workload'; readonly issuers?: readonly string[] };
  readonly targetRefs: readonly { readonly namespace?: string; readonly name: string }[];
  readonly defaultAction?: DefaultAction;
  readonly recording?: { readonly durability?: Durability };
  readonly suspend?: boolean;
}

export interface RuleMatch {
  readonly postgres?: {
    readonly statements?: readonly string[];
    readonly tables?: readonly { readonly name: string; readonly access?: 'Read' | 'Write' | 'Any' }[];
    readonly functions?: readonly string[];
  };
  readonly redis?: {
    readonly commands?: readonly string[];
    readonly categories?: readonly string[];
    readonly keys?: readonly { readonly name: string; readonly access?: 'Read' | 'Write' | 'Any' }[];
  };
}

export interface ApprovalTerms {
  readonly approvers: { readonly groups?: readonly string[]; readonly subjects?: readonly string[] };
  readonly count?: number;
  readonly timeoutSeconds?: number;
  readonly grant?: { readonly scope: 'Command' | 'Session' | 'Window'; readonly windowSeconds?: number };
}

export interface PolicyRule {
  readonly name: string;
  readonly match?: RuleMatch;
  readonly when?: string;
  readonly action: 'Allow' | 'Deny' | 'RequireApproval';
  readonly reason?: string;
  readonly approval?: ApprovalTerms;
}

export type DetectorName = 'CreditCard' | 'Email' | 'UsSsn' | 'Iban' | 'Phone' | 'Jwt' | 'CloudKey' | 'PrivateKey';

export interface MaskWith {
  readonly type: 'Redact' | 'Partial' | 'Hash' | 'Null';
  /** Only for Partial: how many characters at the end stay; 4 when absent. */
  readonly keepLast?: number;
}

export interface PolicyMask {
  readonly name: string;
  readonly columns?: readonly string[];
  readonly fields?: readonly string[];
  readonly detect?: readonly DetectorName[];
  readonly with: MaskWith;
}

export interface PolicyLimit {
  readonly name: string;
  readonly rows?: number;
  /** A Kubernetes quantity: `50Mi`, or a number of bytes. */
  readonly bytes?: string | number;
  readonly commands?: number;
  readonly perSeconds: number;
  readonly action: 'Deny' | 'RequireApproval';
  readonly approval?: ApprovalTerms;
}

export interface PolicySpec {
  readonly selector?: {
    readonly targetRefs?: readonly { readonly namespace?: string; readonly name: string }[];
    readonly groups?: readonly string[];
    readonly subjects?: readonly string[];
  };
  readonly mode?: 'Enforce' | 'Observe';
  readonly rules?: readonly PolicyRule[];
  readonly masks?: readonly PolicyMask[];
  readonly limits?: readonly PolicyLimit[];
  readonly allowIncomplete?: readonly string[];
}

interface Kind<Name extends string, Spec> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: Name;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
}

export type Target = Kind<'Target', TargetSpec>;
export type AgentAccess = Kind<'AgentAccess', AgentAccessSpec>;
export type Policy = Kind<'Policy', PolicySpec>;

/** A resource that a user writes. */
export type Resource = Target | AgentAccess | Policy;
