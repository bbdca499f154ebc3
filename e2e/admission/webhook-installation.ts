import type { AdmissionJudge } from '../../operator/src/admission/admission-review.ts';
import { type AdmissionServer, serveAdmission } from '../../operator/src/admission/admission-server.ts';
import { makeCertificates } from '../support/certificates.ts';
import type { AdmissionStage } from './admission-stage.ts';

/** Serves the webhook for pods and has the API server ask it for those of one namespace. */
export async function installWebhook(
  stage: AdmissionStage,
  namespace: string,
  judge: AdmissionJudge,
): Promise<AdmissionServer> {
  const { authority, certificate, key } = makeCertificates(stage.server.folder.path);
  const serving = { certificate, key };
  const served = await serveAdmission(new Map([['/mutate/pods', judge]]), { host: '127.0.0.1', port: 0, serving });
  if (!served.ok) throw new Error(served.fault.message);
  const core = { apiGroups: [''], apiVersions: ['v1'] };
  await stage.put('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'sidegate-injection' },
    webhooks: [
      {
        name: 'inject.sidegate.dev',
        clientConfig: {
          url: `https://127.0.0.1:${served.value.port}/mutate/pods`,
          caBundle: Buffer.from(authority).toString('base64'),
        },
        rules: [
          { ...core, operations: ['CREATE'], resources: ['pods'] },
          { ...core, operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
      },
    ],
  });
  return served.value;
}
