import type { ApiClient } from './api-client.ts';
import type { Timing } from './timing.ts';

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly namespace: string;
  readonly name: string;
  /** Who we are, for instance the pod's name; unique among the replicas. */
  readonly identity: string;
  /** A holder that did not renew for so long is taken for gone, in seconds; default 15. The same in every replica. */
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

/** `Theirs`: somebody else holds it. `Unknown`: the API server did not say, or somebody wrote at the same moment. */
type Standing =
  /** Nobody can have seen our hold of it before this moment of the monotonic clock. */
  { readonly kind: 'Ours'; readonly sinceMs: number } | { readonly kind: 'Theirs' } | { readonly kind: 'Unknown' };

const DURATION_SECONDS = 15;

/** A Lease's times are MicroTime: six digits after the point. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/**
 * Leader election by a Lease (coordination.k8s.io/v1): `lead` runs while we hold it, and its signal aborts before anybody else can
 * take it. A holder is judged by how long *we* have seen no renewal, on a clock that nobody sets, so clocks need not agree.
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

  /** Runs until `signal` aborts: waits for the lease, leads, and waits again when it was lost or `lead` ended. */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    while (!signal.aborted) {
      const standing = await this.#within((this.#durationMs * 2) / 3, signal, (inTime) => this.#take(inTime));
      if (standing.kind === 'Ours') await this.#lead(lead, standing.sinceMs, signal);
      await timing.pause((this.#durationMs / 5) * (1 + timing.random() / 5), signal);
    }
  }

  /** We hold the lease since `sinceMs`, or a little later: others count from when they see it, which is no sooner. */
  async #lead(lead: (signal: AbortSignal) => Promise<void>, sinceMs: number, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const leading = AbortSignal.any([signal, ended.signal]);
    const work = (async () => {
      try {
        await lead(leading);
      } catch (error) {
        this.#options.trouble(
          `Leading ended with a fault: ${error instanceof Error ? error.message : 'unknown reason'}`,
        );
      }
    })();
    void work.then(() => ended.abort());
    await this.#holdOn(sinceMs, leading);
    ended.abort();
    await work;
    if (signal.aborted) await this.#giveUp();
  }

  /** Renews until `leading` aborts, or until no renewal succeeded for two thirds of the time after which others take over. */
  async #holdOn(sinceMs: number, leading: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    let renewedMs = sinceMs;
    while (!leading.aborted) {
      const leftMs = renewedMs + (this.#durationMs * 2) / 3 - timing.monotonicMs();
      if (leftMs <= 0) return;
      const standing = await this.#within(leftMs, leading, async (inTime): Promise<Standing> => {
        await timing.pause(this.#durationMs / 7.5, inTime);
        return inTime.aborted ? { kind: 'Unknown' } : this.#renew(inTime);
      });
      if (standing.kind === 'Theirs') return;
      if (standing.kind === 'Ours') renewedMs = standing.sinceMs;
    }
  }

  /** A request that never ends must neither keep us in office nor keep us from it. */
  async #within(ms: number, signal: AbortSignal, ask: (inTime: AbortSignal) => Promise<Standing>): Promise<Standing> {
    const late = new AbortController();
    const inTime = AbortSignal.any([signal, late.signal]);
    const deadline = this.#options.timing.pause(ms, inTime).then(() => late.abort());
    const standing = await ask(inTime);
    late.abort();
    await deadline;
    return standing;
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }

  async #take(signal: AbortSignal): Promise<Standing> {
    const found = await this.#read(signal);
    if (found === undefined) return { kind: 'Unknown' };
    const holder = found.lease?.spec?.holderIdentity ?? '';
    const free = holder === '' || holder === this.#options.identity || this.#expired(found.lease);
    return free ? this.#claim(found.lease, signal) : { kind: 'Theirs' };
  }

  /** A leader that finds any other name in the lease has lost it, however that came about. */
  async #renew(signal: AbortSignal): Promise<Standing> {
    const found = await this.#read(signal);
    if (found === undefined) return { kind: 'Unknown' };
    const ours = found.lease?.spec?.holderIdentity === this.#options.identity;
    return ours ? this.#claim(found.lease, signal) : { kind: 'Theirs' };
  }

  /** Undefined when it cannot be read; without a lease when there is none. */
  async #read(signal: AbortSignal): Promise<{ readonly lease: LeaseObject | undefined } | undefined> {
    const { client, name, trouble } = this.#options;
    const found = await client.request({ path: `${this.#path}/${name}`, signal });
    if (signal.aborted) return undefined;
    if (found.ok) return { lease: found.value as LeaseObject };
    if (found.fault.code === 'NotFound') return { lease: undefined };
    trouble(`The lease cannot be read: ${found.fault.message}`);
    return undefined;
  }

  async #claim(lease: LeaseObject | undefined, signal: AbortSignal): Promise<Standing> {
    const { identity, timing } = this.#options;
    const now = microTime(timing.nowMs());
    const taken = lease?.spec?.holderIdentity !== identity;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#durationMs / 1000,
      acquireTime: taken ? now : (lease?.spec?.acquireTime ?? now),
      renewTime: now,
      leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (taken && lease !== undefined ? 1 : 0),
    };
    const sinceMs = timing.monotonicMs();
    return (await this.#write(lease, spec, signal)) ? { kind: 'Ours', sinceMs } : { kind: 'Unknown' };
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
    if (!written.ok && !signal.aborted && written.fault.code !== 'Conflict' && written.fault.code !== 'AlreadyExists')
      trouble(`The lease cannot be written: ${written.fault.message}`);
    return written.ok;
  }

  #expired(lease: LeaseObject | undefined): boolean {
    const nowMs = this.#options.timing.monotonicMs();
    const version = lease?.metadata.resourceVersion ?? '';
    if (this.#seen?.version !== version) this.#seen = { version, atMs: nowMs };
    // A holder that states a longer time than ours was started with it, and lives by it.
    const statedMs = (lease?.spec?.leaseDurationSeconds ?? DURATION_SECONDS) * 1000;
    return nowMs - this.#seen.atMs >= Math.max(statedMs, this.#durationMs);
  }

  /** A leader that ends in peace lets the next one start at once. */
  async #giveUp(): Promise<void> {
    const { client, timing, identity, name } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    void timing.pause(2_000, done.signal).then(() => late.abort());
    const found = await client.request({ path: `${this.#path}/${name}`, signal: late.signal });
    const lease = found.ok ? (found.value as LeaseObject) : undefined;
    if (lease?.spec?.holderIdentity === identity)
      await this.#write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }, late.signal);
    done.abort();
  }
}
