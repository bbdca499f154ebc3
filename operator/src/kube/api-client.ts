import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { Agent, type RequestOptions, request as requestHttps } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { fail, ok, type Result } from '@sidegate/crds';
import { type ApiFault, apiFault, unreachable } from './api-fault.ts';

/** Largest answer that is read whole, in bytes. Lists are paged well below it. */
const ANSWER_BYTES_MAX = 64 << 20;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root: `/apis/sidegate.dev/v1alpha1/targets`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

/** Lines of a watch as they come; ends when the server ends it, throws an ApiFault's cause never: a broken stream ends with a fault. */
export interface ApiStream {
  /** One JSON document for each line. */
  readonly documents: AsyncIterable<Result<unknown, ApiFault>>;
}

/** The API server as the operator speaks to it: raw JSON, so that no field is lost on the way through a typed model. Nothing rejects. */
export interface ApiClient {
  request(request: ApiRequest): Promise<Result<unknown, ApiFault>>;
  stream(request: ApiRequest): Promise<Result<ApiStream, ApiFault>>;
}

/** {@link ApiClient} with the address and credentials of a kubeconfig, or of the pod it runs in. */
export function openApiClient(config: KubeConfig): ApiClient {
  const cluster = config.getCurrentCluster();
  const server = cluster?.server ?? 'http://127.0.0.1:8080';
  const agent = new Agent({ keepAlive: true });

  async function send({
    method = 'GET',
    path,
    query = {},
    body,
    contentType = 'application/json',
    signal,
  }: ApiRequest): Promise<Result<IncomingMessage, ApiFault>> {
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const length = text === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) };
    const options: RequestOptions = { method, signal, headers: { accept: 'application/json', ...length }, agent };
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      return fail(unreachable(`the credentials cannot be had: ${String(error)}`));
    }
    // The library makes an agent of its own with the certificates in it; connections are kept by ours.
    const secure = url.protocol === 'https:';
    const { agent: _theirs, ...rest } = options;
    return new Promise((resolve) => {
      const outgoing = secure
        ? requestHttps(url, { ...rest, agent })
        : requestHttp(url, { method, signal, headers: rest.headers });
      outgoing.on('error', (error) => resolve(fail(unreachable(error.message))));
      outgoing.on('response', (incoming) => resolve(ok(incoming)));
      outgoing.end(text);
    });
  }

  async function readFault(incoming: IncomingMessage): Promise<{ readonly ok: false; readonly fault: ApiFault }> {
    const text = await readWhole(incoming);
    const retryAfter = Number(incoming.headers['retry-after']);
    const body = text.ok ? parse(text.value) : undefined;
    return fail(
      apiFault(incoming.statusCode ?? 0, body, Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined),
    );
  }

  return {
    async request(request) {
      const incoming = await send(request);
      if (!incoming.ok) return incoming;
      const status = incoming.value.statusCode ?? 0;
      if (status < 200 || status > 299) return readFault(incoming.value);
      const text = await readWhole(incoming.value);
      if (!text.ok) return text;
      const value = parse(text.value);
      return value === undefined ? fail(unreachable('the answer is no JSON')) : ok(value);
    },
    async stream(request) {
      const incoming = await send(request);
      if (!incoming.ok) return incoming;
      if (incoming.value.statusCode !== 200) return readFault(incoming.value);
      return ok({ documents: readDocuments(incoming.value) });
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readWhole(incoming: IncomingMessage): Promise<Result<string, ApiFault>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of incoming) {
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX) return fail(unreachable('the answer is too large'));
      parts.push(part);
    }
  } catch (error) {
    return fail(unreachable(`the answer broke off: ${error instanceof Error ? error.message : 'unknown reason'}`));
  }
  return ok(Buffer.concat(parts).toString('utf8'));
}

async function* readDocuments(incoming: IncomingMessage): AsyncGenerator<Result<unknown, ApiFault>> {
  let rest = '';
  incoming.setEncoding('utf8');
  try {
    for await (const part of incoming) {
      rest += part;
      if (rest.length > ANSWER_BYTES_MAX) {
        yield fail(unreachable('one event of the watch is too large'));
        return;
      }
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') continue;
        const value = parse(line);
        yield value === undefined ? fail(unreachable('an event of the watch is no JSON')) : ok(value);
      }
    }
    if (rest !== '') yield fail(unreachable('the watch broke off inside an event'));
  } catch (error) {
    yield fail(unreachable(`the watch broke off: ${error instanceof Error ? error.message : 'unknown reason'}`));
  } finally {
    incoming.destroy();
  }
}
