import { expect, test } from '@jest/globals';
import { gatedPod } from '../fixture/gated-pod.ts';
import { FakeTime } from '../kube/fixture/fake-time.ts';
import { statusOf } from '../kube/fixture/objects.ts';
import { startScriptedServer } from '../kube/fixture/scripted-server.ts';
import { attest, bearerOf } from './attestation.ts';

const signal = new AbortController().signal;
const POD = gatedPod();
const GOOD = {
  authenticated: true,
  audiences: ['sidegate-gate'],
  user: {
    username: 'system:serviceaccount:agents:bot',
    groups: ['system:serviceaccounts'],
    extra: {
      'authentication.kubernetes.io/pod-name': ['bot-1'],
      'authentication.kubernetes.io/pod-uid': [POD.metadata.uid],
    },
  },
};

// Each refusal differs from what is let through in one thing.
const CASES: readonly (readonly [what: string, status: object, pod: object | number, expected: string])[] = [
  ['all of it', GOOD, POD, 'attested'],
  ['no authentication', { ...GOOD, authenticated: false }, POD, 'NotAuthenticated'],
  ['another audience', { ...GOOD, audiences: ['sidegate-agent'] }, POD, 'NotAuthenticated'],
  ['no audience', { ...GOOD, audiences: undefined }, POD, 'NotAuthenticated'],
  ['a person', { ...GOOD, user: { ...GOOD.user, username: 'ann' } }, POD, 'NotBound'],
  ['a node', { ...GOOD, user: { ...GOOD.user, username: 'system:node:n1' } }, POD, 'NotBound'],
  ['no pod', { ...GOOD, user: { ...GOOD.user, extra: {} } }, POD, 'NotBound'],
  ['a pod that is gone', GOOD, 404, 'NoSuchPod'],
  ['a pod of the same name made anew', GOOD, gatedPod({ uid: 'other' }), 'NoSuchPod'],
  ['a pod that ended', GOOD, gatedPod({}, {}, 'Failed'), 'NoSuchPod'],
  ['an API server that is busy', GOOD, 503, 'Unavailable'],
];

test.each(CASES)('%s', async (_, status, pod, expected) => {
  await using server = await startScriptedServer();
  const asked = attest(server.client(new FakeTime()), 'the-token', signal);
  const review = await server.next();
  expect(JSON.parse(review.body)).toMatchObject({
    kind: 'TokenReview',
    spec: { token: 'the-token', audiences: ['sidegate-gate'] },
  });
  review.answer(201, { kind: 'TokenReview', status });
  if (expected !== 'NotAuthenticated' && expected !== 'NotBound') {
    const call = await server.next();
    expect(call.path).toBe('/api/v1/namespaces/agents/pods/bot-1');
    if (typeof pod === 'number') call.answer(pod, statusOf(pod, 'Why'));
    else call.answer(200, pod);
  }
  const attested = await asked;
  expect(attested.ok ? 'attested' : attested.fault.code).toBe(expected);
  if (attested.ok)
    expect(attested.value).toMatchObject({ uid: POD.metadata.uid, subject: 'system:serviceaccount:agents:bot' });
});

test('without a token nobody is asked', async () => {
  await using server = await startScriptedServer();
  const attested = await attest(server.client(new FakeTime()), undefined, signal);
  expect(attested).toMatchObject({ ok: false, fault: { code: 'NoToken' } });
  expect(server.arrived).toBe(0);
});

test.each([
  ['Bearer abc.def-_~+/=', 'abc.def-_~+/='],
  ['bearer abc', 'abc'],
  ['Basic abc', undefined],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  [`Bearer ${'a'.repeat(16_384)}`, 'a'.repeat(16_384)],
  [`Bearer ${'a'.repeat(16_385)}`, undefined],
  [null, undefined],
])('the token of %.40s', (header, expected) => {
  expect(bearerOf(header)).toBe(expected);
});
