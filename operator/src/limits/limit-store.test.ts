import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import type { KeptAccount } from '@sidegate/policy';
import type { ApiClient } from '../kube/api-client.ts';
import { apiFault } from '../kube/api-fault.ts';
import { type KeptLimits, LimitStore } from './limit-store.ts';

const NEVER = new AbortController().signal;
/** What a ConfigMap holds. */
const CONFIG_MAP_BYTES = 1024 * 1024;

interface Stored {
  metadata: { resourceVersion: string };
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** One ConfigMap, as the API server keeps it. */
class ConfigMapServer {
  stored: Stored | undefined;

  readonly client = {
    request: ({ method = 'GET', body }: { method?: string; body?: Stored }) => {
      if (method === 'GET')
        return Promise.resolve(this.stored === undefined ? fail(apiFault(404, {})) : ok(this.stored));
      const { data = {}, binaryData = {} } = body ?? {};
      const bytes = [
        ...Object.values(data).map((text) => Buffer.byteLength(text)),
        ...Object.values(binaryData).map((text) => Buffer.from(text, 'base64').length),
      ].reduce((sum, length) => sum + length, 0);
      if (bytes > CONFIG_MAP_BYTES)
        return Promise.resolve(fail(apiFault(422, { message: 'Too long: may not be more than 1048576' })));
      this.stored = { metadata: { resourceVersion: randomUUID() }, data, binaryData };
      return Promise.resolve(ok(this.stored));
    },
  } as unknown as ApiClient;
}

function account(gates: number): KeptAccount {
  const sums = { rows: 12_345, bytes: 67_890_123, commands: 42 };
  return {
    spent: [{ fromMs: 1_790_000_000_000, ...sums }],
    holders: Array.from({ length: gates }, () => ({
      gate: randomUUID(),
      epoch: `${randomUUID()}-7`,
      used: sums,
      allowed: sums,
    })),
    renewed: [],
  };
}

const keyOf = (subject: string): string =>
  JSON.stringify(['agents', 'support-bot', 'corporate', subject, 'data', 'production-guardrails', 'reading']);

test('what is written is read again, and so is what a version before wrote', async () => {
  const server = new ConfigMapServer();
  const limits: KeptLimits = new Map([[keyOf('bot'), account(2)]]);
  expect((await new LimitStore(server.client, 'sidegate').write(limits, NEVER)).ok).toBe(true);
  expect(await new LimitStore(server.client, 'sidegate').read(NEVER)).toEqual(ok(limits));
  server.stored = { metadata: { resourceVersion: '1' }, data: { accounts: JSON.stringify([...limits]) } };
  const store = new LimitStore(server.client, 'sidegate');
  expect(await store.read(NEVER)).toEqual(ok(limits));
  expect((await store.write(limits, NEVER)).ok).toBe(true);
  expect(server.stored?.data).toEqual({});
});

test('what cannot be read is told, not taken for nothing', async () => {
  const server = new ConfigMapServer();
  server.stored = { metadata: { resourceVersion: '1' }, binaryData: { 'accounts.gz': 'bm90IGd6aXA=' } };
  const read = await new LimitStore(server.client, 'sidegate').read(NEVER);
  expect(read.ok ? '' : read.fault.message).toMatch(/cannot be read\. Delete it/);
});

test('thousands of agents fit, and those for whom there is no room are known before they are written', async () => {
  const server = new ConfigMapServer();
  const store = new LimitStore(server.client, 'sidegate');
  const limits = new Map<string, KeptAccount>();
  while (store.hasRoomFor(250)) {
    for (let index = 0; index < 250; index += 1) limits.set(keyOf(`user-${randomUUID()}@corp.example`), account(1));
    const written = await store.write(limits, NEVER);
    expect(written.ok ? 'written' : written.fault.message).toBe('written');
  }
  expect(limits.size).toBeGreaterThan(2_500);
  // Another operator knows as well that there is no room.
  const next = new LimitStore(server.client, 'sidegate');
  await next.read(NEVER);
  expect([next.hasRoomFor(250), next.hasRoomFor(0)]).toEqual([false, true]);
});
