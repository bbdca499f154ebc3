import type { ApiClient } from '../../operator/src/kube/api-client.ts';
import { type AdmissionStage, OTHERS } from './admission-stage.ts';

/** Whoever administers the namespaces, and may debug and resize, and write namespaces: more than ClusterRole admin. */
export async function attackerOf(stage: AdmissionStage): Promise<ApiClient> {
  await stage.serviceAccount(OTHERS, 'attacker');
  const rbac = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name: 'attacker', namespace: OTHERS }];
  const verbs = ['get', 'create', 'update', 'patch'];
  await stage.put(`/apis/${rbac}/v1/clusterroles`, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'attacker' },
    rules: [
      { apiGroups: [''], resources: ['pods/ephemeralcontainers', 'pods/resize'], verbs },
      { apiGroups: [''], resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'], verbs },
    ],
  });
  // What ClusterRole admin is made of; nothing aggregates it here.
  const roles = ['admin', 'edit', 'view'].map((role) => `system:aggregate-to-${role}`);
  for (const name of [...roles, 'attacker']) {
    await stage.put(`/apis/${rbac}/v1/clusterrolebindings`, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: `attacker-${name.replaceAll(':', '-')}` },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects,
    });
  }
  return stage.as(OTHERS, 'attacker');
}
