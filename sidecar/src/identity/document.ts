import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { LookupFunction } from 'node:net';
import { type Fault, fail, networkError, ok, type Result } from '@sidegate/crds';

/** Longest answer that is read, in bytes. */
const DOCUMENT_BYTES_MAX = 1 << 20;

/** Reads one JSON document. Redirects are not followed: the place of an issuer's keys is configuration, not somebody's answer. */
export type ReadDocument = (url: string, signal: AbortSignal) => Promise<Result<unknown, Fault<'Unreachable'>>>;

function unreachable(url: string, why: string): { readonly ok: false; readonly fault: Fault<'Unreachable'> } {
  return fail({ code: 'Unreachable', message: `${url} could not be read: ${why}.` });
}

/** {@link ReadDocument} over Node's own HTTP client, which weighs less at rest than fetch. `lookup` finds addresses; default: as the machine does. */
export const openReadDocument =
  (lookup?: LookupFunction): ReadDocument =>
  (url, signal) =>
    new Promise((resolve) => {
      const request = url.startsWith('https:') ? requestSecure : requestPlain;
      let outgoing: ReturnType<typeof request>;
      try {
        const how = lookup === undefined ? {} : { lookup };
        outgoing = request(url, { signal, headers: { accept: 'application/json' }, agent: false, ...how });
      } catch (error) {
        resolve(unreachable(url, String(error)));
        return;
      }
      outgoing.on('error', (error) => resolve(unreachable(url, networkError(error))));
      outgoing.on('response', (incoming) => {
        if (incoming.statusCode !== 200) {
          incoming.resume();
          resolve(unreachable(url, `the server answered ${incoming.statusCode}`));
          return;
        }
        const parts: Buffer[] = [];
        let bytes = 0;
        incoming.on('error', (error) => resolve(unreachable(url, networkError(error))));
        incoming.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > DOCUMENT_BYTES_MAX) incoming.destroy(new Error('the answer is too large'));
          else parts.push(part);
        });
        incoming.on('end', () => {
          try {
            resolve(ok(JSON.parse(Buffer.concat(parts).toString('utf8'))));
          } catch {
            resolve(unreachable(url, 'the answer is no JSON'));
          }
        });
      });
      outgoing.end();
    });
