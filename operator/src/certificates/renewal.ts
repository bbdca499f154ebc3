import type { X509Certificate } from 'node:crypto';
import { certificateOf, type PemPair } from './pem-pair.ts';

/** Why a serving certificate is made anew. */
export type RenewalReason =
  | 'Missing'
  | 'Unreadable'
  | 'OtherRoot'
  | 'OtherBridges'
  | 'OtherNames'
  | 'NotYetValid'
  | 'Due';

/** A serving certificate is replaced when this part of its life is over. */
const LIFE_PART = 2 / 3;

/** A root is spoken about when it ends within this time: replacing it is a matter for people, since running gates hold it. */
const ROOT_WARNING_MS = 365 * 24 * 3_600_000;

/**
 * Why the certificate is to be made anew now; undefined while it may stay. `names` are the DNS names that it must be good for; `bridges` is the PEM that
 * must follow it, from its root to those of before.
 */
export function renewalReason(
  pair: PemPair | undefined,
  root: X509Certificate,
  names: readonly string[],
  nowMs: number,
  bridges = '',
): RenewalReason | undefined {
  if (pair === undefined) return 'Missing';
  const certificate = certificateOf(pair);
  if (certificate === undefined) return 'Unreadable';
  if (!certificate.verify(root.publicKey) || certificate.issuer !== root.subject) return 'OtherRoot';
  if (behindFirst(pair.certificate) !== bridges.trim()) return 'OtherBridges';
  if (names.some((name) => certificate.checkHost(name) === undefined)) return 'OtherNames';
  const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (nowMs < fromMs) return 'NotYetValid';
  return nowMs >= fromMs + (toMs - fromMs) * LIFE_PART ? 'Due' : undefined;
}

/** What stands behind the first certificate of a PEM text. */
function behindFirst(pem: string): string {
  const end = '-----END CERTIFICATE-----';
  return pem.slice(pem.indexOf(end) + end.length).trim();
}

/** What somebody must know about the root, in one sentence; undefined when there is nothing. It is never replaced by itself. */
export function rootTrouble(root: X509Certificate, nowMs: number): string | undefined {
  const end = root.validToDate;
  if (nowMs < root.validFromDate.getTime())
    return `The root certificate holds only from ${root.validFromDate.toISOString()}.`;
  if (nowMs >= end.getTime())
    return `The root certificate ended on ${end.toISOString()}: gates trust nothing any more.`;
  return end.getTime() - nowMs > ROOT_WARNING_MS
    ? undefined
    : `The root certificate ends on ${end.toISOString()}: have it rotated, and make the pods of agents again by then.`;
}
