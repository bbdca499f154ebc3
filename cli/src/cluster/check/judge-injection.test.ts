import { X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { judgeRoot, judgeServing, judgeSettings, SETTING_KEYS } from './judge-injection.ts';
import { OTHER_ROOT, ROOT, SERVING } from './testing/certificates.ts';

const NAMESPACE = 'sidegate-system';
const DAY_MS = 24 * 3_600_000;
const FROM_MS = new X509Certificate(SERVING).validFromDate.getTime();
const WHOLE = Object.fromEntries(SETTING_KEYS.map((key) => [key, 'value']));

test('the ConfigMap must hold every key', () => {
  expect(judgeSettings(settings(WHOLE), NAMESPACE).level).toBe('ok');
  expect(judgeSettings(undefined, NAMESPACE).level).toBe('fail');
  for (const key of SETTING_KEYS) {
    const { [key]: _, ...without } = WHOLE;
    for (const data of [without, { ...WHOLE, [key]: '' }]) {
      const why = `it lacks ${key}, so pods are refused`;
      expect(judgeSettings(settings(data), NAMESPACE)).toMatchObject({ level: 'fail', why });
    }
  }
});

test('with egress locked, it must hold the image of the lock', () => {
  const locked = { ...WHOLE, egress: 'Locked' };
  expect(judgeSettings(settings(locked), NAMESPACE)).toMatchObject({ why: 'it lacks lock-image, so pods are refused' });
  expect(judgeSettings(settings({ ...locked, 'lock-image': 'lock:1' }), NAMESPACE).level).toBe('ok');
});

test.each([
  ['early', 0, 'ok'],
  ['a day before three quarters of its life', 66, 'ok'],
  ['a day after', 68, 'warn'],
  ['a day before its end', 89, 'warn'],
  ['a day after its end', 91, 'fail'],
  ['before its time', -1, 'fail'],
])('a serving certificate %s', (_name, days, level) => {
  expect(judgeServing('tls', SERVING, ROOT, FROM_MS + days * DAY_MS).level).toBe(level);
});

test.each([
  ['of the root', SERVING, ROOT, 'ok'],
  ['of one of two roots', SERVING, OTHER_ROOT + ROOT, 'ok'],
  ['of another root', SERVING, OTHER_ROOT, 'fail'],
  ['that is none', 'tls', ROOT, 'fail'],
  ['that is spoilt', SERVING.replace('MII', 'AAA'), ROOT, 'fail'],
  ['that is missing', undefined, ROOT, 'fail'],
])('a serving certificate %s', (_name, pem, root, level) => {
  expect(judgeServing('tls', pem, root, FROM_MS).level).toBe(level);
});

test.each([
  [ROOT, 0, 'ok'],
  [ROOT, 3_650 - 364, 'warn'],
  [ROOT, 3_650 + 1, 'fail'],
  ['root', 0, 'fail'],
])('a root', (pem, days, level) => {
  const finding = judgeRoot(pem, 'gates', FROM_MS + days * DAY_MS);
  expect(finding.level).toBe(level);
  if (finding.level !== 'ok')
    expect(finding.mend).toContain('-n gates annotate secret sidegate-root sidegate.dev/root=Rotate');
});

function settings(data: Readonly<Record<string, string>>) {
  return { metadata: { name: 'sidegate-injection' }, data };
}
