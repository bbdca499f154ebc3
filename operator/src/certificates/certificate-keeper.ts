import { BackOff, fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from '../kube/api-client.ts';
import type { Timing } from '../kube/timing.ts';
import { type Crypto, mintRoot, mintServing } from './mint.ts';
import { certificateOf, type PemPair } from './pem-pair.ts';
import { renewalReason, rootTrouble } from './renewal.ts';
import { OPERATOR_SERVICE, STORE_SERVICE, serviceNames, WEBHOOK_SERVICE } from './service-names.ts';
import { readTlsSecret, writeTlsSecret } from './tls-secret.ts';
import { spreadTrust } from './trust-spread.ts';

/** The Secret with the root that gates trust. */
export const ROOT_SECRET = 'sidegate-root';
/** The Secret with what the control stream and admission are served with. */
export const OPERATOR_TLS_SECRET = 'sidegate-operator-tls';
/** The Secret with what the central store is served with. */
export const STORE_TLS_SECRET = 'sidegate-store-tls';

/** Everything is looked at this often, in milliseconds. */
const ROUND_MS = 30_000;

const ROOT_MEND =
  'Put it back from a copy. When you delete it a new root is made, and the pods of agents must be made anew.';

interface Root {
  /** PEM. */
  readonly certificate: string;
  /** With the key; undefined when somebody else keeps it. */
  readonly pair: PemPair | undefined;
}

export interface CertificateOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly crypto: Crypto;
  readonly namespace: string;
  readonly clusterDomain: string;
  /** `SelfSigned`: the operator makes root and certificates. `Existing`: somebody else does, it only spreads the root. */
  readonly source: 'SelfSigned' | 'Existing';
  /** Names that the control stream is called by beside those of its Service. */
  readonly extraNames: readonly string[];
  readonly tell: (what: string, facts: Readonly<Record<string, string>>) => void;
  readonly trouble: (what: string) => void;
}

/**
 * While this replica leads: makes the root when there is none, keeps the serving certificates fresh, and writes the root where it must
 * be trusted. A root that is there is never replaced, whatever is wrong with it: the gates that run trust it and no other.
 */
export class CertificateKeeper {
  readonly #options: CertificateOptions;
  #lastRootTrouble: string | undefined;

  constructor(options: CertificateOptions) {
    this.#options = options;
  }

  async run(leading: AbortSignal): Promise<void> {
    const { timing, trouble } = this.#options;
    const backOff = new BackOff(500, ROUND_MS, () => timing.random());
    while (!leading.aborted) {
      const troubles = await this.round(leading);
      if (leading.aborted) return;
      for (const each of troubles) trouble(each);
      if (troubles.length === 0) backOff.reset();
      await timing.pause(troubles.length === 0 ? ROUND_MS : backOff.next(), leading);
    }
  }

  /** One look at everything; gives what could not be done. */
  async round(signal: AbortSignal): Promise<readonly string[]> {
    const root =
      this.#options.source === 'SelfSigned' ? await this.#keepRoot(signal) : await this.#readAuthority(signal);
    if (!root.ok) return [root.fault];
    const { certificate, pair } = root.value;
    const troubles = await Promise.all([
      pair === undefined ? [] : this.#keepServings(pair, signal),
      spreadTrust(this.#options, certificate, signal).then((faults) =>
        faults.map(({ message }) => `The root certificate cannot be spread: ${message}`),
      ),
    ]);
    return troubles.flat();
  }

  async #keepServings(root: PemPair, signal: AbortSignal): Promise<readonly string[]> {
    const { namespace, clusterDomain, extraNames } = this.#options;
    const names = (service: string): readonly string[] => serviceNames(service, namespace, clusterDomain);
    const forOperator = [...names(OPERATOR_SERVICE), ...names(WEBHOOK_SERVICE), ...extraNames];
    const troubles = await Promise.all([
      this.#keepServing(OPERATOR_TLS_SECRET, forOperator, root, signal),
      this.#keepServing(STORE_TLS_SECRET, names(STORE_SERVICE), root, signal),
    ]);
    return troubles.filter((one) => one !== undefined);
  }

  async #keepRoot(signal: AbortSignal): Promise<Result<Root, string>> {
    const { crypto, timing, tell } = this.#options;
    const found = await readTlsSecret(this.#options, ROOT_SECRET, signal);
    if (!found.ok) return fail(`The root certificate cannot be read: ${found.fault.message}`);
    if (found.value !== undefined) return this.#judgeRoot(found.value.pair);
    const pair = await mintRoot(crypto, timing.nowMs());
    const written = await writeTlsSecret(this.#options, ROOT_SECRET, pair, pair.certificate, undefined, signal);
    // When another replica was faster its root is read in the next round.
    if (!written.ok) return fail(`The root certificate cannot be written: ${written.fault.message}`);
    tell('a root certificate was made', { secret: ROOT_SECRET });
    return ok({ certificate: pair.certificate, pair });
  }

  #judgeRoot(pair: PemPair): Result<Root, string> {
    const certificate = certificateOf(pair);
    if (certificate === undefined)
      return fail(`The Secret ${ROOT_SECRET} holds no certificate with its key. ${ROOT_MEND}`);
    const warning = rootTrouble(certificate, this.#options.timing.nowMs());
    if (warning !== undefined && warning !== this.#lastRootTrouble) this.#options.trouble(warning);
    this.#lastRootTrouble = warning;
    return ok({ certificate: pair.certificate, pair });
  }

  async #keepServing(
    name: string,
    names: readonly string[],
    root: PemPair,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { crypto, timing, tell } = this.#options;
    const found = await readTlsSecret(this.#options, name, signal);
    if (!found.ok) return `The Secret ${name} cannot be read: ${found.fault.message}`;
    const issuer = certificateOf(root);
    const reason = issuer === undefined ? undefined : renewalReason(found.value?.pair, issuer, names, timing.nowMs());
    if (reason === undefined) return undefined;
    if (found.value !== undefined && !found.value.ours)
      return `The Secret ${name} is ${reason} and not ours, so it stays. Delete it, or start the operator with --certificates=Existing.`;
    const made = await mintServing(crypto, root, names, timing.nowMs());
    const written = await writeTlsSecret(this.#options, name, made, root.certificate, found.value, signal);
    if (!written.ok) return `The Secret ${name} cannot be written: ${written.fault.message}`;
    tell('a serving certificate was made', { secret: name, reason });
    return undefined;
  }

  async #readAuthority(signal: AbortSignal): Promise<Result<Root, string>> {
    const found = await readTlsSecret(this.#options, OPERATOR_TLS_SECRET, signal);
    if (!found.ok) return fail(`The Secret ${OPERATOR_TLS_SECRET} cannot be read: ${found.fault.message}`);
    const authority = found.value?.authority;
    if (authority !== undefined) return ok({ certificate: authority, pair: undefined });
    const what = found.value === undefined ? 'There is no Secret' : 'There is no ca.crt in the Secret';
    return fail(`${what} ${OPERATOR_TLS_SECRET}: gates are not told whom to trust.`);
  }
}
