import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { KeptAccount } from '@sidegate/policy';
import type { ApiClient } from '../kube/api-client.ts';

/** The ConfigMap in the operator's namespace that holds what was shared out of limits. */
export const LIMITS_CONFIG_MAP = 'sidegate-limits';

/** Every account by its key. */
export type KeptLimits = ReadonlyMap<string, KeptAccount>;

/** `OutOfDate`: somebody else wrote meanwhile, so read again. */
export type LimitStoreFault = Fault<'OutOfDate' | 'Unavailable'>;

interface Stored {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly data?: { readonly accounts?: string };
}

/** What was shared out, where it outlives the operator. Nothing is sent to a gate before it stands here. */
export class LimitStore {
  readonly #client: ApiClient;
  readonly #namespace: string;
  #version: string | undefined;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async read(signal: AbortSignal): Promise<Result<KeptLimits, LimitStoreFault>> {
    const found = await this.#client.request({ path: this.#path(LIMITS_CONFIG_MAP), signal });
    if (!found.ok && found.fault.code !== 'NotFound') return unavailable(found.fault.message);
    if (!found.ok) {
      this.#version = undefined;
      return ok(new Map());
    }
    const { metadata, data } = found.value as Stored;
    const accounts = parse(data?.accounts ?? '[]');
    if (accounts === undefined) return unavailable(`The ConfigMap ${LIMITS_CONFIG_MAP} cannot be read. Delete it.`);
    this.#version = metadata?.resourceVersion;
    return ok(accounts);
  }

  /** Replaces it whole, if nobody else has since it was read. */
  async write(limits: KeptLimits, signal: AbortSignal): Promise<Result<void, LimitStoreFault>> {
    const version = this.#version === undefined ? {} : { resourceVersion: this.#version };
    const written = await this.#client.request({
      method: this.#version === undefined ? 'POST' : 'PUT',
      path: this.#path(this.#version === undefined ? '' : LIMITS_CONFIG_MAP),
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: LIMITS_CONFIG_MAP, namespace: this.#namespace, ...version },
        data: { accounts: JSON.stringify([...limits]) },
      },
      signal,
    });
    if (written.ok) {
      this.#version = (written.value as Stored).metadata?.resourceVersion;
      return ok(undefined);
    }
    const { code, message } = written.fault;
    const outOfDate = code === 'Conflict' || code === 'AlreadyExists' || code === 'NotFound';
    return outOfDate ? fail({ code: 'OutOfDate', message }) : unavailable(message);
  }

  #path(name: string): string {
    return `/api/v1/namespaces/${this.#namespace}/configmaps${name === '' ? '' : `/${name}`}`;
  }
}

function unavailable(message: string): { readonly ok: false; readonly fault: LimitStoreFault } {
  return fail({ code: 'Unavailable', message });
}

/** Written by the operator alone. */
function parse(text: string): KeptLimits | undefined {
  try {
    return new Map(JSON.parse(text) as [string, KeptAccount][]);
  } catch {
    return undefined;
  }
}
