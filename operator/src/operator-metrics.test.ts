import { expect, test } from '@jest/globals';
import { serveProbes } from './operator-metrics.ts';

test('says whether it lives, is ready and leads, and nothing else', async () => {
  const is = { ready: false, leading: false, gates: 3 };
  const listener = await serveProbes(
    { host: '127.0.0.1', port: 0 },
    { isLive: () => true, isReady: () => is.ready, isLeading: () => is.leading, gates: () => is.gates },
  );
  if (!listener.ok) throw new Error(listener.fault.message);
  const url = `http://127.0.0.1:${listener.value.port}`;
  const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
  expect([await status('/livez'), await status('/readyz'), await status('/debug')]).toEqual([200, 503, 404]);
  is.ready = true;
  is.leading = true;
  expect(await status('/readyz')).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^sidegate_operator_leading 1$/m);
  expect(metrics).toMatch(/^sidegate_operator_gates 3$/m);
  const taken = await serveProbes(
    { host: '127.0.0.1', port: listener.value.port },
    {
      isLive: () => true,
      isReady: () => true,
      isLeading: () => true,
      gates: () => 0,
    },
  );
  expect(taken).toMatchObject({ ok: false, fault: { code: 'CannotListen' } });
  await listener.value.close();
});
