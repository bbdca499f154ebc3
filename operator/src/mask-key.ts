import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from './kube/api-client.ts';

/** The Secret in the operator's namespace that holds the key of Hash masks: equal values keep equal hashes for as long as it stays. */
export const MASK_KEY_SECRET = 'sidegate-mask-key';

export type MaskKeyFault = Fault<'NoMaskKey'>;

/** Reads the key (hex, 32 bytes), and makes it when there is none. `random` gives that many bytes. */
export async function readMaskKey(
  client: ApiClient,
  namespace: string,
  random: (bytes: number) => Uint8Array,
  signal: AbortSignal,
): Promise<Result<string, MaskKeyFault>> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const found = await client.request({ path: `${path}/${MASK_KEY_SECRET}`, signal });
  if (found.ok) return keyIn(found.value);
  if (found.fault.code !== 'NotFound') return fail({ code: 'NoMaskKey', message: found.fault.message });
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: MASK_KEY_SECRET, namespace },
    data: { key: Buffer.from(Buffer.from(random(32)).toString('hex')).toString('base64') },
  };
  const made = await client.request({ method: 'POST', path, body, signal });
  if (made.ok) return keyIn(made.value);
  if (made.fault.code !== 'AlreadyExists') return fail({ code: 'NoMaskKey', message: made.fault.message });
  // Another replica was faster: its key is everybody's.
  const theirs = await client.request({ path: `${path}/${MASK_KEY_SECRET}`, signal });
  return theirs.ok ? keyIn(theirs.value) : fail({ code: 'NoMaskKey', message: theirs.fault.message });
}

function keyIn(secret: unknown): Result<string, MaskKeyFault> {
  const { data = {} } = secret as { readonly data?: { readonly key?: string } };
  const key = Buffer.from(data.key ?? '', 'base64')
    .toString('utf8')
    .trim();
  if (/^[0-9a-f]{64}$/i.test(key)) return ok(key.toLowerCase());
  return fail({
    code: 'NoMaskKey',
    message: `The Secret ${MASK_KEY_SECRET} holds no key.`,
    mend: 'Its key `key` must be 64 hexadecimal digits. Without the Secret the operator makes a new one, and values hashed before no longer match.',
  });
}
