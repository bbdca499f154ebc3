import type { Container, Volume } from '../kinds.ts';
import { GATE_ONLY_VOLUMES, GATE_UID, TRUST_VOLUME } from './gate-template.ts';

/** Where the kubelet keeps every pod's volumes, and what holds it. */
const KUBELET_FOLDER = '/var/lib/kubelet';

/** Why a container that is not the gate reaches into it: a phrase after the container's name. Undefined when it does not. */
export function agentFault(
  { securityContext = {}, volumeMounts = [] }: Container,
  podUid: unknown,
  volumes: readonly Volume[],
): string | undefined {
  const mounted = volumeMounts.find(({ name }) => GATE_ONLY_VOLUMES.includes(name));
  if (mounted !== undefined) return `mounts ${mounted.name}, which is the gate's alone`;
  if (volumeMounts.some(({ name, readOnly }) => name === TRUST_VOLUME && readOnly !== true))
    return `mounts ${TRUST_VOLUME} so that it can write what other containers trust`;
  if (securityContext.privileged === true) return 'is privileged';
  if ((securityContext.capabilities?.add ?? []).length > 0) return 'adds capabilities';
  // An image's USER is invisible here, so an explicit other user is required.
  const uid = securityContext.runAsUser ?? podUid;
  if (uid === undefined || uid === null) return 'does not state runAsUser, and the pod does not either';
  if (uid === GATE_UID) return `runs as the gate's own user ${GATE_UID}`;
  const host = volumeMounts.find(({ name }) => volumes.some((volume) => volume.name === name && showsKubelet(volume)));
  return host === undefined ? undefined : `mounts ${host.name}, which shows the kubelet's folder`;
}

function showsKubelet({ hostPath }: Volume): boolean {
  if (typeof hostPath !== 'object' || hostPath === null || !('path' in hostPath)) return false;
  const path = `/${String(hostPath.path)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  if (path.includes('..') || path === '/' || path.startsWith('/proc')) return true;
  return `${KUBELET_FOLDER}/`.startsWith(`${path}/`) || path.startsWith(`${KUBELET_FOLDER}/`);
}
