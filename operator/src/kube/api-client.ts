import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as requestHttps } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { fail, networkError, ok, type Result } from '@sidegate/crds';
import { type ApiFault, apiFault, tooLarge, unreachable } from './api-fault.ts';
import { parseJson, readJsonLines } from './json-lines.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { Timing } from './timing.ts';

/** Largest answer that is read whole, in bytes, and largest event of a watch, in characters. Lists are paged well below it. */
const ANSWER_BYTES_MAX = 64 << 20;

const SILENCE_MS = 30_000;

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

export interface ApiStream {
  /** One JSON document for each line, as they come. It never throws: a stream that breaks ends with a fault. */
  readonly documents: AsyncIterable<Result<unknown, ApiFault>>;
}

/** The API server as the operator speaks to it: raw JSON, so that no field is lost on the way through a typed model. Nothing rejects. */
export interface ApiClient {
  request(request: ApiRequest): Promise<Result<unknown, ApiFault>>;
  /** What comes after the head of the answer may be silent for as long as it likes: the caller watches that. */
  stream(request: ApiRequest): Promise<Result<ApiStream, ApiFault>>;
}

export interface ApiClientOptions {
  /** Address and credentials: of a kubeconfig, or of the pod it runs in. */
  readonly config: KubeConfig;
  readonly timing: Timing;
  /** A server that says nothing for so long, while an answer is due, is taken for gone; default 30 s. */
  readonly silenceMs?: number;
  /** Default 64 MiB. */
  readonly answerBytesMax?: number;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly watch: SilenceWatch;
}

/** An {@link ApiClient} over HTTP(S), on kept connections. */
export function openApiClient(options: ApiClientOptions): ApiClient {
  const { config, timing, silenceMs = SILENCE_MS, answerBytesMax = ANSWER_BYTES_MAX } = options;
  const server = (config.getCurrentCluster()?.server ?? 'http://127.0.0.1:8080').replace(/\/+$/, '');
  const httpsAgent = new HttpsAgent({ keepAlive: true });
  const httpAgent = new HttpAgent({ keepAlive: true });

  async function credentials(request: RequestOptions): Promise<Result<RequestOptions, ApiFault>> {
    try {
      await config.applyToHTTPSOptions(request);
      return ok(request);
    } catch (error) {
      return fail(unreachable(`the credentials cannot be had: ${String(error)}`));
    }
  }

  async function send(request: ApiRequest): Promise<Result<Exchange, ApiFault>> {
    const { method = 'GET', path, query = {}, body, contentType = 'application/json' } = request;
    const url = new URL(`${server}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const length = text === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) };
    const watch = new SilenceWatch(timing, silenceMs, request.signal);
    const headers = { accept: 'application/json', ...length };
    const asked = await credentials({ method, signal: watch.signal, headers });
    if (!asked.ok) {
      watch.end();
      return asked;
    }
    // The library makes an agent of its own with the certificates in it; connections are kept by ours.
    const { agent: _theirs, ...rest } = asked.value;
    const begin = (): ClientRequest =>
      url.protocol === 'https:'
        ? requestHttps(url, { ...rest, agent: httpsAgent })
        : requestHttp(url, { ...rest, agent: httpAgent });
    return new Promise((resolve) => {
      const attempt = (fresh: boolean): void => {
        const outgoing = begin();
        outgoing.on('error', (error) => {
          // A kept connection that the server closed at this moment says nothing about the server; reading again does no harm.
          if (outgoing.reusedSocket && !fresh && method === 'GET' && !watch.signal.aborted) return attempt(true);
          watch.end();
          resolve(fail(unreachable(watch.silent ? `it was silent for ${silenceMs / 1000} s` : networkError(error))));
        });
        outgoing.on('response', (incoming) => {
          watch.heard();
          resolve(ok({ incoming, watch }));
        });
        outgoing.end(text);
      };
      attempt(false);
    });
  }

  async function readWhole({ incoming, watch }: Exchange): Promise<Result<string, ApiFault>> {
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const part of incoming) {
        watch.heard();
        bytes += part.length;
        if (bytes > answerBytesMax) return fail(tooLarge('The answer'));
        parts.push(part);
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown reason';
      return fail(
        unreachable(watch.silent ? `it was silent for ${silenceMs / 1000} s` : `the answer broke off: ${why}`),
      );
    } finally {
      watch.end();
    }
    return ok(Buffer.concat(parts).toString('utf8'));
  }

  async function readFault(exchange: Exchange): Promise<{ readonly ok: false; readonly fault: ApiFault }> {
    const text = await readWhole(exchange);
    const { headers, statusCode = 0 } = exchange.incoming;
    const retryAfter = Number(headers['retry-after']);
    const body = text.ok ? parseJson(text.value) : undefined;
    return fail(apiFault(statusCode, body, Number.isFinite(retryAfter) ? retryAfter : undefined));
  }

  return {
    async request(request) {
      const exchange = await send(request);
      if (!exchange.ok) return exchange;
      const status = exchange.value.incoming.statusCode ?? 0;
      if (status < 200 || status > 299) return readFault(exchange.value);
      const text = await readWhole(exchange.value);
      if (!text.ok) return text;
      const value = parseJson(text.value);
      return value === undefined ? fail(unreachable('the answer is no JSON')) : ok(value);
    },
    async stream(request) {
      const exchange = await send(request);
      if (!exchange.ok) return exchange;
      const { incoming, watch } = exchange.value;
      if (incoming.statusCode !== 200) return readFault(exchange.value);
      watch.end();
      return ok({ documents: readDocuments(incoming, answerBytesMax) });
    },
  };
}

async function* readDocuments(incoming: IncomingMessage, bytesMax: number): AsyncGenerator<Result<unknown, ApiFault>> {
  incoming.setEncoding('utf8');
  try {
    yield* readJsonLines(incoming, bytesMax);
  } finally {
    incoming.destroy();
  }
}
