import type { Result } from '@sidegate/crds';
import type { ApiClient } from './api-client.ts';
import type { ApiFault } from './api-fault.ts';

/** Who owns the fields that the operator writes (server-side apply). */
const FIELD_MANAGER = 'sidegate-operator';

/** Server-side apply of `body` at `path`: fields that we stop naming go away, fields of others stay. */
export function apply(
  client: ApiClient,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<Result<unknown, ApiFault>> {
  return client.request({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGER, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body,
    signal,
  });
}
