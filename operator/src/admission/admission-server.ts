import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { PemPair } from '../certificates/pem-pair.ts';
import { type AdmissionJudge, answerReview } from './admission-review.ts';

/** An AdmissionReview larger than this is refused, in bytes: twice what etcd stores, for the object before and after. */
const REVIEW_BYTES_MAX = 6 << 20;
/** A caller that sends nothing for so long is sent away, in milliseconds; the API server waits 10 s by default. */
const IDLE_MS = 30_000;

/** The API server goes on using connections to a pod that ends, for about so long. */
const GRACE_MS = 10_000;

export type AdmissionServerFault = Fault<'NoPort'>;

export interface AdmissionServer {
  readonly port: number;
  replaceCertificate(serving: PemPair): void;
  /** Takes no new connections; those that there are end when they are idle, or after `graceMs` (default 10 s). */
  close(graceMs?: number): Promise<void>;
}

/** Serves admission webhooks, one judge for each path, on HTTPS. Port 0 takes a free one. */
export async function serveAdmission(
  routes: ReadonlyMap<string, AdmissionJudge>,
  { host, port, serving }: { readonly host: string; readonly port: number; readonly serving: PemPair },
): Promise<Result<AdmissionServer, AdmissionServerFault>> {
  const server = createServer({ cert: serving.certificate, key: serving.key }, (request, response) => {
    void answer(routes, request, response);
  });
  server.setTimeout(IDLE_MS);
  const fault = await new Promise<Error | undefined>((resolve) => {
    server.once('error', resolve);
    server.listen(port, host, () => resolve(undefined));
  });
  if (fault !== undefined) return fail({ code: 'NoPort', message: `The webhooks cannot listen: ${fault.message}.` });
  return ok({
    port: (server.address() as AddressInfo).port,
    replaceCertificate: ({ certificate, key }) => server.setSecureContext({ cert: certificate, key }),
    close: (graceMs = GRACE_MS) =>
      new Promise<void>((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  });
}

async function answer(
  routes: ReadonlyMap<string, AdmissionJudge>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const judge = routes.get(new URL(request.url ?? '/', 'https://webhook').pathname);
  if (judge === undefined || request.method !== 'POST')
    return end(response, 404, { message: 'There is no such webhook.' });
  const text = await readText(request);
  if (text === undefined) return end(response, 413, { message: 'The review is too large, or broke off.' });
  const answered = answerReview(text, judge);
  return answered.ok ? end(response, 200, answered.value) : end(response, 400, { message: answered.fault.message });
}

function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readText(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      bytes += part.length;
      // Read on and drop: a request that is cut off here would not hear why.
      if (bytes > REVIEW_BYTES_MAX) parts.length = 0;
      else parts.push(part);
    }
  } catch {
    return undefined;
  }
  return bytes > REVIEW_BYTES_MAX ? undefined : Buffer.concat(parts).toString('utf8');
}
