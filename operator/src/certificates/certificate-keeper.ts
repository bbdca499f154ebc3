import { BackOff, fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from '../kube/api-client.ts';
import type { Timing } from '../kube/timing.ts';
import { type Crypto, mintRoot, mintServing } from './mint.ts';
import { certificateOf } from './pem-pair.ts';
import { renewalReason, rootTrouble } from './renewal.ts';
import {
  contentOf,
  ROOT_ANNOTATION,
  type Root,
  retired,
  rootIn,
  rotated,
  trustedNow,
  wishIn,
} from './root-rotation.ts';
import { OPERATOR_SERVICE, STORE_SERVICE, serviceNames, WEBHOOK_SERVICE } from './service-names.ts';
import { readTlsSecret, type TlsSecret, writeTlsSecret } from './tls-secret.ts';
import { spreadTrust, type Trust } from './trust-spread.ts';

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

interface Authority extends Trust {
  /** Undefined when somebody else signs. */
  readonly signer: Root | undefined;
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
 * be trusted. A root that is there is replaced when people ask for it and never else, whatever is wrong with it: gates that run trust it and no other.
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
    const authority =
      this.#options.source === 'SelfSigned' ? await this.#keepRoot(signal) : await this.#readAuthority(signal);
    if (!authority.ok) return [authority.fault];
    const { wrote, faults } = await spreadTrust(this.#options, authority.value, signal);
    const { signer } = authority.value;
    // Whoever does not hear of a new root at once still trusts what is served: it is changed in a later round.
    const isKnown = !wrote && faults.length === 0;
    const troubles = signer === undefined ? [] : await this.#keepServings(signer, isKnown, signal);
    return [...troubles, ...faults.map(({ message }) => `The root certificate cannot be spread: ${message}`)];
  }

  async #keepServings(root: Root, isKnown: boolean, signal: AbortSignal): Promise<readonly string[]> {
    const { namespace, clusterDomain, extraNames } = this.#options;
    const names = (service: string): readonly string[] => serviceNames(service, namespace, clusterDomain);
    const forOperator = [...names(OPERATOR_SERVICE), ...names(WEBHOOK_SERVICE), ...extraNames];
    const signer = { root, isKnown };
    const troubles = await Promise.all([
      this.#keepServing(OPERATOR_TLS_SECRET, forOperator, signer, signal),
      this.#keepServing(STORE_TLS_SECRET, names(STORE_SERVICE), signer, signal),
    ]);
    return troubles.filter((one) => one !== undefined);
  }

  async #keepRoot(signal: AbortSignal): Promise<Result<Authority, string>> {
    const { crypto, timing, tell } = this.#options;
    const found = await readTlsSecret(this.#options, ROOT_SECRET, signal);
    if (!found.ok) return fail(`The root certificate cannot be read: ${found.fault.message}`);
    if (found.value !== undefined) return await this.#judgeRoot(found.value, signal);
    const pair = await mintRoot(crypto, timing.nowMs());
    const content = { pair, authority: pair.certificate };
    const written = await writeTlsSecret(this.#options, ROOT_SECRET, content, undefined, signal);
    // When another replica was faster its root is read in the next round.
    if (!written.ok) return fail(`The root certificate cannot be written: ${written.fault.message}`);
    tell('a root certificate was made', { secret: ROOT_SECRET });
    return ok(this.#authorityOf({ pair, former: '', bridges: '' }));
  }

  async #judgeRoot(found: TlsSecret, signal: AbortSignal): Promise<Result<Authority, string>> {
    const { timing, trouble } = this.#options;
    const certificate = certificateOf(found.pair);
    if (certificate === undefined)
      return fail(`The Secret ${ROOT_SECRET} holds no certificate with its key. ${ROOT_MEND}`);
    const root = rootIn(found);
    const wish = wishIn(found);
    if (wish !== undefined)
      return wish === 'Rotate' ? await this.#rotate(root, found, signal) : await this.#retire(root, found, signal);
    const word = found.annotations[ROOT_ANNOTATION];
    const warning =
      word === undefined
        ? rootTrouble(certificate, timing.nowMs())
        : `The annotation ${ROOT_ANNOTATION} of the Secret ${ROOT_SECRET} is ${word}; it may be Rotate or Retire.`;
    if (warning !== undefined && warning !== this.#lastRootTrouble) trouble(warning);
    this.#lastRootTrouble = warning;
    return ok(this.#authorityOf(root));
  }

  async #rotate(before: Root, found: TlsSecret, signal: AbortSignal): Promise<Result<Authority, string>> {
    const { crypto, timing, tell } = this.#options;
    const root = await rotated(crypto, before, timing.nowMs());
    const written = await writeTlsSecret(this.#options, ROOT_SECRET, contentOf(root, found), found, signal);
    if (!written.ok) return fail(`The root certificate cannot be rotated: ${written.fault.message}`);
    tell('the root certificate was rotated', { secret: ROOT_SECRET });
    return ok(this.#authorityOf(root));
  }

  /** Forgets in the ConfigMap first: when the wish is still there it is carried out again. */
  async #retire(before: Root, found: TlsSecret, signal: AbortSignal): Promise<Result<Authority, string>> {
    const root = retired(before);
    const authority = { ...this.#authorityOf(root), forgetsFormer: true };
    const { faults } = await spreadTrust(this.#options, authority, signal);
    if (faults.length > 0) return fail(`Former roots cannot be retired: ${faults[0]?.message ?? ''}`);
    const written = await writeTlsSecret(this.#options, ROOT_SECRET, contentOf(root, found), found, signal);
    if (!written.ok) return fail(`Former roots cannot be retired: ${written.fault.message}`);
    this.#options.tell('former root certificates were retired', { secret: ROOT_SECRET });
    return ok(authority);
  }

  #authorityOf(signer: Root): Authority {
    return { root: trustedNow(signer, this.#options.timing.nowMs()), forgetsFormer: false, signer };
  }

  async #keepServing(
    name: string,
    names: readonly string[],
    { root, isKnown }: { readonly root: Root; readonly isKnown: boolean },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { crypto, timing, tell } = this.#options;
    const found = await readTlsSecret(this.#options, name, signal);
    if (!found.ok) return `The Secret ${name} cannot be read: ${found.fault.message}`;
    const { pair, bridges } = root;
    const issuer = certificateOf(pair);
    const reason =
      issuer === undefined ? undefined : renewalReason(found.value?.pair, issuer, names, timing.nowMs(), bridges);
    if (reason === undefined || (reason === 'OtherRoot' && !isKnown)) return undefined;
    if (found.value !== undefined && !found.value.ours)
      return `The Secret ${name} is ${reason} and not ours, so it stays. Delete it, or start the operator with --certificates=Existing.`;
    const made = await mintServing(crypto, pair, names, timing.nowMs());
    const content = {
      pair: { certificate: made.certificate + bridges, key: made.key },
      authority: pair.certificate,
    };
    const written = await writeTlsSecret(this.#options, name, content, found.value, signal);
    if (!written.ok) return `The Secret ${name} cannot be written: ${written.fault.message}`;
    tell('a serving certificate was made', { secret: name, reason });
    return undefined;
  }

  async #readAuthority(signal: AbortSignal): Promise<Result<Authority, string>> {
    const found = await readTlsSecret(this.#options, OPERATOR_TLS_SECRET, signal);
    if (!found.ok) return fail(`The Secret ${OPERATOR_TLS_SECRET} cannot be read: ${found.fault.message}`);
    const authority = found.value?.authority;
    if (authority !== undefined) return ok({ root: authority, forgetsFormer: false, signer: undefined });
    const what = found.value === undefined ? 'There is no Secret' : 'There is no ca.crt in the Secret';
    return fail(`${what} ${OPERATOR_TLS_SECRET}: gates are not told whom to trust.`);
  }
}
