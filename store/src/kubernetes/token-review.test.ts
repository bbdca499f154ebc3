import { beforeEach, expect, test } from '@jest/globals';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { byTokenReview } from './token-review.ts';

const signal = new AbortController().signal;
const EXTRA = {
  'authentication.kubernetes.io/pod-name': ['bot-1'],
  'authentication.kubernetes.io/pod-uid': ['uid-1'],
};
const USER = { username: 'system:serviceaccount:agents:bot', extra: EXTRA };
const GOOD = { authenticated: true, audiences: ['sidegate-gate'], user: USER };
const POD = { namespace: 'agents', name: 'bot-1', uid: 'uid-1', serviceAccount: 'bot' };

let asked: object[];
let nowMs: number;
let answer: Result<unknown, Fault>;

beforeEach(() => {
  asked = [];
  nowMs = 0;
  answer = ok({ status: GOOD });
});

function reviewer(): (authorization: string | null) => Promise<unknown> {
  const authenticate = byTokenReview(
    (_path, body) => {
      asked.push(body);
      return Promise.resolve(answer);
    },
    () => nowMs,
  );
  return (authorization) => authenticate(authorization, signal);
}

test('a token of our audience that is bound to a pod says which', async () => {
  expect(await reviewer()('Bearer one')).toEqual({ ok: true, value: { kind: 'Pod', pod: POD } });
  expect(asked).toMatchObject([{ kind: 'TokenReview', spec: { token: 'one', audiences: ['sidegate-gate'] } }]);
});

test.each([
  ['is not authentic', { ...GOOD, authenticated: false }, 'NotAuthenticated'],
  ['has another audience', { ...GOOD, audiences: ['sidegate-agent'] }, 'NotAuthenticated'],
  ['has no audience that the server knows of', { ...GOOD, audiences: undefined }, 'NotAuthenticated'],
  ['is not bound', { ...GOOD, user: { username: USER.username } }, 'NotBound'],
  [
    'names no UID',
    { ...GOOD, user: { ...USER, extra: { ...EXTRA, 'authentication.kubernetes.io/pod-uid': [] } } },
    'NotBound',
  ],
  ['is of no service account', { ...GOOD, user: { ...USER, username: 'system:node:n1' } }, 'NotBound'],
  ['is unknown', undefined, 'NotAuthenticated'],
])('a token that %s is refused, and asked about again', async (_, status, code) => {
  answer = ok({ status });
  const ask = reviewer();
  expect(await ask('Bearer one')).toMatchObject({ ok: false, fault: { code } });
  answer = ok({ status: GOOD });
  expect(await ask('Bearer one')).toMatchObject({ ok: true });
});

test.each([[null], [''], ['Basic one'], ['Bearer '], [`Bearer ${'x'.repeat(16_385)}`]])(
  'nobody is asked about %j',
  async (authorization) => {
    expect(await reviewer()(authorization)).toMatchObject({ ok: false, fault: { code: 'NotAuthenticated' } });
    expect(asked).toEqual([]);
  },
);

test('what was said holds for a minute, for that token alone, also while the API server is away', async () => {
  const ask = reviewer();
  await ask('Bearer one');
  answer = fail({ code: 'Unreachable', message: 'away' });
  nowMs = 59_999;
  expect(await ask('Bearer one')).toMatchObject({ ok: true });
  expect(await ask('Bearer two')).toMatchObject({ ok: false, fault: { code: 'Unavailable' } });
  nowMs = 60_000;
  expect(await ask('Bearer one')).toMatchObject({ ok: false, fault: { code: 'Unavailable' } });
  answer = ok({ status: GOOD });
  expect(await ask('Bearer one')).toMatchObject({ ok: true });
});

test('many who come at once with one token cost one question', async () => {
  const ask = reviewer();
  const all = await Promise.all(Array.from({ length: 20 }, () => ask('Bearer one')));
  expect(all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]))).toBe(true);
  expect(asked).toHaveLength(1);
});
