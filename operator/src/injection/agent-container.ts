import type { Container, Volume } from '../kinds.ts';
import {
  GATE_CONTAINER,
  GATE_ONLY_VOLUMES,
  GATE_UID,
  RAW_CAPABILITY,
  RAW_DROPPED,
  TRUST_VOLUME,
} from './gate-template.ts';

/** Folders of the node where pods' files are, and the sockets of what runs pods. */
export const FORBIDDEN_FOLDERS = [
  '/proc',
  '/run',
  '/var/run',
  '/var/lib/kubelet',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
  '/etc/kubernetes',
] as const;

/** Why a container that is not the gate reaches into it: a phrase after the container's name. Undefined when it does not. */
export function agentFault(
  { securityContext = {}, volumeMounts = [], targetContainerName }: Container,
  podUid: unknown,
): string | undefined {
  if (targetContainerName === GATE_CONTAINER) return 'sees the gate’s processes';
  const mounted = volumeMounts.find(({ name }) => GATE_ONLY_VOLUMES.includes(name));
  if (mounted !== undefined) return `mounts ${mounted.name}, which is the gate's alone`;
  if (volumeMounts.some(({ name, readOnly }) => name === TRUST_VOLUME && readOnly !== true))
    return `mounts ${TRUST_VOLUME} so that it can write what other containers trust`;
  if (securityContext.privileged === true) return 'is privileged';
  if ((securityContext.capabilities?.add ?? []).length > 0) return 'adds capabilities';
  if (!(securityContext.capabilities?.drop ?? []).some((name) => RAW_DROPPED.includes(name)))
    return `keeps the capability ${RAW_CAPABILITY}`;
  // An image's USER is invisible here, so an explicit other user is required.
  const uid = securityContext.runAsUser ?? podUid;
  if (uid === undefined || uid === null) return 'does not state runAsUser, and the pod does not either';
  if (uid === GATE_UID) return `runs as the gate's own user ${GATE_UID}`;
  return undefined;
}

/** Whether a volume shows files of the node that are not the agent's. */
export function showsNode({ hostPath }: Volume): boolean {
  if (typeof hostPath !== 'object' || hostPath === null || !('path' in hostPath)) return false;
  const path = `/${String(hostPath.path)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => `${part}/`)
    .join('')}`;
  if (path.includes('..')) return true;
  return FORBIDDEN_FOLDERS.some((folder) => `${folder}/`.startsWith(path) || path.startsWith(`${folder}/`));
}
