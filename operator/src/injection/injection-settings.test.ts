import { expect, test } from '@jest/globals';
import { SETTINGS } from '../fixture/gated-pod.ts';
import { readInjectionSettings } from './injection-settings.ts';

const DATA = {
  image: SETTINGS.image,
  control: SETTINGS.control,
  store: SETTINGS.store,
  'upstream-dns': '10.96.0.10',
  'cluster-domain': 'cluster.local',
  'root.crt': SETTINGS.root,
};

test('reads what is set, and what was set before', () => {
  expect(readInjectionSettings(DATA)).toEqual({
    ok: true,
    value: { current: SETTINGS, former: [], allowsTokens: false, hostPaths: [] },
  });
  const former = JSON.stringify([{ image: 'sidegate:1' }, { image: 'sidegate:0', control: 'https://old.test' }]);
  expect(readInjectionSettings({ ...DATA, former })).toEqual({
    ok: true,
    value: {
      current: SETTINGS,
      former: [
        { ...SETTINGS, image: 'sidegate:1' },
        { ...SETTINGS, image: 'sidegate:0', control: 'https://old.test' },
      ],
      allowsTokens: false,
      hostPaths: [],
    },
  });
});

test('a gate starts closed when the key says so, and one of before only when that says so', () => {
  const former = JSON.stringify([{ image: 'sidegate:1' }, { image: 'sidegate:0', 'start-closed': 'true' }]);
  const read = readInjectionSettings({ ...DATA, 'start-closed': 'true', former });
  expect(read).toEqual({
    ok: true,
    value: {
      current: { ...SETTINGS, startClosed: '--start-closed' },
      former: [
        { ...SETTINGS, image: 'sidegate:1' },
        { ...SETTINGS, image: 'sidegate:0', startClosed: '--start-closed' },
      ],
      allowsTokens: false,
      hostPaths: [],
    },
  });
  expect(readInjectionSettings({ ...DATA, 'start-closed': 'false' })).toMatchObject({ value: { current: SETTINGS } });
});

test.each([
  ['true', true],
  ['True', false],
])('a namespace may keep its tokens when the key says true: %s', (value, allowsTokens) => {
  const read = readInjectionSettings({ ...DATA, 'allow-service-account-tokens': value });
  expect(read).toMatchObject({ ok: true, value: { allowsTokens } });
});

test.each([
  ['', []],
  ['/srv/data', ['/srv/data']],
  ['/srv/data,/srv/models', ['/srv/data', '/srv/models']],
])('pods may mount these paths of the node: %j', (value, hostPaths) => {
  expect(readInjectionSettings({ ...DATA, 'allowed-host-paths': value })).toMatchObject({
    ok: true,
    value: { hostPaths },
  });
});

test.each([
  ['no image', { image: '' }, 'The key image is missing.'],
  ['an image with a space', { image: 'a b' }, 'The key image is no image.'],
  ['plain HTTP to the operator', { control: 'http://operator.test' }, 'The key control is no https URL.'],
  ['plain HTTP to the store', { store: 'http://store.test' }, 'The key store is no https URL.'],
  ['a name of a name server', { 'upstream-dns': 'dns.test' }, 'The key upstream-dns is no list of IP addresses.'],
  ['no domain', { 'cluster-domain': 'a domain' }, 'The key cluster-domain is no domain.'],
  ['no root yet', { 'root.crt': '' }, 'The key root.crt is missing.'],
  ['a former image that is none', { former: '[{"image": 1}]' }, 'The key former is no JSON list'],
  ['a former list that is none', { former: '{}' }, 'The key former is no JSON list'],
  ['a former URL that is none', { former: '[{"store": "x"}]' }, 'In former: The key store is no https URL.'],
])('%s is refused', (_, change, expected) => {
  const read = readInjectionSettings({ ...DATA, ...change });
  expect(read.ok ? 'ok' : read.fault.message).toContain(expected);
});
