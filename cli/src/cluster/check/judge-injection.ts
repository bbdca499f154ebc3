import { X509Certificate } from 'node:crypto';
import { certificatesIn } from '@sidegate/crds';
import type { Settings } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';
import { listed } from './judge-server.ts';

/** Keys of the ConfigMap `sidegate-injection` that all must be there (operator/src/injection/injection-settings.ts). */
export const SETTING_KEYS = ['image', 'control', 'store', 'upstream-dns', 'cluster-domain', 'root.crt'] as const;

/** Whoever renews a certificate does so while more than this part of its life is left. */
const LIFE_PART_LEFT = 1 / 4;
/** A root is replaced by people, so they are told so long before. */
const ROOT_WARNING_MS = 365 * 24 * 3_600_000;

/** Whether what pods are given is all there. */
export function judgeSettings(settings: Settings | undefined, namespace: string): Finding {
  const what = 'ConfigMap sidegate-injection';
  if (settings === undefined)
    return failed(what, `it is not in the namespace ${namespace}, so pods are refused`, 'install the chart again');
  const needed = settings.data?.['egress'] === 'Locked' ? [...SETTING_KEYS, 'lock-image'] : SETTING_KEYS;
  const missing = needed.filter((key) => (settings.data?.[key] ?? '') === '');
  if (missing.length === 0) return fine(what);
  const mend =
    missing.join() === 'root.crt'
      ? `the operator adds it: kubectl -n ${namespace} logs deployment/sidegate-operator`
      : 'install the chart again';
  return failed(what, `it lacks ${listed(missing)}, so pods are refused`, mend);
}

/** Whether the root that gates trust is one, and for how long. */
export function judgeRoot(pem: string, namespace: string, nowMs: number): Finding {
  const what = 'root certificate';
  const roots = readCertificates(pem);
  const end = Math.max(0, ...(roots ?? []).map((one) => one.validToDate.getTime()));
  const rotate = `kubectl -n ${namespace} annotate secret sidegate-root sidegate.dev/root=Rotate`;
  const mend = `${rotate}, or change ca.crt of sidegate-operator-tls where you bring the certificates`;
  if (end === 0) return failed(what, 'root.crt holds no certificate', mend);
  if (end <= nowMs)
    return failed(what, `it ended on ${day(end)}: gates trust nothing any more`, `${mend}; then make the pods again`);
  return end - nowMs > ROOT_WARNING_MS
    ? fine(`${what} until ${day(end)}`)
    : warned(what, `it ends on ${day(end)}`, mend);
}

/** Whether a Secret's serving certificate is of that root, and is renewed in time. Undefined: the Secret or its key is missing. */
export function judgeServing(secret: string, pem: string | undefined, root: string, nowMs: number): Finding {
  const what = `certificate ${secret}`;
  if (pem === undefined)
    return failed(what, 'it is missing', 'the operator or cert-manager makes it: read the log of the operator');
  const chain = readCertificates(pem);
  const [serving] = chain ?? [];
  if (chain === undefined || serving === undefined)
    return failed(what, 'tls.crt cannot be read', `delete the Secret ${secret}`);
  const roots = readCertificates(root) ?? [];
  if (!chain.some((one) => roots.some((authority) => one.checkIssued(authority) && one.verify(authority.publicKey))))
    return failed(
      what,
      'root.crt did not sign it, so gates do not trust it',
      'let it be made again: delete the Secret',
    );
  const [from, to] = [serving.validFromDate.getTime(), serving.validToDate.getTime()];
  if (nowMs < from) return failed(what, `it holds only from ${day(from)}`, 'set the clocks right');
  if (nowMs >= to) return failed(what, `it ended on ${day(to)}`, 'see why it was not renewed: the log of the operator');
  const left = (to - nowMs) / (to - from);
  return left < LIFE_PART_LEFT
    ? warned(what, `it ends on ${day(to)} and was not renewed yet`, 'read the log of the operator, or of cert-manager')
    : fine(`${what} until ${day(to)}`);
}

/** The certificates of a PEM text; undefined when one cannot be read. */
function readCertificates(pem: string): readonly X509Certificate[] | undefined {
  try {
    return certificatesIn(pem).map((text) => new X509Certificate(text));
  } catch {
    return undefined;
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
