import type { Container, Volume } from '../kinds.ts';

/** The gate's container; a pod that brings one of this name itself is refused. */
export const GATE_CONTAINER = 'sidegate';
/** The gate's own user; no agent may have it. */
export const GATE_UID = 64_732;
/** Good at the operator and the store alone, in the gate alone. */
export const GATE_AUDIENCE = 'sidegate-gate';
/** Good at the gate alone; agents have it in place of the API server's. */
export const AGENT_AUDIENCE = 'sidegate-agent';

/** Volumes that only the gate may mount. */
export const GATE_TOKEN_VOLUME = 'sidegate-gate';
export const GATE_STATE_VOLUME = 'sidegate-state';
/** What agents may mount of ours, read-only. */
export const AGENT_TOKEN_VOLUME = 'sidegate-agent';
export const TRUST_VOLUME = 'sidegate-trust';

/** What every pod of a labelled namespace gets. Only what is stated here is compared with a pod. */
export interface GateTemplate {
  readonly container: Container;
  readonly volumes: readonly Volume[];
  /** Images of the versions before, whose gates may keep running. */
  readonly formerImages: readonly string[];
}

const TOKEN_SECONDS = 600;

/** The template for an image. Kept small: what a pod must have for its gate to be trusted with a credential. */
export function gateTemplate(image: string, formerImages: readonly string[] = []): GateTemplate {
  return {
    formerImages,
    container: {
      name: GATE_CONTAINER,
      image,
      restartPolicy: 'Always',
      securityContext: {
        runAsUser: GATE_UID,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      volumeMounts: [
        { name: GATE_TOKEN_VOLUME, mountPath: '/var/run/secrets/sidegate', readOnly: true },
        { name: GATE_STATE_VOLUME, mountPath: '/var/lib/sidegate' },
        { name: TRUST_VOLUME, mountPath: '/var/run/sidegate/trust' },
      ],
    },
    volumes: [
      tokenVolume(GATE_TOKEN_VOLUME, GATE_AUDIENCE),
      tokenVolume(AGENT_TOKEN_VOLUME, AGENT_AUDIENCE),
      { name: GATE_STATE_VOLUME, emptyDir: { medium: 'Memory' } },
      { name: TRUST_VOLUME, emptyDir: { medium: 'Memory' } },
    ],
  };
}

function tokenVolume(name: string, audience: string): Volume {
  return {
    name,
    projected: { sources: [{ serviceAccountToken: { audience, path: 'token', expirationSeconds: TOKEN_SECONDS } }] },
  };
}
