import { X509Certificate } from 'node:crypto';
import { certificatesIn } from '@sidegate/crds';
import { type Crypto, EARLIER_MS, mintBridge, mintRoot } from './mint.ts';
import { certificateOf, type PemPair } from './pem-pair.ts';
import type { TlsContent, TlsSecret } from './tls-secret.ts';

/**
 * The annotation of the Secret with the root by which people ask for something; it is taken away when it is done. `Rotate`: a new root, and gates that
 * trust the one before go on. `Retire`: what names a root of before is not served any longer.
 */
export const ROOT_ANNOTATION = 'sidegate.dev/root';
export type RootWish = 'Rotate' | 'Retire';

/** Keys of the Secret. */
const FORMER_KEY = 'former.crt';
const BRIDGES_KEY = 'bridges.crt';

/** New pods are told to trust the root before, too, for so long: until operator and store surely show certificates of the new one. */
export const OVERLAP_MS = 600_000;

/** The root that signs, and what connects it with those before. */
export interface Root {
  readonly pair: PemPair;
  /** PEM of the root before; empty: there is none, or it is retired. */
  readonly former: string;
  /** PEM, newest first: each says that a root is trusted by who trusts the one before it. They are shown behind every serving certificate. */
  readonly bridges: string;
}

export function rootIn({ pair, more }: TlsSecret): Root {
  return { pair, former: more[FORMER_KEY] ?? '', bridges: more[BRIDGES_KEY] ?? '' };
}

/** What people ask of the root; undefined: nothing, or a word that is not known. */
export function wishIn({ annotations }: TlsSecret): RootWish | undefined {
  const word = annotations[ROOT_ANNOTATION];
  return word === 'Rotate' || word === 'Retire' ? word : undefined;
}

/** The Secret of a root, without the wish that was fulfilled. */
export function contentOf({ pair, former, bridges }: Root, before: TlsSecret): TlsContent {
  const { [ROOT_ANNOTATION]: _done, ...annotations } = before.annotations;
  return {
    pair,
    authority: pair.certificate,
    more: { ...before.more, [FORMER_KEY]: former, [BRIDGES_KEY]: bridges },
    annotations,
  };
}

/** A new root after `before`, whose key is not kept. */
export async function rotated(crypto: Crypto, before: Root, nowMs: number): Promise<Root> {
  const pair = await mintRoot(crypto, nowMs);
  const bridge = await mintBridge(crypto, pair, before.pair, nowMs);
  const earlier = isOverlap(before, nowMs) ? before.former : '';
  return {
    pair,
    former: valid(before.pair.certificate + earlier, nowMs),
    bridges: valid(bridge + before.bridges, nowMs),
  };
}

/** The same root with nothing of before. */
export function retired({ pair }: Root): Root {
  return { pair, former: '', bridges: '' };
}

/** What new pods and the API server are told to trust, PEM. */
export function trustedNow(root: Root, nowMs: number): string {
  return isOverlap(root, nowMs) ? root.pair.certificate + root.former : root.pair.certificate;
}

function isOverlap({ pair, former }: Root, nowMs: number): boolean {
  const fromMs = certificateOf(pair)?.validFromDate.getTime();
  return former !== '' && fromMs !== undefined && nowMs < fromMs + EARLIER_MS + OVERLAP_MS;
}

/** Those certificates that have not ended. */
function valid(pem: string, nowMs: number): string {
  return certificatesIn(pem)
    .filter((text) => new X509Certificate(text).validToDate.getTime() > nowMs)
    .map((text) => `${text}\n`)
    .join('');
}
