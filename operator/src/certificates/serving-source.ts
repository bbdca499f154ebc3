import { readFile } from 'node:fs/promises';
import { BackOff, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Timing } from '../kube/timing.ts';
import { certificateOf, type PemPair } from './pem-pair.ts';
import { readTlsSecret, type SecretPlace } from './tls-secret.ts';

/** A certificate that was rotated is taken up within this time, in milliseconds. */
const LOOK_MS = 30_000;
/** Until the first one is there, looks are this far apart at most. */
const WAIT_MS_MAX = 2_000;

/** Where the operator's own serving certificate comes from. A pair that does not belong together counts as none. */
export type ServingSource = (signal: AbortSignal) => Promise<Result<PemPair, Fault>>;

/** From files, which are read again at each look. */
export function servingFiles(certificateFile: string, keyFile: string): ServingSource {
  return async () => {
    try {
      const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
      return whole({ certificate, key }, certificateFile);
    } catch (error) {
      return fail({ code: 'NoCertificate', message: error instanceof Error ? error.message : 'unknown reason' });
    }
  };
}

/** From a Secret that the leader makes, or somebody else. */
export function servingSecret(place: SecretPlace, name: string): ServingSource {
  return async (signal) => {
    const found = await readTlsSecret(place, name, signal);
    if (!found.ok) return found;
    if (found.value !== undefined) return whole(found.value.pair, name);
    return fail({ code: 'NoCertificate', message: `There is no Secret ${name} yet.` });
  };
}

function whole(pair: PemPair, where: string): Result<PemPair, Fault> {
  if (certificateOf(pair) !== undefined) return ok(pair);
  return fail({ code: 'NoCertificate', message: `${where} holds no certificate with its key.` });
}

export interface FollowOptions {
  readonly source: ServingSource;
  readonly timing: Timing;
  readonly trouble: (what: string) => void;
}

/** Waits for the first certificate; undefined when `signal` aborted before there was one. */
export async function firstServing(
  { source, timing, trouble }: FollowOptions,
  signal: AbortSignal,
): Promise<PemPair | undefined> {
  const backOff = new BackOff(250, WAIT_MS_MAX, () => timing.random());
  let said: string | undefined;
  while (!signal.aborted) {
    const found = await source(signal);
    if (found.ok) return found.value;
    if (found.fault.message !== said && !signal.aborted) trouble(`Nothing is served yet: ${found.fault.message}`);
    said = found.fault.message;
    await timing.pause(backOff.next(), signal);
  }
  return undefined;
}

/** Tells of each certificate that differs from the one before, until `signal` aborts. */
export async function followServing(
  { source, timing, trouble }: FollowOptions,
  first: PemPair,
  replace: (next: PemPair) => void,
  signal: AbortSignal,
): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await timing.pause(LOOK_MS, signal);
    if (signal.aborted) return;
    const found = await source(signal);
    if (!found.ok) {
      trouble(`The serving certificate cannot be read again, the last one stays: ${found.fault.message}`);
      continue;
    }
    if (found.value.certificate === current.certificate && found.value.key === current.key) continue;
    current = found.value;
    replace(current);
  }
}
