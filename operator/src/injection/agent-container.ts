import type { Container, Variable, Volume } from '../kinds.ts';
import { LOCK_CONTAINER, USER_CAPABILITY, USER_DROPPED } from './egress-lock.ts';
import {
  GATE_CONTAINER,
  GATE_ONLY_VOLUMES,
  GATE_UID,
  RAW_CAPABILITY,
  RAW_DROPPED,
  TRUST_VOLUME,
} from './gate-template.ts';

/** Our containers, by their names. */
export const OWN_CONTAINERS: readonly string[] = [GATE_CONTAINER, LOCK_CONTAINER];

/**
 * Why a container that is not ours reaches into the gate, or past the lock of a pod that is `locked`: a phrase after the container's name. Undefined
 * when it does not.
 */
export function agentFault(
  { securityContext = {}, volumeMounts = [], env = [], targetContainerName }: Container,
  podUid: unknown,
  locked: boolean,
): string | undefined {
  if (targetContainerName === GATE_CONTAINER) return 'sees the gate’s processes';
  if (targetContainerName === LOCK_CONTAINER) return 'sees the lock’s processes';
  const mounted = volumeMounts.find(({ name }) => GATE_ONLY_VOLUMES.includes(name));
  if (mounted !== undefined) return `mounts ${mounted.name}, which is the gate's alone`;
  const read = env.map(fileVolumeOf).find((name) => GATE_ONLY_VOLUMES.includes(name));
  if (read !== undefined) return `reads variables from ${read}, which is the gate's alone`;
  if (volumeMounts.some(({ name, readOnly }) => name === TRUST_VOLUME && readOnly !== true))
    return `mounts ${TRUST_VOLUME} so that it can write what other containers trust`;
  if (securityContext.privileged === true) return 'is privileged';
  if ((securityContext.capabilities?.add ?? []).length > 0) return 'adds capabilities';
  const drop = securityContext.capabilities?.drop ?? [];
  if (!drop.some((name) => RAW_DROPPED.includes(name))) return `keeps the capability ${RAW_CAPABILITY}`;
  if (locked && !drop.some((name) => USER_DROPPED.includes(name)))
    return `keeps the capability ${USER_CAPABILITY}, and the pod is locked`;
  // A program of the image with the set-user-ID bit is another way to the gate's user.
  if (locked && securityContext.allowPrivilegeEscalation !== false)
    return 'allows privilege escalation, and the pod is locked';
  // An image's USER is invisible here, so an explicit other user is required.
  const uid = securityContext.runAsUser ?? podUid;
  if (uid === undefined || uid === null) return 'does not state runAsUser, and the pod does not either';
  if (uid === GATE_UID) return `runs as the gate's own user ${GATE_UID}`;
  return undefined;
}

/** The volume in which the kubelet reads the variable, mounted or not (`fileKeyRef`, Kubernetes 1.34); empty for other variables. */
function fileVolumeOf({ valueFrom }: Variable): string {
  return String(Object(Object(valueFrom).fileKeyRef).volumeName ?? '');
}

/**
 * Whether a volume shows files of the node that nobody allowed. Where a node keeps what belongs to gates differs from one to the next, and a link in a
 * folder that an agent may write leads anywhere; so a path is good only when it is one of `hostPaths`, letter by letter.
 */
export function showsNode({ hostPath }: Volume, hostPaths: readonly string[]): boolean {
  if (hostPath === undefined || hostPath === null) return false;
  const { path }: { path?: unknown } = Object(hostPath);
  return typeof path !== 'string' || !hostPaths.includes(path);
}

/** Kinds of volumes that lead to no place of the pod's own choosing. Others (nfs, iscsi) the node mounts over its network, from where the pod says. */
export const NEAR_VOLUMES: readonly string[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'hostPath',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Whether what is written into the volume leaves past the lock. */
export function leadsOut({ name: _name, ...source }: Volume): boolean {
  return Object.keys(source).some((kind) => !NEAR_VOLUMES.includes(kind));
}
