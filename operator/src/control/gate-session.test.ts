import { create } from '@bufbuild/protobuf';
import { afterEach, expect, test } from '@jest/globals';
import { FollowRequestSchema } from '@sidegate/policy/control';
import { gatedPod } from '../fixture/gated-pod.ts';
import type { GateBundle } from '../gate-bundle.ts';
import { FakeTime, settle } from '../kube/fixture/fake-time.ts';
import { GateBoard } from './gate-board.ts';
import { GateSession } from './gate-session.ts';
import type { Response } from './response-bytes.ts';

type Said = Response['message'];
type Sentence = NonNullable<Parameters<typeof create<typeof FollowRequestSchema>>[1]>['message'];

const ends: AbortController[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
});

function bundle(version: string): GateBundle {
  const resources = { targets: [], accesses: [], policies: [] };
  const content = {
    version,
    resources,
    operatorNamespace: 'sidegate',
    maskKey: '',
    issuers: [],
    secrets: [],
    doors: [],
  };
  return { kind: 'Bundle', content, refusals: [] };
}

function start(): {
  time: FakeTime;
  session: GateSession;
  board: GateBoard;
  said: Said[];
  cases: () => readonly (string | undefined)[];
  hear: (message: NonNullable<Sentence>) => boolean;
  ended: () => boolean;
} {
  const time = new FakeTime();
  const board = new GateBoard(() => {});
  const pod = gatedPod();
  let nonces = 0;
  const session = new GateSession({
    attested: { pod, uid: pod.metadata.uid, subject: 'system:serviceaccount:agents:bot', groups: ['g'] },
    board,
    timing: time,
    terms: { staleAfterSeconds: 60, failClosedAfterSeconds: 3600 },
    heard: () => {},
    nonce: () => {
      nonces += 1;
      return `n${nonces}`;
    },
  });
  const said: Said[] = [];
  const stop = new AbortController();
  ends.push(stop);
  const progress = { ended: false };
  void (async () => {
    for await (const response of session.speak(stop.signal)) said.push(response.message);
    progress.ended = true;
  })();
  return {
    time,
    session,
    board,
    said,
    cases: () => said.map((one) => (one?.case === 'snapshot' ? `${one.value.version} ${one.value.nonce}` : one?.case)),
    hear: (message) => session.receive(create(FollowRequestSchema, { message })),
    ended: () => progress.ended,
  };
}

const hello = (heldVersion = ''): NonNullable<Sentence> => ({ case: 'hello', value: { program: '1', heldVersion } });
const ack = (version: string, nonce: string): NonNullable<Sentence> => ({ case: 'ack', value: { version, nonce } });
const nack = (version: string, nonce: string): NonNullable<Sentence> => ({
  case: 'nack',
  value: { version, nonce, faults: [{ code: 'X', message: 'No.' }] },
});

test('welcomes with what was attested, then sends the bundle', async () => {
  const { session, said, cases, hear } = start();
  hear(hello());
  session.offer(bundle('v1'));
  await settle();
  expect(cases()).toEqual(['welcome', 'v1 n1']);
  expect(said[0]?.value).toEqual({
    namespace: 'agents',
    pod: 'bot-1',
    podUid: 'uid-of-agents-bot-1',
    subject: 'system:serviceaccount:agents:bot',
    groups: ['g'],
    staleAfterSeconds: 60,
    failClosedAfterSeconds: 3600,
  });
});

test('what the gate holds is not sent again; what it does not hold is', async () => {
  for (const [held, expected] of [
    ['v1', ['welcome']],
    ['v0', ['welcome', 'v1 n1']],
  ] as const) {
    const { session, cases, hear, board } = start();
    hear(hello(held));
    session.offer(bundle('v1'));
    await settle();
    expect(cases()).toEqual(expected);
    expect(board.get('uid-of-agents-bot-1')).toMatchObject({ version: held });
  }
});

test('while a snapshot is unanswered nothing is sent, then only the newest', async () => {
  const { session, cases, hear, board } = start();
  hear(hello());
  session.offer(bundle('v1'));
  await settle();
  session.offer(bundle('v2'));
  session.offer(bundle('v3'));
  await settle();
  expect(cases()).toEqual(['welcome', 'v1 n1']);
  expect(hear(ack('v1', 'n1'))).toBe(true);
  await settle();
  expect(cases()).toEqual(['welcome', 'v1 n1', 'v3 n2']);
  expect(board.get('uid-of-agents-bot-1')).toMatchObject({ version: 'v1', refusal: undefined });
});

test('a refusal is shown, the version before stays, and the same is offered again later', async () => {
  const { session, cases, hear, board, time } = start();
  hear(hello('v0'));
  session.offer(bundle('v1'));
  await settle();
  hear(nack('v1', 'n1'));
  expect(board.get('uid-of-agents-bot-1')).toMatchObject({
    version: 'v0',
    refusal: { version: 'v1', messages: ['No.'] },
  });
  await time.advance(29_000);
  expect(cases().filter((one) => one !== 'keepAlive')).toEqual(['welcome', 'v1 n1']);
  await time.advance(1_500);
  hear(ack('v1', 'n2'));
  await settle();
  expect(cases().filter((one) => one !== 'keepAlive')).toEqual(['welcome', 'v1 n1', 'v1 n2']);
  expect(board.get('uid-of-agents-bot-1')).toMatchObject({ version: 'v1', refusal: undefined });
});

test('a newer version than the refused one is sent at once', async () => {
  const { session, cases, hear } = start();
  hear(hello());
  session.offer(bundle('v1'));
  await settle();
  hear(nack('v1', 'n1'));
  session.offer(bundle('v2'));
  await settle();
  expect(cases()).toEqual(['welcome', 'v1 n1', 'v2 n2']);
});

test.each([
  ['an ack of nothing', ack('v1', 'n1')],
  ['an ack of another nonce', ack('v1', 'other')],
])('%s breaks the protocol', async (what, message) => {
  const { session, hear } = start();
  hear(hello());
  if (what !== 'an ack of nothing') session.offer(bundle('v1'));
  await settle();
  expect(hear(message)).toBe(false);
});

test('a second answer to one snapshot breaks the protocol', async () => {
  const { session, hear } = start();
  hear(hello());
  session.offer(bundle('v1'));
  await settle();
  expect([hear(ack('v1', 'n1')), hear(ack('v1', 'n1'))]).toEqual([true, false]);
});

test('a sign of life comes every ten seconds, however much the gate says', async () => {
  const { cases, hear, time } = start();
  hear(hello());
  for (let seconds = 0; seconds < 31; seconds += 1) {
    hear({ case: 'health', value: { recording: seconds % 2 === 0 } });
    await time.advance(1_000);
  }
  expect(cases()).toEqual(['welcome', 'keepAlive', 'keepAlive', 'keepAlive']);
});

test('an unanswered snapshot ends the stream after a minute', async () => {
  const { session, cases, hear, time, ended } = start();
  hear(hello());
  session.offer(bundle('v1'));
  await time.advance(59_999);
  expect(cases()).not.toContain('goAway');
  await time.advance(11_000);
  expect(cases().at(-1)).toBe('goAway');
  expect(ended()).toBe(true);
});

test.each([
  [0, 24],
  [0.999_999, 30],
])('with chance at %d the stream lives about %d minutes', async (randomness, minutes) => {
  const { time } = start();
  time.randomness = randomness;
  const pod = gatedPod();
  const session = new GateSession({
    attested: { pod, uid: 'u', subject: 's', groups: [] },
    board: new GateBoard(() => {}),
    timing: time,
    terms: { staleAfterSeconds: 60, failClosedAfterSeconds: 3600 },
    heard: () => {},
    nonce: () => 'n',
  });
  const stop = new AbortController();
  ends.push(stop);
  const last: (string | undefined)[] = [];
  void (async () => {
    for await (const { message } of session.speak(stop.signal)) last.push(message?.case);
  })();
  await time.advance(minutes * 60_000 - 1_000);
  expect(last).not.toContain('goAway');
  await time.advance(12_000);
  expect(last.at(-1)).toBe('goAway');
});

test('a session that was ended speaks for the pod no more', async () => {
  const { session, board, hear } = start();
  hear(hello('v1'));
  session.end('The same pod connected again.', 0);
  board.remove('uid-of-agents-bot-1');
  hear({ case: 'health', value: { recording: true } });
  expect(board.get('uid-of-agents-bot-1')).toBeUndefined();
});
