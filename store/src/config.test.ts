import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { tokenDigest } from './ingest/bearer.ts';

let folder: string;
let needed: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-config-'));
  writeFileSync(join(folder, 'token'), 'a-token-of-the-tests\n');
  writeFileSync(join(folder, 'short'), 'fifteen-letters\n');
  writeFileSync(join(folder, 'sixteen'), 'sixteen--letters\n');
  writeFileSync(join(folder, 'words'), 'two words that are long enough\n');
  needed = ['--data', folder, '--ingest-token-file', join(folder, 'token')];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the defaults hold where nothing is said', () => {
  expect(readConfig(needed)).toEqual({
    ok: true,
    value: {
      directory: folder,
      listen: { host: '127.0.0.1', port: 0 },
      ingest: { kind: 'Token', sha256: tokenDigest('a-token-of-the-tests') },
      ownerSocket: join(folder, 'owner', 'reader.sock'),
      metrics: undefined,
      limits: { ageMaxMs: 0, bytesMax: 0, silenceMs: 300_000 },
      segmentBytesMax: 64 * 1024 ** 2,
      diskReserveBytes: 256 * 1024 ** 2,
      tidyEveryMs: 60_000,
      json: false,
    },
  });
});

test('help needs nothing else', () => {
  expect(readConfig(['--help'])).toEqual({ ok: true, value: undefined });
});

describe('flags', () => {
  test.each([
    [['--listen', '[::1]:8443'], { listen: { host: '::1', port: 8443 } }],
    [['--listen', 'localhost:0'], { listen: { host: 'localhost', port: 0 } }],
    [['--metrics', '0.0.0.0:9100'], { metrics: { host: '0.0.0.0', port: 9100 } }],
    [['--max-bytes', '20Gi'], { limits: { bytesMax: 20 * 1024 ** 3 } }],
    [['--max-bytes', '1000'], { limits: { bytesMax: 1000 } }],
    [['--max-age-days', '0.5'], { limits: { ageMaxMs: 43_200_000 } }],
    [['--silence-seconds', '10'], { limits: { silenceMs: 10_000 } }],
  ])('%j are read', (flags, value) => {
    expect(readConfig([...needed, ...flags])).toMatchObject({ ok: true, value });
  });

  test.each([
    [['--listen', '0.0.0.0:0'], '--listen', 'only on loopback'],
    [['--listen', '10.0.0.1:1'], '--listen', 'only on loopback'],
    [['--listen', '127.0.0.1'], '--listen', 'no HOST:PORT'],
    [['--listen', '127.0.0.1:65536'], '--listen', 'no HOST:PORT'],
    [['--metrics', 'nine'], '--metrics', 'no HOST:PORT'],
    [['--max-bytes', '20GB'], '--max-bytes', 'no size'],
    [['--max-bytes=-1'], '--max-bytes', 'no size'],
    [['--max-age-days', 'month'], '--max-age-days', 'no number'],
    [['--owner-socket', `/${'x'.repeat(103)}`], '--owner-socket', '103 bytes'],
    [['--nonsense'], undefined, 'nonsense'],
  ])('%j are refused', (flags, where, message) => {
    const read = readConfig([...needed, ...flags]);
    expect(read).toMatchObject({ ok: false, fault: { code: 'BadFlag', message: expect.stringContaining(message) } });
    expect(read.ok ? '' : read.fault.where).toBe(where);
  });

  test('that are needed are asked for', () => {
    expect(readConfig([])).toMatchObject({ fault: { where: '--data' } });
    expect(readConfig(['--data', folder])).toMatchObject({ fault: { where: '--ingest-token-file' } });
  });
});

describe('in a cluster', () => {
  const POD = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };
  const pair = ['--tls-certificate=c', '--tls-key=k'];

  test('everything but the certificate is known', () => {
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(readConfig(['--data=d', '--token-review', ...pair], POD)).toMatchObject({
      ok: true,
      value: {
        listen: { host: '0.0.0.0', port: 8443 },
        ingest: {
          kind: 'Kubernetes',
          server: { url: 'https://10.96.0.1:6443', tokenFile: `${account}/token`, caFile: `${account}/ca.crt` },
          pair: { certificateFile: 'c', keyFile: 'k' },
        },
      },
    });
  });

  test.each([
    ['IPv6', { KUBERNETES_SERVICE_HOST: 'fd00::1' }, [], 'https://[fd00::1]:443'],
    ['a URL', POD, ['--api-server=https://kube.test'], 'https://kube.test'],
  ])('the API server is found by %s', (_, environment, flags, url) => {
    expect(readConfig(['--data=d', '--token-review', ...pair, ...flags], environment)).toMatchObject({
      value: { ingest: { server: { url } } },
    });
  });

  test.each([
    [['--token-review'], '--tls-certificate'],
    [['--token-review', '--tls-certificate=c'], '--tls-certificate'],
    [['--token-review', ...pair, '--ingest-token-file=t'], '--ingest-token-file'],
    [['--token-review', ...pair, '--api-server=http://kube.test'], '--api-server'],
    [[...pair, '--ingest-token-file=t'], '--token-review'],
    [['--api-server=https://kube.test', '--ingest-token-file=t'], '--token-review'],
  ])('%j is refused', (flags, where) => {
    expect(readConfig(['--data=d', ...flags], POD)).toMatchObject({ ok: false, fault: { where } });
  });

  test('outside of a pod the API server must be named', () => {
    expect(readConfig(['--data=d', '--token-review', ...pair])).toMatchObject({ fault: { where: '--api-server' } });
  });
});

describe('the token file', () => {
  test.each([
    ['sixteen', true],
    ['short', false],
    ['words', false],
    ['missing', false],
  ])('%s is good: %p', (name, good) => {
    const read = readConfig(['--data', folder, '--ingest-token-file', join(folder, name)]);
    expect(read.ok).toBe(good);
    if (!read.ok) expect(read.fault).toMatchObject({ code: 'BadToken', where: join(folder, name) });
  });
});
