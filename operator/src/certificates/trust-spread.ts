import { ok, type Result } from '@sidegate/crds';
import { INJECTION_CONFIG_MAP, SETTING_KEYS } from '../injection/injection-settings.ts';
import { SEEN_KEY, settingsSeen } from '../injection/seen-settings.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { ApiFault } from '../kube/api-fault.ts';
import { apply } from '../kube/apply.ts';
import { FORMER_ROOTS_KEY, formerRoots } from './former-roots.ts';
import { WEBHOOK_SERVICE } from './service-names.ts';

/** The webhook configurations whose `caBundle` is kept right, below `/apis/admissionregistration.k8s.io/v1`. */
const WEBHOOKS = [
  'validatingwebhookconfigurations/sidegate-validation',
  'mutatingwebhookconfigurations/sidegate-injection',
] as const;

interface Webhook {
  readonly clientConfig?: {
    readonly caBundle?: string;
    readonly service?: { readonly name?: string; readonly namespace?: string };
  };
}

export interface TrustPlace {
  readonly client: ApiClient;
  readonly namespace: string;
}

/** What is to be trusted. */
export interface Trust {
  /** PEM, one certificate or several. */
  readonly root: string;
  /** True: gates that were injected with another root count as changed from now on. */
  readonly forgetsFormer: boolean;
}

export interface Spread {
  /** True when something was not right yet. */
  readonly wrote: boolean;
  /** Of the places that failed. */
  readonly faults: readonly ApiFault[];
}

/** Writes the root where those look who must trust it. Nothing is written that is right already. */
export async function spreadTrust(place: TrustPlace, trust: Trust, signal: AbortSignal): Promise<Spread> {
  const done = await Promise.all([
    spreadToInjection(place, trust, signal),
    ...WEBHOOKS.map((webhook) => spreadToWebhook(place, webhook, trust.root, signal)),
  ]);
  return {
    wrote: done.some((one) => one.ok && one.value !== undefined),
    faults: done.flatMap((one) => (one.ok ? [] : [one.fault])),
  };
}

async function spreadToInjection(
  { client, namespace }: TrustPlace,
  { root, forgetsFormer }: Trust,
  signal: AbortSignal,
): Promise<Result<unknown, ApiFault>> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${INJECTION_CONFIG_MAP}`;
  const found = await client.request({ path, signal });
  if (!found.ok && found.fault.code !== 'NotFound') return found;
  const { data = {} } = (found.ok ? found.value : {}) as { readonly data?: Readonly<Record<string, string>> };
  const former = forgetsFormer ? [] : formerRoots(data, root);
  const list = JSON.stringify(former);
  const isForgotten = !forgetsFormer || (data[FORMER_ROOTS_KEY] ?? '[]') === list;
  const seen = JSON.stringify(settingsSeen(data));
  if (data[SETTING_KEYS.root] === root && isForgotten && (data[SEEN_KEY] ?? '[]') === seen) return ok(undefined);
  const metadata = { name: INJECTION_CONFIG_MAP, namespace };
  // In one write: nobody sees the new root without those that running gates name.
  const written = { [SETTING_KEYS.root]: root, [FORMER_ROOTS_KEY]: list, [SEEN_KEY]: seen };
  return apply(client, path, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: written }, signal);
}

async function spreadToWebhook(
  { client, namespace }: TrustPlace,
  webhook: string,
  root: string,
  signal: AbortSignal,
): Promise<Result<unknown, ApiFault>> {
  const path = `/apis/admissionregistration.k8s.io/v1/${webhook}`;
  const found = await client.request({ path, signal });
  // An installation without this webhook is as good as one with it.
  if (!found.ok) return found.fault.code === 'NotFound' ? ok(undefined) : found;
  const { webhooks = [], metadata } = found.value as {
    readonly webhooks?: readonly Webhook[];
    readonly metadata: { readonly resourceVersion: string };
  };
  const bundle = Buffer.from(root).toString('base64');
  const writes = webhooks.flatMap(({ clientConfig = {} }, index) => {
    const { caBundle, service } = clientConfig;
    const ours = service?.name === WEBHOOK_SERVICE && service.namespace === namespace;
    return ours && caBundle !== bundle
      ? [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: bundle }]
      : [];
  });
  if (writes.length === 0) return ok(undefined);
  return client.request({
    method: 'PATCH',
    path,
    contentType: 'application/json-patch+json',
    // The places are those of this version: another one is read anew in the next round.
    body: [{ op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion }, ...writes],
    signal,
  });
}
