import type { ApiObject } from './kube/api-object.ts';

export interface Namespace extends ApiObject {
  readonly kind: 'Namespace';
}

export interface Secret extends ApiObject {
  readonly kind: 'Secret';
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends ApiObject {
  readonly kind: 'ConfigMap';
  readonly data?: Readonly<Record<string, string>>;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly restartPolicy?: string;
  readonly env?: readonly Variable[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly securityContext?: ContainerSecurity;
  readonly [field: string]: unknown;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
  readonly subPathExpr?: string;
}

export interface ContainerSecurity {
  readonly privileged?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface TokenSource {
  readonly audience?: string;
  readonly path: string;
  readonly expirationSeconds?: number;
}

export interface Volume {
  readonly name: string;
  readonly projected?: {
    readonly defaultMode?: number;
    readonly sources?: readonly { readonly serviceAccountToken?: TokenSource; readonly [source: string]: unknown }[];
  };
  readonly [source: string]: unknown;
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly [field: string]: unknown;
}

export interface Pod extends ApiObject {
  readonly kind: 'Pod';
  readonly spec: PodSpec;
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

export function isNamespace(object: ApiObject): object is Namespace {
  return object.kind === 'Namespace';
}

export function isSecret(object: ApiObject): object is Secret {
  return object.kind === 'Secret';
}

export function isConfigMap(object: ApiObject): object is ConfigMap {
  return object.kind === 'ConfigMap';
}

/** A Pod as the API server gives it: it has containers. */
export function isPod(object: ApiObject): object is Pod {
  const { kind, spec } = object;
  return (
    kind === 'Pod' &&
    typeof spec === 'object' &&
    spec !== null &&
    'containers' in spec &&
    Array.isArray(spec.containers)
  );
}

/** A pod whose containers may still run. A terminating one is: its agent works until the grace period is over. */
export function isLive({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
