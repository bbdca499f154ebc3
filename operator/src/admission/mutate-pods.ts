import { describeFault, KEEP_TOKENS_ANNOTATION, type Result } from '@sidegate/crds';
import type { GateTemplate } from '../injection/gate-template.ts';
import { injectEphemeral, injectPod, type NamespaceFacts } from '../injection/inject-pod.ts';
import { checkInjection } from '../injection/injection-check.ts';
import type { SettingsFault } from '../injection/injection-settings.ts';
import { isPod, type Pod } from '../kinds.ts';
import type { AdmissionAnswer, AdmissionJudge, AdmissionRequest, PatchStep } from './admission-review.ts';

/** What the answer rests on, asked anew for each request. */
export interface MutationSources {
  template(): Result<GateTemplate, SettingsFault>;
  /** Of a namespace, as last seen; undefined for one that is not known. */
  annotationsOf(namespace: string): Readonly<Record<string, string>> | undefined;
}

/**
 * The mutating webhook for pods of labelled namespaces (the configuration's selector says which): puts the gate in, and refuses a pod that would
 * not pass the injection check then. It is for clusters without MutatingAdmissionPolicy, which does the same with no process of ours.
 */
export function mutatePods(sources: MutationSources): AdmissionJudge {
  return (request) => {
    const { object, namespace } = request;
    const pod = Object(object);
    if (namespace === undefined || !isPod(pod)) return refused('It is no pod in a namespace.');
    const template = sources.template();
    if (!template.ok) return refused(describeFault(template.fault));
    const keepsTokens =
      template.value.allowsTokens && sources.annotationsOf(namespace)?.[KEEP_TOKENS_ANNOTATION] === 'true';
    return mutate(request, pod, template.value, { name: namespace, keepsTokens });
  };
}

function mutate(
  { operation, subResource }: AdmissionRequest,
  pod: Pod,
  template: GateTemplate,
  facts: NamespaceFacts,
): AdmissionAnswer {
  if (subResource === 'ephemeralcontainers') {
    const changed = injectEphemeral(pod, template, facts);
    return changed === pod ? { kind: 'Allowed' } : judged(pod, changed, template);
  }
  if (operation !== 'CREATE') return { kind: 'Allowed' };
  return judged(pod, injectPod(pod, template, facts), template);
}

function judged(before: Pod, after: Pod, template: GateTemplate): AdmissionAnswer {
  const checked = checkInjection(after, template);
  return checked.ok ? { kind: 'Allowed', patch: patchOf(before, after) } : refused(describeFault(checked.fault));
}

/** One step for each field of the spec that is not as before. */
function patchOf(before: Pod, after: Pod): readonly PatchStep[] {
  return Object.entries(after.spec)
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(before.spec[field]))
    .map(([field, value]) => ({ op: 'add', path: `/spec/${field}`, value }));
}

function refused(message: string): AdmissionAnswer {
  return { kind: 'Refused', message: `Sidegate does not let this pod in: ${message}` };
}
