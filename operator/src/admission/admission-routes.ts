import type { ClusterState } from '../cluster-state.ts';
import type { AdmissionJudge } from './admission-review.ts';
import { mutatePods } from './mutate-pods.ts';
import { validateResources } from './validate-resources.ts';

/** What each webhook of ours judges, by its path; on every replica, whoever leads. */
export function admissionRoutes(state: ClusterState): ReadonlyMap<string, AdmissionJudge> {
  return new Map([
    [
      '/mutate/pods',
      mutatePods({
        template: () => state.template,
        annotationsOf: (namespace) => state.indexes.namespaces.get(namespace)?.metadata.annotations,
      }),
    ],
    [
      '/validate/resources',
      validateResources({
        operatorNamespace: state.settings.operatorNamespace,
        isLabelled: (namespace) => state.isLabelled(namespace),
      }),
    ],
  ]);
}
