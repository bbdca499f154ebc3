/** The Service of the control stream. */
export const OPERATOR_SERVICE = 'sidegate-operator';

/** The Service of admission. */
export const WEBHOOK_SERVICE = 'sidegate-webhook';

/** The Service of the central store. */
export const STORE_SERVICE = 'sidegate-store';

/** The names that a Service is called by from other namespaces and from its own. */
export function serviceNames(service: string, namespace: string, clusterDomain: string): readonly string[] {
  const short = `${service}.${namespace}.svc`;
  return [short, `${short}.${clusterDomain}`, `${service}.${namespace}`, service];
}
