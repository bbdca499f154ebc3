import { expect, test } from '@jest/globals';
import { fail, KEEP_TOKENS_ANNOTATION, ok } from '@sidegate/crds';
import { gatedPod, TEMPLATE } from '../fixture/gated-pod.ts';
import { GOLDEN_PODS } from '../fixture/golden-pods.ts';
import { pod } from '../fixture/resources.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { type MutationSources, mutatePods } from './mutate-pods.ts';

const SOURCES: MutationSources = { template: () => ok(TEMPLATE), annotationsOf: () => undefined };
const GOOD = pod({}, GOLDEN_PODS['smallest-pod'] ?? { containers: [] });

function request(object: unknown, change: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return { uid: '1', operation: 'CREATE', namespace: 'agents', object, userInfo: {}, ...change };
}

test('a new pod gets its gate', () => {
  const answer = mutatePods(SOURCES)(request(GOOD));
  expect(answer).toMatchObject({ kind: 'Allowed' });
  const { patch = [] } = answer.kind === 'Allowed' ? answer : {};
  expect(patch.map(({ path }) => path).toSorted()).toEqual([
    '/spec/automountServiceAccountToken',
    '/spec/containers',
    '/spec/dnsConfig',
    '/spec/dnsPolicy',
    '/spec/initContainers',
    '/spec/securityContext',
    '/spec/volumes',
  ]);
});

test('a namespace’s annotation counts where the settings allow it', () => {
  const annotationsOf = () => ({ [KEEP_TOKENS_ANNOTATION]: 'true' });
  const mountsOf = (allowsTokens: boolean): unknown => {
    const answer = mutatePods({ template: () => ok({ ...TEMPLATE, allowsTokens }), annotationsOf })(request(GOOD));
    const { patch = [] } = answer.kind === 'Allowed' ? answer : {};
    const containers = patch.find(({ path }) => path === '/spec/containers')?.value;
    return Object(containers)[0].volumeMounts[0].mountPath;
  };
  expect([mountsOf(true), mountsOf(false)]).toEqual([
    '/var/run/sidegate/agent',
    '/var/run/secrets/kubernetes.io/serviceaccount',
  ]);
});

test.each([
  ['a change of a pod', request(gatedPod(), { operation: 'UPDATE' })],
  [
    'a debugging container where there is no gate',
    request(GOOD, { operation: 'UPDATE', subResource: 'ephemeralcontainers' }),
  ],
])('%s passes as it is', (_, asked) => {
  expect(mutatePods(SOURCES)(asked)).toEqual({ kind: 'Allowed' });
});

test.each([
  ['what is no pod', SOURCES, request({ kind: 'ConfigMap' }), 'It is no pod in a namespace.'],
  [
    'a pod that shares its processes',
    SOURCES,
    request(gatedPod({}, { shareProcessNamespace: true })),
    'shareProcessNamespace',
  ],
  [
    'a debugging container that is privileged',
    SOURCES,
    request(
      gatedPod(
        {},
        { ephemeralContainers: [{ name: 'd', image: 'i', securityContext: { runAsUser: 1, privileged: true } }] },
      ),
      { operation: 'UPDATE', subResource: 'ephemeralcontainers' },
    ),
    'd is privileged',
  ],
  [
    'every pod while the settings are missing',
    { ...SOURCES, template: () => fail({ code: 'NoSettings', message: 'The key image is missing.' } as const) },
    request(GOOD),
    'The key image is missing.',
  ],
])('%s is refused', (_, sources, asked, expected) => {
  const answer = mutatePods(sources)(asked);
  expect(answer.kind === 'Refused' ? answer.message : 'allowed').toContain(expected);
});
