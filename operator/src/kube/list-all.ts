import { fail, ok, type Result } from '@sidegate/crds';
import type { ApiClient } from './api-client.ts';
import { type ApiFault, apiFault } from './api-fault.ts';
import { type ApiObject, isApiObject } from './api-object.ts';

/** A list longer than this many pages is one that never ends. */
const PAGES_MAX = 10_000;

export interface ListRequest {
  readonly client: ApiClient;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly pageObjects: number;
  readonly signal: AbortSignal;
}

export interface ObjectList {
  readonly objects: readonly ApiObject[];
  /** Where a watch goes on. */
  readonly version: string;
}

interface Page extends ObjectList {
  readonly next: string;
}

/**
 * All objects of a collection, page by page. A page that is too large is asked for again at half the size; when what the pages come from
 * has become too old (410), the rest of the time would be too, so that list is asked for once more in one piece.
 */
export async function listAll(request: ListRequest): Promise<Result<ObjectList, ApiFault>> {
  let { pageObjects } = request;
  while (true) {
    const list = await listPages(request, pageObjects);
    if (list.ok || list.fault.code !== 'TooLarge' || pageObjects <= 1) return list;
    pageObjects = Math.ceil(pageObjects / 2);
  }
}

async function listPages(request: ListRequest, pageObjects: number): Promise<Result<ObjectList, ApiFault>> {
  const objects: ApiObject[] = [];
  let next = '';
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await readPage(request, { limit: String(pageObjects), ...(next === '' ? {} : { continue: next }) });
    if (!page.ok) return page.fault.code === 'Gone' && next !== '' ? readPage(request, {}) : page;
    objects.push(...page.value.objects);
    next = page.value.next;
    if (next === '') return ok({ objects, version: page.value.version });
  }
  return fail(apiFault(502, { message: `The list of ${request.path} does not end.` }));
}

async function readPage(
  { client, path, query, signal }: ListRequest,
  part: Readonly<Record<string, string>>,
): Promise<Result<Page, ApiFault>> {
  const answer = await client.request({ path, query: { ...query, ...part }, signal });
  if (!answer.ok) return answer;
  const { apiVersion, kind, items, metadata } = answer.value as {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly items?: unknown;
    readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  };
  if (!Array.isArray(items) || !items.every(isApiObject))
    return fail(apiFault(502, { message: `${path} answered with something that is no list of objects.` }));
  // The items of a list do not always say what they are; the list does.
  const own = {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind: kind.replace(/List$/, '') }),
  };
  return ok({
    objects: items.map((item) => ({ ...own, ...item })),
    version: metadata?.resourceVersion ?? '',
    next: metadata?.continue ?? '',
  });
}
