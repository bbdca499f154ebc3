import { mkdirSync, writeFileSync } from 'node:fs';
import type { OperatorStage } from '../operator/operator-stage.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

/** What the kubelet would mount for the store: its own account, which may ask whose a token is, and nothing else. Resolves with the folder's path. */
export async function storeAccount(stage: OperatorStage, folder: TemporaryFolder): Promise<string> {
  await stage.serviceAccount('sidegate', 'sidegate-store');
  await stage.put('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'sidegate-store' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
    subjects: [{ kind: 'ServiceAccount', name: 'sidegate-store', namespace: 'sidegate' }],
  });
  const made = await stage.server.client.request({
    method: 'POST',
    path: '/api/v1/namespaces/sidegate/serviceaccounts/sidegate-store/token',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
    signal: AbortSignal.timeout(60_000),
  });
  if (!made.ok) throw new Error(made.fault.message);
  mkdirSync(folder.file('account'));
  writeFileSync(folder.file('account/token'), (made.value as { status: { token: string } }).status.token);
  writeFileSync(folder.file('account/ca.crt'), stage.server.authority);
  return folder.file('account');
}
