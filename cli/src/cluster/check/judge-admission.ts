import type { Binding, Named, WebhookConfiguration } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';
import { listed } from './judge-server.ts';

/** What refuses pods and requests that get round the gate (charts/sidegate/generated). */
export const GUARDS: readonly string[] = [
  'sidegate-pods',
  'sidegate-outside',
  'sidegate-debug',
  'sidegate-pod-changes',
  'sidegate-exec',
  'sidegate-port-forward',
  'sidegate-tokens',
  'sidegate-namespaces',
  'sidegate-token-secrets',
  'sidegate-approval-requests',
  'sidegate-approval-decisions',
];

/** What puts the gate into pods, where the cluster has MutatingAdmissionPolicy. */
export const INJECTORS: readonly string[] = ['sidegate-inject', 'sidegate-inject-ephemeral'];

/** Policies and their bindings, of one kind. */
export interface Bound {
  readonly policies: readonly Named[];
  readonly bindings: readonly Binding[];
}

const AGAIN = 'install the chart again';

/** Whether all guards are there and refuse. */
export function judgeGuards(guards: Bound, namespace: string): Finding {
  const what = `admission policies (${GUARDS.length})`;
  const gaps = gapsIn(GUARDS, guards, namespace);
  const mild = guards.bindings.filter(
    ({ metadata, spec }) => GUARDS.includes(metadata.name) && spec?.validationActions?.includes('Deny') !== true,
  );
  const all = [...gaps, ...mild.map(({ metadata }) => `the binding ${metadata.name} does not deny`)];
  return all.length === 0 ? fine(what) : failed(what, listed(all), AGAIN);
}

/** Whether something gives pods their gate: policies, or the webhook. */
export function judgeInjectors(
  injectors: Bound,
  webhook: WebhookConfiguration | undefined,
  namespace: string,
): Finding {
  const what = 'injection';
  const gaps = gapsIn(INJECTORS, injectors, namespace);
  if (gaps.length === 0) return fine(`${what} by policies`);
  if (webhook === undefined) return failed(what, `${listed(gaps)}, and there is no webhook sidegate-injection`, AGAIN);
  const trouble = webhookTrouble(webhook, namespace);
  return trouble === undefined ? fine(`${what} by a webhook`) : failed(what, ...trouble);
}

/** Whether our resources are judged when they are applied. */
export function judgeValidation(webhook: WebhookConfiguration | undefined, namespace: string): Finding {
  const what = 'webhook sidegate-validation';
  if (webhook === undefined)
    return warned(
      what,
      'it is missing: mistakes in Targets, AgentAccesses and Policies are told in their status alone',
      AGAIN,
    );
  const trouble = webhookTrouble(webhook, namespace);
  return trouble === undefined ? fine(what) : warned(what, ...trouble);
}

function webhookTrouble(
  { metadata, webhooks = [] }: WebhookConfiguration,
  namespace: string,
): readonly [why: string, mend: string] | undefined {
  if (webhooks.length === 0) return [`${metadata.name} lists no webhook`, AGAIN];
  if (webhooks.some(({ clientConfig }) => clientConfig?.service?.namespace !== namespace))
    return ['it calls a Service of another namespace', 'install into that namespace, or delete it and install again'];
  return webhooks.some(({ clientConfig }) => (clientConfig?.caBundle ?? '') === '')
    ? ['the operator has not added caBundle', `kubectl -n ${namespace} logs deployment/sidegate-operator`]
    : undefined;
}

function gapsIn(names: readonly string[], { policies, bindings }: Bound, namespace: string): readonly string[] {
  return names.flatMap((name) => {
    if (!policies.some(({ metadata }) => metadata.name === name)) return [`the policy ${name} is missing`];
    const binding = bindings.find(({ spec, metadata }) => metadata.name === name && spec?.policyName === name);
    if (binding === undefined) return [`the binding ${name} is missing`];
    const from = binding.spec?.paramRef?.namespace ?? namespace;
    return from === namespace ? [] : [`the binding ${name} reads its ConfigMap in ${from}`];
  });
}
