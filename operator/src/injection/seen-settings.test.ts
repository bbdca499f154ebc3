import { expect, test } from '@jest/globals';
import { gatedPod, SETTINGS } from '../fixture/gated-pod.ts';
import type { Pod } from '../kinds.ts';
import { checkInjection } from './injection-check.ts';
import { readTemplate } from './injection-template.ts';
import { settingsSeen, withSeenSettings } from './seen-settings.ts';

type Texts = Readonly<Record<string, string>>;

/** As an installation writes it. */
const FIRST: Texts = {
  image: SETTINGS.image,
  control: SETTINGS.control,
  store: SETTINGS.store,
  'upstream-dns': SETTINGS.upstreamDns,
  'cluster-domain': SETTINGS.clusterDomain,
  'root.crt': SETTINGS.root,
  'start-closed': 'false',
  egress: 'Open',
};
const SECOND: Texts = { ...FIRST, image: 'sidegate:next' };

/** What the operator makes of the ConfigMap in each round. */
const looked = (data: Texts): Texts => ({ ...data, seen: JSON.stringify(settingsSeen(data)) });
/** Somebody writes all keys of an installation, and leaves the operator's. */
const applied = (there: Texts, installed: Texts): Texts => ({
  ...(there['seen'] === undefined ? {} : { seen: there['seen'] }),
  ...installed,
});

function podWith(image: string): Pod {
  const pod = gatedPod();
  const [gate] = pod.spec.initContainers ?? [];
  return { ...pod, spec: { ...pod.spec, initContainers: [{ name: '', ...gate, image }] } };
}

function isTaken(data: Texts, image: string): boolean {
  const configMap = { metadata: { name: 'sidegate-injection' }, data: withSeenSettings(data) };
  const template = readTemplate(configMap as unknown as Parameters<typeof readTemplate>[0]);
  if (!template.ok) throw new Error(template.fault.message);
  return checkInjection(podWith(image), template.value).ok;
}

test('what was set once goes on after an upgrade and a rollback that say nothing of it, and nothing else does', () => {
  const installed = looked(FIRST);
  expect([isTaken(installed, SETTINGS.image), isTaken(installed, 'sidegate:next')]).toEqual([true, false]);
  const upgraded = looked(applied(installed, SECOND));
  expect([isTaken(upgraded, SETTINGS.image), isTaken(upgraded, 'sidegate:next')]).toEqual([true, true]);
  const rolledBack = applied(upgraded, FIRST);
  expect(isTaken(rolledBack, 'sidegate:next')).toBe(true);
  expect(isTaken(looked(rolledBack), 'sidegate:next')).toBe(true);
  expect(isTaken(looked(rolledBack), 'sidegate:other')).toBe(false);
  expect(isTaken(applied({}, FIRST), 'sidegate:next')).toBe(false);
});

test('a look that finds nothing new changes nothing', () => {
  const once = looked(applied(looked(FIRST), SECOND));
  expect(looked(once)).toEqual(once);
  expect(settingsSeen(once).map(({ image }) => image)).toEqual(['sidegate:next', SETTINGS.image]);
  expect(settingsSeen(once)[0]).not.toHaveProperty('root.crt');
});

test('the list has each setting once and no more than sixteen, and none that lacks something', () => {
  let data = looked(FIRST);
  for (let index = 0; index < 20; index += 1) data = looked({ ...data, image: `sidegate:${index}` });
  expect(settingsSeen(data)).toHaveLength(16);
  expect(settingsSeen({ ...data, image: 'sidegate:19' })).toHaveLength(16);
  const { image: _image, ...lacking } = data;
  expect(settingsSeen(lacking)).toEqual(settingsSeen(data));
});

test('what stands in `former` already is not there twice', () => {
  const former = JSON.stringify([{ image: SETTINGS.image }]);
  const data = { ...SECOND, former, seen: JSON.stringify(settingsSeen(applied(looked(FIRST), SECOND))) };
  expect(withSeenSettings(data)['former']).toBe(former);
});

test.each(['no list', '{}', '[7]', '[{"image":1}]', ''])('of a list like %s nothing is taken', (seen) => {
  expect(isTaken({ ...FIRST, seen }, 'sidegate:next')).toBe(false);
  expect(settingsSeen({ ...FIRST, seen })).toHaveLength(1);
});
