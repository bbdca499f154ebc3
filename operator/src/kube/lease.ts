import type { ApiClient } from './api-client.ts';
import type { Timing } from './timing.ts';

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly namespace: string;
  readonly name: string;
  /** Who we are, for instance the pod's name; unique among the replicas. */
  readonly identity: string;
  /** A holder that did not renew for so long is taken for gone, in seconds; default 15. */
  readonly durationSeconds?: number;
  readonly trouble: (what: string) => void;
}

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface LeaseObject {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec?: LeaseSpec;
}

const DURATION_SECONDS = 15;

/** A Lease's times are MicroTime: six digits after the point. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/**
 * Leader election by a Lease (coordination.k8s.io/v1): `lead` runs while we hold it, and its signal aborts before anybody else can
 * take it. A holder is judged by when *we* last saw its renewal change, so clocks need not agree.
 */
export class LeaderElection {
  readonly #options: LeaseOptions;
  #seen: { readonly version: string; readonly atMs: number } | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get #durationMs(): number {
    return (this.#options.durationSeconds ?? DURATION_SECONDS) * 1000;
  }

  /** Runs until `signal` aborts: waits for the lease, leads, and waits again when it was lost. */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#take(signal))) {
        await this.#options.timing.pause(this.#durationMs / 5, signal);
        continue;
      }
      await this.#lead(lead, signal);
    }
  }

  async #lead(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    const lost = new AbortController();
    const leading = lead(AbortSignal.any([signal, lost.signal])).catch((error: unknown) => {
      this.#options.trouble(`Leading ended with a fault: ${error instanceof Error ? error.message : 'unknown reason'}`);
    });
    void leading.then(() => lost.abort());
    let renewedMs = timing.nowMs();
    // We stop at two thirds of what others wait for, so that two never lead at once.
    while (!lost.signal.aborted && !signal.aborted) {
      await timing.pause(this.#durationMs / 7.5, AbortSignal.any([signal, lost.signal]));
      if (signal.aborted || lost.signal.aborted) break;
      const startedMs = timing.nowMs();
      if (await this.#take(AbortSignal.any([signal, lost.signal]))) renewedMs = startedMs;
      if (timing.nowMs() - renewedMs >= (this.#durationMs * 2) / 3) lost.abort();
    }
    await leading;
    if (signal.aborted) await this.#giveUp();
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }

  /** Takes or renews the lease; false when somebody else holds it or the API server does not let us. */
  async #take(signal: AbortSignal): Promise<boolean> {
    const { client, name, identity, timing, trouble } = this.#options;
    const found = await client.request({ path: `${this.#path}/${name}`, signal });
    if (!found.ok && found.fault.code !== 'NotFound') {
      trouble(`The lease cannot be read: ${found.fault.message}`);
      return false;
    }
    const lease = found.ok ? (found.value as LeaseObject) : undefined;
    const nowMs = timing.nowMs();
    const holder = lease?.spec?.holderIdentity ?? '';
    if (holder !== identity && holder !== '' && !this.#expired(lease, nowMs)) return false;
    const taken = holder !== identity;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#durationMs / 1000,
      acquireTime: taken ? microTime(nowMs) : (lease?.spec?.acquireTime ?? microTime(nowMs)),
      renewTime: microTime(nowMs),
      leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (taken && lease !== undefined ? 1 : 0),
    };
    return this.#write(lease, spec, signal);
  }

  async #write(lease: LeaseObject | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<boolean> {
    const { client, name, namespace, trouble } = this.#options;
    const metadata = {
      name,
      namespace,
      ...(lease?.metadata.resourceVersion === undefined ? {} : { resourceVersion: lease.metadata.resourceVersion }),
    };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    const written =
      lease === undefined
        ? await client.request({ method: 'POST', path: this.#path, body, signal })
        : await client.request({ method: 'PUT', path: `${this.#path}/${name}`, body, signal });
    // A conflict means that another replica was faster: that is the election at work.
    if (!written.ok && written.fault.code !== 'Conflict' && written.fault.code !== 'AlreadyExists')
      trouble(`The lease cannot be written: ${written.fault.message}`);
    return written.ok;
  }

  #expired(lease: LeaseObject | undefined, nowMs: number): boolean {
    const version = lease?.metadata.resourceVersion ?? '';
    if (this.#seen?.version !== version) this.#seen = { version, atMs: nowMs };
    return nowMs - this.#seen.atMs >= (lease?.spec?.leaseDurationSeconds ?? DURATION_SECONDS) * 1000;
  }

  /** A leader that ends in peace lets the next one start at once. */
  async #giveUp(): Promise<void> {
    const signal = AbortSignal.timeout(2_000);
    const found = await this.#options.client.request({ path: `${this.#path}/${this.#options.name}`, signal });
    if (!found.ok) return;
    const lease = found.value as LeaseObject;
    if (lease.spec?.holderIdentity !== this.#options.identity) return;
    await this.#write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }, signal);
  }
}
