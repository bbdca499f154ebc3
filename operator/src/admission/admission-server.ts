import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { boundConnections, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { PemPair } from '../certificates/pem-pair.ts';
import { MACHINE_TIME, type Timing } from '../kube/timing.ts';
import { type AdmissionJudge, answerReview } from './admission-review.ts';
import { CallerPace } from './caller-pace.ts';

/** An AdmissionReview larger than this is refused, in bytes: twice what etcd stores, for the object before and after. */
const REVIEW_BYTES_MAX = 6 << 20;
/** What is too large is read on and dropped up to here, so that whoever sends it hears why; then it is cut. */
const DROPPED_BYTES_MAX = 2 * REVIEW_BYTES_MAX;
/** Connections from one address. The API server has one for each review that it waits for. */
const CONNECTIONS_MAX = 256;
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

export interface AdmissionAddress {
  readonly host: string;
  readonly port: number;
  readonly serving: PemPair;
  /** Default: the machine's. */
  readonly timing?: Timing;
}

/** Serves admission webhooks, one judge for each path, on HTTPS. Port 0 takes a free one. */
export async function serveAdmission(
  routes: ReadonlyMap<string, AdmissionJudge>,
  { host, port, serving, timing = MACHINE_TIME }: AdmissionAddress,
): Promise<Result<AdmissionServer, AdmissionServerFault>> {
  const pace = new CallerPace(timing);
  const server = createServer({ cert: serving.certificate, key: serving.key }, (request, response) => {
    void answer(routes, pace, request, response);
  });
  server.setTimeout(IDLE_MS);
  boundConnections(server, CONNECTIONS_MAX);
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
  pace: CallerPace,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const judge = routes.get(new URL(request.url ?? '/', 'https://webhook').pathname);
  if (judge === undefined || request.method !== 'POST')
    return end(response, 404, { message: 'There is no such webhook.' });
  const caller = request.socket.remoteAddress ?? '';
  if (!pace.begin(caller)) return refuse(request, response, 503, BUSY);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const read = await readText(request, (bytes) => pace.hold(caller, bytes));
  try {
    if (read.kind === 'Busy') return refuse(request, response, 503, BUSY);
    if (read.kind === 'Broken') return refuse(request, response, 413, 'The review is too large, or broke off.');
    const answered = await pace.turn(caller, gone.signal, () => answerReview(read.text(), judge));
    if (answered === undefined) return;
    if (answered.ok) end(response, 200, answered.value);
    else end(response, 400, { message: answered.fault.message });
  } finally {
    pace.end(caller, read.bytes);
  }
}

const BUSY = 'This caller asks for more than its share. Try again later.';
function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Says so and reads no further. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ message }), () => request.destroy());
}

/** `bytes`: what is held of it. */
type Read =
  | { readonly kind: 'Whole'; readonly bytes: number; readonly text: () => string }
  | { readonly kind: 'Broken'; readonly bytes: number }
  | { readonly kind: 'Busy'; readonly bytes: number };

async function readText(request: IncomingMessage, hold: (bytes: number) => boolean): Promise<Read> {
  const parts: Buffer[] = [];
  let [bytes, held] = [0, 0];
  try {
    for await (const part of request.iterator({ destroyOnReturn: false })) {
      bytes += part.length;
      if (bytes > DROPPED_BYTES_MAX) break;
      // Read on and drop: a request that is cut off here would not hear why.
      if (bytes > REVIEW_BYTES_MAX) {
        parts.length = 0;
        continue;
      }
      if (!hold(part.length)) return { kind: 'Busy', bytes: held };
      held += part.length;
      parts.push(part);
    }
  } catch {
    return { kind: 'Broken', bytes: held };
  }
  if (bytes > REVIEW_BYTES_MAX) return { kind: 'Broken', bytes: held };
  return { kind: 'Whole', bytes: held, text: () => Buffer.concat(parts).toString('utf8') };
}
