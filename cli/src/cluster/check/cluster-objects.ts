/** What the checks look at, of what kubectl prints. Everything may be missing. */

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

export interface Named {
  readonly metadata: Metadata;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

/** Target, AgentAccess or Policy. */
export interface Judged extends Named {
  readonly kind?: string;
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

/** `kubectl version`. */
export interface Versions {
  readonly serverVersion?: { readonly major: string; readonly minor: string; readonly gitVersion?: string };
}

/** What an API group serves. */
export interface ApiResources {
  readonly resources?: readonly { readonly name: string }[];
}

export interface ClusterNode extends Named {
  readonly status?: { readonly nodeInfo?: { readonly kubeletVersion?: string; readonly operatingSystem?: string } };
}

export interface Definition extends Named {
  readonly spec?: {
    readonly versions?: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean }[];
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Deployment or StatefulSet. */
export interface Workload extends Named {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

export interface ClusterPod extends Named {
  readonly spec?: { readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly initContainerStatuses?: readonly {
      readonly name: string;
      readonly started?: boolean;
      readonly state?: { readonly terminated?: { readonly exitCode?: number } };
    }[];
  };
}

export interface Settings extends Named {
  readonly data?: Readonly<Record<string, string>>;
}

/** Binding of an admission policy. */
export interface Binding extends Named {
  readonly spec?: {
    readonly policyName?: string;
    readonly validationActions?: readonly string[];
    readonly paramRef?: { readonly name?: string; readonly namespace?: string };
  };
}

export interface WebhookConfiguration extends Named {
  readonly webhooks?: readonly {
    readonly clientConfig?: { readonly caBundle?: string; readonly service?: { readonly namespace?: string } };
  }[];
}
