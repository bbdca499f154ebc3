import { webcrypto, X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { mintRoot, mintServing } from './mint.ts';
import { renewalReason, rootTrouble } from './renewal.ts';

const DAY_MS = 24 * 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 28);
const NAMES = ['sidegate-store.ops.svc', 'sidegate-store'];

const root = await mintRoot(webcrypto, NOW_MS);
const other = await mintRoot(webcrypto, NOW_MS);
const rootCertificate = new X509Certificate(root.certificate);
const good = await mintServing(webcrypto, root, NAMES, NOW_MS);

test('a root may sign and nothing else, and holds for ten years', () => {
  expect(rootCertificate.ca).toBe(true);
  expect(rootCertificate.verify(rootCertificate.publicKey)).toBe(true);
  expect(rootCertificate.validToDate.getTime()).toBe(NOW_MS + 3_650 * DAY_MS);
  expect(BigInt(`0x${rootCertificate.serialNumber}`)).toBeGreaterThan(2n ** 120n);
});

test.each([
  ['60 days less an hour after it was made', good, NAMES, NOW_MS + 59 * DAY_MS, undefined],
  ['60 days after', good, NAMES, NOW_MS + 60 * DAY_MS, 'Due'],
  ['after its end', good, NAMES, NOW_MS + 91 * DAY_MS, 'Due'],
  ['by a clock that is an hour behind', good, NAMES, NOW_MS - 3_600_000, undefined],
  ['by a clock that is further behind', good, NAMES, NOW_MS - 3_601_000, 'NotYetValid'],
  ['with a name more', good, [...NAMES, 'another.ops.svc'], NOW_MS, 'OtherNames'],
  ['of another root', await mintServing(webcrypto, other, NAMES, NOW_MS), NAMES, NOW_MS, 'OtherRoot'],
  ['with the key of another', { ...good, key: other.key }, NAMES, NOW_MS, 'Unreadable'],
  ['that is text', { ...good, certificate: 'text' }, NAMES, NOW_MS, 'Unreadable'],
  ['that is not there', undefined, NAMES, NOW_MS, 'Missing'],
])('a certificate %s', (_, pair, names, nowMs, reason) => {
  expect(renewalReason(pair, rootCertificate, names, nowMs)).toBe(reason);
});

test.each([
  ['in its first year', NOW_MS, undefined],
  ['in its ninth year', NOW_MS + 3_284 * DAY_MS, undefined],
  ['in its last year', NOW_MS + 3_286 * DAY_MS, /ends on 2036/],
  ['after its end', NOW_MS + 3_651 * DAY_MS, /ended on 2036/],
  ['before its begin', NOW_MS - DAY_MS, /only from 2026/],
])('what is said of a root %s', (_, nowMs, said) => {
  const trouble = rootTrouble(rootCertificate, nowMs);
  if (said === undefined) expect(trouble).toBeUndefined();
  else expect(trouble).toMatch(said);
});
