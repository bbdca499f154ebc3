import { expect, test } from '@jest/globals';
import type { ClusterNode } from './cluster-objects.ts';
import { judgeLeftovers, type Remains } from './judge-leftovers.ts';
import { judgeInjectionWay, judgeNodes, judgeRights, judgeVersion, listed, neededRights } from './judge-server.ts';

test.each([
  ['1', '33', 'ok'],
  ['1', '36+', 'ok'],
  ['1', '32', 'fail'],
  ['1', '32+', 'fail'],
  ['1', '', 'fail'],
  ['2', '40', 'fail'],
])('version %s.%s is %s', (major, minor, level) => {
  expect(judgeVersion({ serverVersion: { major, minor } }).level).toBe(level);
});

test.each([
  [
    ['validatingadmissionpolicies', 'mutatingadmissionpolicies'],
    ['ok', 'ok'],
  ],
  [['validatingadmissionpolicies'], ['ok', 'warn']],
  [['mutatingadmissionpolicies'], ['fail', 'ok']],
])('admission by %j is %j', (names, levels) => {
  const served = { resources: names.map((name) => ({ name })) };
  expect(judgeInjectionWay(served).map(({ level }) => level)).toEqual(levels);
});

test.each([
  [['v1.36.3', 'v1.33.0'], 'ok'],
  [['v1.36.3', 'v1.32.9'], 'warn'],
  [['v1.36.3', 'v1.29.0'], 'warn'],
  [['v1.36.3', 'v1.28.9'], 'fail'],
  [['v1.36.3', ''], 'fail'],
  [[], 'warn'],
])('kubelets %j are %s', (versions, level) => {
  expect(judgeNodes(versions.map((version) => node(version))).level).toBe(level);
});

test('nodes of Windows take no agents, so their kubelets do not matter', () => {
  expect(judgeNodes([node('v1.36.3'), node('v1.20.0', 'windows')]).level).toBe('ok');
  expect(judgeNodes([node('v1.36.3'), node('v1.20.0', 'linux')]).level).toBe('fail');
});

test('a right that is missing is named', () => {
  const [first] = neededRights(true);
  expect(judgeRights([]).level).toBe('ok');
  expect(judgeRights(first === undefined ? [] : [first])).toMatchObject({
    level: 'fail',
    why: 'you may not create customresourcedefinitions.apiextensions.k8s.io',
  });
});

test('the rights follow the way of injection', () => {
  const asked = (byPolicy: boolean) => neededRights(byPolicy).map(({ resource }) => resource.split('.')[0]);
  expect(asked(true)).toContain('mutatingadmissionpolicies');
  expect(asked(true)).not.toContain('mutatingwebhookconfigurations');
  expect(asked(false)).toContain('mutatingwebhookconfigurations');
  expect(asked(false)).not.toContain('mutatingadmissionpolicies');
});

test('a list of names has an end', () => {
  const names = Array.from({ length: 9 }, (_, at) => `n${at}`);
  expect(listed(names.slice(0, 8))).toBe('n0, n1, n2, n3, n4, n5, n6, n7');
  expect(listed(names)).toBe('n0, n1, n2, n3, n4, n5, n6, n7 and 1 more');
});

const NOTHING: Remains = { namespace: 'sidegate-system', operators: [], objects: {}, definitions: [] };
const named = (name: string, from?: string) => ({
  metadata: { name, ...(from === undefined ? {} : { annotations: { 'meta.helm.sh/release-namespace': from } }) },
});
const operator = (namespace: string) => ({ metadata: { name: 'sidegate-operator', namespace } });

test.each<readonly [string, Partial<Remains>, readonly string[]]>([
  ['nothing there', {}, ['ok', 'ok']],
  ['policies of others', { objects: { validatingadmissionpolicies: [named('other-pods')] } }, ['ok', 'ok']],
  ['policies of ours', { objects: { validatingadmissionpolicies: [named('sidegate-pods')] } }, ['fail', 'ok']],
  [
    'policies of ours with their operator',
    { operators: [operator('sidegate-system')], objects: { validatingadmissionpolicies: [named('sidegate-pods')] } },
    ['ok', 'ok'],
  ],
  ['what stays on purpose', { objects: { mutatingadmissionpolicies: [named('sidegate-parameters')] } }, ['ok', 'ok']],
  ['definitions of this namespace', { definitions: [named('targets.sidegate.dev', 'sidegate-system')] }, ['ok', 'ok']],
  ['definitions of another release', { definitions: [named('targets.sidegate.dev', 'gates')] }, ['ok', 'fail']],
  ['an operator elsewhere', { operators: [operator('gates')] }, ['fail']],
])('leftovers: %s', (_name, remains, levels) => {
  expect(judgeLeftovers({ ...NOTHING, ...remains }).map(({ level }) => level)).toEqual(levels);
});

function node(kubeletVersion: string, operatingSystem = 'linux'): ClusterNode {
  return { metadata: { name: 'n' }, status: { nodeInfo: { kubeletVersion, operatingSystem } } };
}
