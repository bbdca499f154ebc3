import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** Where the API server is, and how the store shows who it is. */
export interface ApiServerAddress {
  /** `https://host:port`. */
  readonly url: string;
  /** Read afresh for each request: kubelets rotate it. */
  readonly tokenFile: string;
  /** PEM file of the roots that the server's certificate must lead to. */
  readonly caFile: string;
}

/** Posts a JSON document to the API server; gives what it answers with success. */
export type PostToApiServer = (path: string, body: object, signal: AbortSignal) => Promise<Result<unknown, Fault>>;

const ANSWER_BYTES_MAX = 1024 * 1024;
const WAIT_MS = 10_000;

/** Over HTTPS. Faults have the code Unreachable or Refused. */
export function postTo({ url, tokenFile, caFile }: ApiServerAddress): PostToApiServer {
  return async (path, body, signal) => {
    try {
      const [token, ca] = await Promise.all([readFile(tokenFile, 'utf8'), readFile(caFile)]);
      const headers = {
        authorization: `Bearer ${token.trim()}`,
        accept: 'application/json',
        'content-type': 'application/json',
      };
      const until = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]);
      return await post(new URL(path, url), { ca, headers, signal: until }, JSON.stringify(body));
    } catch (error) {
      return unreachable(error);
    }
  };
}

function post(
  url: URL,
  options: { readonly ca: Buffer; readonly headers: Record<string, string>; readonly signal: AbortSignal },
  body: string,
): Promise<Result<unknown, Fault>> {
  return new Promise((resolve) => {
    const outgoing = request(url, { ...options, method: 'POST' }, (incoming) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes > ANSWER_BYTES_MAX) incoming.destroy(new Error('its answer is too large'));
      });
      incoming.on('error', (error) => resolve(unreachable(error)));
      incoming.on('end', () => {
        const { statusCode = 0 } = incoming;
        if (statusCode < 200 || statusCode > 299)
          return resolve(fail({ code: 'Refused', message: `The API server answered ${statusCode}.` }));
        try {
          resolve(ok(JSON.parse(Buffer.concat(parts).toString('utf8'))));
        } catch (error) {
          resolve(unreachable(error));
        }
      });
    });
    outgoing.on('error', (error) => resolve(unreachable(error)));
    outgoing.end(body);
  });
}

function unreachable(error: unknown): { readonly ok: false; readonly fault: Fault } {
  const reason = error instanceof Error ? error.message : String(error);
  return fail({ code: 'Unreachable', message: `The API server cannot be asked: ${reason}.` });
}
