import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keepAuthority, writeTrust } from './trust-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trust-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const YEAR_MS = 365 * 24 * 3_600_000;

test('the authority comes back after a restart, readable by the gate alone', async () => {
  const first = await keepAuthority(folder, Date.now);
  const second = await keepAuthority(folder, Date.now);
  expect(second.certificate).toBe(first.certificate);
  expect(statSync(join(folder, 'agent-ca.json')).mode & 0o777).toBe(0o600);
});

test.each<[what: string, spoil: (kept: { certificate: string; key: string }) => unknown, laterMs: number]>([
  ['is damaged', () => 'no JSON {', 0],
  ['lacks its key', ({ certificate }) => ({ certificate }), 0],
  ['has a broken key', (kept) => ({ ...kept, key: 'none' }), 0],
  ['ends within a year', (kept) => kept, 9.5 * YEAR_MS],
])('one that %s is made anew', async (_what, spoil, laterMs) => {
  const first = await keepAuthority(folder, Date.now);
  const kept = JSON.parse(readFileSync(join(folder, 'agent-ca.json'), 'utf8')) as { certificate: string; key: string };
  writeFileSync(join(folder, 'agent-ca.json'), JSON.stringify(spoil(kept)));
  const second = await keepAuthority(folder, () => Date.now() + laterMs);
  expect(second.certificate).not.toBe(first.certificate);
});

test('agents get the authority alone, and joined to what the system trusts', async () => {
  const { certificate } = await keepAuthority(folder, Date.now);
  const system = join(folder, 'system.crt');
  writeFileSync(system, '-----BEGIN CERTIFICATE-----\nsystem\n-----END CERTIFICATE-----\n');
  await writeTrust(folder, certificate, [join(folder, 'nothing'), system]);
  expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(certificate);
  const bundle = readFileSync(join(folder, 'bundle.pem'), 'utf8');
  expect(bundle.startsWith(certificate)).toBe(true);
  expect(bundle).toContain('\nsystem\n');
  for (const file of ['ca.pem', 'bundle.pem']) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o644);
});

test('a system that has none is taken to trust what Node does', async () => {
  const { certificate } = await keepAuthority(folder, Date.now);
  await writeTrust(folder, certificate, []);
  expect(readFileSync(join(folder, 'bundle.pem'), 'utf8')).toContain(rootCertificates[0] ?? 'none');
});
