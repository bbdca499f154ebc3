import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
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
  /** As versions before wrote it. */
  readonly data?: { readonly accounts?: string };
  readonly binaryData?: { readonly [ACCOUNTS_KEY]?: string };
}

/** JSON under gzip, in base64. */
const ACCOUNTS_KEY = 'accounts.gz';
/** A ConfigMap holds 1 MiB. What is left of it is for accounts that are there: each grows with the gates that share it. */
const ROOM_BYTES = 768 * 1024;
/** More than a new account takes. */
const ACCOUNT_BYTES = 2 * 1024;

const [pack, unpack] = [promisify(gzip), promisify(gunzip)];

/** What was shared out, where it outlives the operator. Nothing is sent to a gate before it stands here. */
export class LimitStore {
  readonly #client: ApiClient;
  readonly #namespace: string;
  #version: string | undefined;
  #bytes = 0;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** Whether there is room for so many accounts more. The API server refuses a list that is too long, and with it what those that are there ask for. */
  hasRoomFor(accounts: number): boolean {
    return this.#bytes + accounts * ACCOUNT_BYTES <= ROOM_BYTES;
  }

  async read(signal: AbortSignal): Promise<Result<KeptLimits, LimitStoreFault>> {
    const found = await this.#client.request({ path: this.#path(LIMITS_CONFIG_MAP), signal });
    if (!found.ok && found.fault.code !== 'NotFound') return unavailable(found.fault.message);
    if (!found.ok) {
      this.#version = undefined;
      return ok(new Map());
    }
    const { metadata, data, binaryData } = found.value as Stored;
    const packed = binaryData?.[ACCOUNTS_KEY];
    const accounts = packed === undefined ? parse(data?.accounts ?? '[]') : await this.#unpacked(packed);
    if (accounts === undefined) return unavailable(`The ConfigMap ${LIMITS_CONFIG_MAP} cannot be read. Delete it.`);
    this.#version = metadata?.resourceVersion;
    return ok(accounts);
  }

  /** Replaces it whole, if nobody else has since it was read. */
  async write(limits: KeptLimits, signal: AbortSignal): Promise<Result<void, LimitStoreFault>> {
    const packed = await pack(JSON.stringify([...limits]), { level: 1 });
    this.#bytes = packed.length;
    const version = this.#version === undefined ? {} : { resourceVersion: this.#version };
    const written = await this.#client.request({
      method: this.#version === undefined ? 'POST' : 'PUT',
      path: this.#path(this.#version === undefined ? '' : LIMITS_CONFIG_MAP),
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: LIMITS_CONFIG_MAP, namespace: this.#namespace, ...version },
        binaryData: { [ACCOUNTS_KEY]: packed.toString('base64') },
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

  async #unpacked(text: string): Promise<KeptLimits | undefined> {
    try {
      const packed = Buffer.from(text, 'base64');
      this.#bytes = packed.length;
      return parse((await unpack(packed)).toString('utf8'));
    } catch {
      return undefined;
    }
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
