import { expect, test } from '@jest/globals';
import { gatedPod, SETTINGS } from '../fixture/gated-pod.ts';
import { checkInjection } from '../injection/injection-check.ts';
import { readTemplate } from '../injection/injection-template.ts';
import type { Pod } from '../kinds.ts';
import { formerRoots, withFormerRoots } from './former-roots.ts';

const root = (name: string): string => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
const NOW: Readonly<Record<string, string>> = {
  image: SETTINGS.image,
  control: SETTINGS.control,
  store: SETTINGS.store,
  'upstream-dns': SETTINGS.upstreamDns,
  'cluster-domain': SETTINGS.clusterDomain,
  'root.crt': root('new'),
};

/** A pod as it was injected with that root and image. */
function podWith(named: string, image = SETTINGS.image): Pod {
  const pod = gatedPod();
  const [gate] = pod.spec.initContainers ?? [];
  const variables = gate?.env as readonly { readonly name: string; readonly value?: string }[];
  const env = variables.map((one) => (one.name === 'SIDEGATE_ROOT' ? { ...one, value: named } : one));
  return { ...pod, spec: { ...pod.spec, initContainers: [{ name: '', ...gate, image, env }] } };
}

function isTaken(data: Readonly<Record<string, string>>, pod: Pod): boolean {
  const configMap = { metadata: { name: 'sidegate-injection' }, data: withFormerRoots(data) };
  const template = readTemplate(configMap as Parameters<typeof readTemplate>[0]);
  if (!template.ok) throw new Error(template.fault.message);
  return checkInjection(pod, template.value).ok;
}

test('what stood there before goes to the front of the list, each once, and no more than eight', () => {
  expect(formerRoots({}, root('a'))).toEqual([]);
  expect(formerRoots({ 'root.crt': root('a') }, root('a'))).toEqual([]);
  const before = { 'root.crt': root('b'), 'former-roots': JSON.stringify([root('a'), root('b'), 'c']) };
  expect(formerRoots(before, root('c'))).toEqual([root('b'), root('a'), 'c']);
  expect(formerRoots(before, root('a'))).toEqual([root('b'), 'c']);
  const many = JSON.stringify(Array.from({ length: 20 }, (_, index) => root(String(index))));
  expect(formerRoots({ 'root.crt': root('x'), 'former-roots': many }, root('y'))).toHaveLength(8);
});

test('a gate that names a former root is ours, one that names another is not', () => {
  const data = { ...NOW, 'former-roots': JSON.stringify([root('old')]) };
  expect(isTaken(data, podWith(root('new')))).toBe(true);
  expect(isTaken(data, podWith(root('old')))).toBe(true);
  expect(isTaken(data, podWith(root('forged')))).toBe(false);
  expect(isTaken(data, podWith(root('old'), 'sidegate:1'))).toBe(false);
  for (const none of [undefined, '[]', 'no list', '{}', '[7]'])
    expect(isTaken({ ...NOW, ...(none === undefined ? {} : { 'former-roots': none }) }, podWith(root('old')))).toBe(
      false,
    );
});

test('so is a gate of former settings that names a former root', () => {
  const former = JSON.stringify([{ image: 'sidegate:1' }]);
  const data = { ...NOW, former, 'former-roots': JSON.stringify([root('old'), root('older')]) };
  for (const named of [root('new'), root('old'), root('older')])
    expect(isTaken(data, podWith(named, 'sidegate:1'))).toBe(true);
  expect(isTaken(data, podWith(root('old'), 'sidegate:0'))).toBe(false);
  const rooted = JSON.stringify([{ image: 'sidegate:1', 'root.crt': root('its own') }]);
  expect(isTaken({ ...data, former: rooted }, podWith(root('old'), 'sidegate:1'))).toBe(false);
  expect(isTaken({ ...data, former: rooted }, podWith(root('its own'), 'sidegate:1'))).toBe(true);
});

test('many former settings and roots are cut, the latest stay', () => {
  const former = JSON.stringify(Array.from({ length: 31 }, (_, index) => ({ image: `sidegate:old-${index}` })));
  const data = { ...NOW, former, 'former-roots': JSON.stringify([root('old')]) };
  expect(isTaken(data, podWith(root('old')))).toBe(true);
  expect(isTaken(data, podWith(root('new'), 'sidegate:old-30'))).toBe(true);
  expect(isTaken(data, podWith(root('old'), 'sidegate:old-0'))).toBe(false);
});
