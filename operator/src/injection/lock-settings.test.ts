import { expect, test } from '@jest/globals';
import { SETTINGS } from '../fixture/gated-pod.ts';
import { readInjectionSettings, SETTING_KEYS } from './injection-settings.ts';
import { readLock } from './lock-settings.ts';

const LOCKED = { egress: 'Locked', 'lock-image': 'lock:1' };

test.each([
  ['no word', {}, undefined],
  ['open', { egress: 'Open', 'lock-image': 'lock:1', 'egress-allowed-cidrs': '10.0.0.0/8' }, undefined],
  ['locked', LOCKED, { image: 'lock:1' }],
  [
    'networks of both families',
    { ...LOCKED, 'egress-allowed-cidrs': '10.0.0.0/8,fd00::/8,192.0.2.1/32' },
    {
      image: 'lock:1',
      allow4: 'ip daddr { 10.0.0.0/8, 192.0.2.1/32 } accept;',
      allow6: 'ip6 daddr { fd00::/8 } accept;',
    },
  ],
  [
    'all there is',
    { ...LOCKED, 'egress-allowed-cidrs': '0.0.0.0/0' },
    { image: 'lock:1', allow4: 'ip daddr { 0.0.0.0/0 } accept;' },
  ],
])('%s', (_, data, expected) => {
  expect(readLock(data, {})).toEqual({ ok: true, value: expected });
});

test.each([
  ['another word', { egress: 'locked' }, 'neither Open nor Locked'],
  ['no image', { egress: 'Locked' }, 'lock-image is missing'],
  ['an image with a space', { ...LOCKED, 'lock-image': 'a b' }, 'lock-image is no image'],
  ...[
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '10.0.0.0/08',
    'fd00::/129',
    'ten/8',
    '10.0.0.0/8 }',
  ].map(
    (cidr) => [cidr, { ...LOCKED, 'egress-allowed-cidrs': `192.0.2.0/24,${cidr}` }, 'no list of networks'] as const,
  ),
])('%s is refused', (_, data, expected) => {
  const read = readLock(data, {});
  expect(read.ok ? 'ok' : read.fault.message).toContain(expected);
});

test('what was before was open unless it says otherwise, and has the rest as it is now', () => {
  const data = Object.fromEntries(
    Object.entries(SETTING_KEYS).map(([field, key]) => [key, SETTINGS[field as keyof typeof SETTING_KEYS]]),
  );
  const former = JSON.stringify([{ image: 'sidegate:1' }, { image: 'sidegate:0', egress: 'Locked' }]);
  const read = readInjectionSettings({ ...data, ...LOCKED, former });
  expect(read).toMatchObject({
    ok: true,
    value: {
      current: { ...SETTINGS, lock: { image: 'lock:1' } },
      former: [
        { ...SETTINGS, image: 'sidegate:1' },
        { ...SETTINGS, image: 'sidegate:0', lock: { image: 'lock:1' } },
      ],
    },
  });
  expect(read.ok && read.value.former[0]?.lock).toBe(undefined);
  const wrong = readInjectionSettings({ ...data, egress: 'shut' });
  expect(wrong.ok ? 'ok' : wrong.fault.message).toBe('The key egress is neither Open nor Locked.');
});
