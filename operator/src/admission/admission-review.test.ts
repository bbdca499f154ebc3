import { expect, test } from '@jest/globals';
import { type AdmissionAnswer, answerReview } from './admission-review.ts';

const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: '7', operation: 'CREATE', userInfo: { username: 'ann' } },
};

function answered(answer: AdmissionAnswer, review: unknown = REVIEW): unknown {
  const got = answerReview(JSON.stringify(review), () => answer);
  return got.ok ? got.value : got.fault.code;
}

test.each<[string, AdmissionAnswer, object]>([
  ['allowed', { kind: 'Allowed' }, { uid: '7', allowed: true }],
  ['no step', { kind: 'Allowed', patch: [] }, { uid: '7', allowed: true }],
  [
    'a patch',
    { kind: 'Allowed', patch: [{ op: 'add', path: '/a', value: 1 }] },
    {
      uid: '7',
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from('[{"op":"add","path":"/a","value":1}]').toString('base64'),
    },
  ],
  [
    'refused',
    { kind: 'Refused', message: 'No.' },
    { uid: '7', allowed: false, status: { code: 403, reason: 'Forbidden', message: 'No.' } },
  ],
])('%s', (_, answer, response) => {
  expect(answered(answer)).toEqual({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
});

test.each([
  ['another version', { ...REVIEW, apiVersion: 'admission.k8s.io/v1beta1' }],
  ['another kind', { ...REVIEW, kind: 'Pod' }],
  ['no request', { ...REVIEW, request: undefined }],
  ['no operation', { ...REVIEW, request: { uid: '7' } }],
  ['nothing', null],
])('%s is no review', (_, review) => {
  expect(answered({ kind: 'Allowed' }, review)).toBe('NoReview');
});

test('what is no JSON is no review', () => {
  expect(answerReview('{', () => ({ kind: 'Allowed' }))).toMatchObject({ ok: false, fault: { code: 'NoReview' } });
});
