import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type AdmissionServer, serveAdmission } from '../../operator/src/admission/admission-server.ts';
import { makeCertificates } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

jest.setTimeout(120_000);

const folder = temporaryFolder('webhook');
const certificates = makeCertificates(folder.path);
const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: '1', operation: 'CREATE' },
};

let server: AdmissionServer;

beforeAll(async () => {
  const served = await serveAdmission(new Map([['/judge', () => ({ kind: 'Refused', message: 'No.' }) as const]]), {
    host: '127.0.0.1',
    port: 0,
    serving: certificates,
  });
  if (!served.ok) throw new Error(served.fault.message);
  server = served.value;
});

afterAll(async () => {
  await server.close(0);
  folder.remove();
});

/** A request that is begun and not ended. */
function begin(path: string, method = 'POST'): ClientRequest {
  return request({ method, host: 'localhost', port: server.port, path, ca: certificates.authority, agent: false });
}

function post(
  path: string,
  body: string,
  method = 'POST',
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = begin(path, method);
    asked.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

test('a review is answered by the judge of its path', async () => {
  const { status, text } = await post('/judge?timeout=10s', JSON.stringify(REVIEW));
  expect([status, JSON.parse(text)]).toMatchObject([200, { response: { uid: '1', allowed: false } }]);
});

test.each([
  ['another path', '/other', JSON.stringify(REVIEW), 'POST', 404],
  ['another method', '/judge', '', 'GET', 404],
  ['what is no review', '/judge', '{}', 'POST', 400],
  ['a review as large as may be', '/judge', 'x'.repeat(6 << 20), 'POST', 400],
  ['a larger one', '/judge', 'x'.repeat((6 << 20) + 1), 'POST', 413],
])('%s is refused', async (_, path, body, method, expected) => {
  expect((await post(path, body, method)).status).toBe(expected);
});

test('of a review without an end no more is read than it takes to say so', async () => {
  const asked = begin('/judge');
  const over = new Promise<void>((resolve) => asked.once('close', () => resolve()));
  let sent = 0;
  const more = (): void => {
    sent += 1 << 20;
    // What no socket holds: were it read, this would go on.
    if (!asked.destroyed && sent < 256 << 20) asked.write(Buffer.alloc(1 << 20), more);
  };
  asked.on('error', () => undefined);
  more();
  await over;
  expect(sent).toBeLessThan(128 << 20);
});

test('a caller that has too much under way is put off, and may come again', async () => {
  const begun = Array.from({ length: 3 }, () => {
    const asked = begin('/judge');
    const answered = new Promise<number>((resolve) => {
      asked.on('response', (response) => resolve(response.statusCode ?? 0));
      asked.on('error', () => resolve(0));
    });
    asked.write('x'.repeat(5 << 20));
    return { asked, answered };
  });
  // Of three times 5 MiB one is too much, whichever it is.
  expect(await Promise.race(begun.map(({ answered }) => answered))).toBe(503);
  for (const { asked } of begun) asked.destroy();
  let status = 503;
  while (status === 503) ({ status } = await post('/judge', JSON.stringify(REVIEW)));
  expect(status).toBe(200);
});

test('the next connection gets the certificate that was put in', async () => {
  const next = temporaryFolder('webhook-next');
  server.replaceCertificate(makeCertificates(next.path));
  await expect(post('/judge', JSON.stringify(REVIEW))).rejects.toThrow();
  server.replaceCertificate(certificates);
  expect((await post('/judge', JSON.stringify(REVIEW))).status).toBe(200);
  next.remove();
});
