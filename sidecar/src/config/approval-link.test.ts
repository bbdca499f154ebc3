import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import {
  type FollowRequest,
  FollowRequestSchema,
  HoldEnded_Outcome as Outcome,
  TurnedAwaySchema,
  VoteSchema,
} from '@sidegate/policy/control';
import { openSession, type Stage, say, sent, settle, World } from '../gate/testing/session-stage.ts';
import { ApprovalLink, podDesk } from './approval-link.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

type Said = FollowRequest['message'];

interface Bench {
  readonly stage: Stage;
  readonly link: ApprovalLink;
  readonly said: Said[];
  readonly connect: () => void;
}

async function start(): Promise<Bench> {
  const world = new World();
  const link = new ApprovalLink(world.desk, () => world.now);
  const stage = await openSession({ world });
  const said: Said[] = [];
  const connect = (): void => {
    said.length = 0;
    link.open((message) => said.push(create(FollowRequestSchema, { message }).message));
  };
  connect();
  return { stage, link, said, connect };
}

function idOf({ stage }: Bench): string {
  return stage.world.pending[0]?.id ?? '';
}

function vote(bench: Bench, change: object = {}): void {
  const yes = { hold: idOf(bench), user: 'dana', subject: 'dan', groups: ['dba'], approves: true, reason: 'fine' };
  bench.link.vote(create(VoteSchema, { ...yes, ...change }));
}

const cases = ({ said }: Bench): readonly (string | undefined)[] => said.map((one) => one.case);

test('what comes to wait is said with all that an approver must see', async () => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  expect(cases(bench)).toEqual(['openHolds', 'held']);
  expect(bench.said[1]?.value).toMatchObject({
    id: idOf(bench),
    policyVersion: 'v1',
    policy: { namespace: 'data', name: 'p' },
    rule: 'r',
    isLimit: false,
    target: { namespace: 'data', name: 'db' },
    access: { namespace: 'agents', name: 'bots' },
    commandId: 1n,
    text: 'hold it',
    requester: { issuer: 'i', subject: 'bot', groups: [], hasGroups: true },
    remainingMilliseconds: 60_000,
  });
});

test('a vote from the stream lets the command pass', async () => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  vote(bench);
  await settle();
  expect(sent(bench.stage).at(-1)).toBe('target> hold it');
  expect(bench.said.at(-1)?.value).toMatchObject({ outcome: Outcome.APPROVED });
});

test.each<[string, object]>([
  ['of whoever asked', { subject: 'bot' }],
  ['of a user whom nobody knows', { subject: undefined }],
  ['of somebody in no group that may', { groups: ['sales'] }],
  ['about another command', { hold: 'zzzzzzzz' }],
])('a vote %s changes nothing', async (_, change) => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  vote(bench, change);
  await settle();
  expect(sent(bench.stage).filter((line) => line.startsWith('target>'))).toEqual([]);
  expect(bench.stage.world.pending).toHaveLength(1);
});

test('a new stream hears everything that waits again, and how ended what waited before', async () => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  const first = idOf(bench);
  bench.link.close();
  await bench.stage.world.pass(60_000);
  await say(bench.stage, 'hold that');
  expect(cases(bench)).toEqual(['openHolds', 'held']);
  bench.connect();
  expect(cases(bench)).toEqual(['holdEnded', 'openHolds', 'held']);
  expect(bench.said[0]?.value).toMatchObject({ id: first, outcome: Outcome.EXPIRED });
  expect(bench.said[1]?.value).toMatchObject({ ids: [idOf(bench)] });
});

test('a command that is turned away is refused with the reason', async () => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  bench.link.turnAway(create(TurnedAwaySchema, { hold: idOf(bench), reason: 'The namespace is being deleted.' }));
  await settle();
  expect(sent(bench.stage).at(-1)).toMatch(/refused.*The namespace is being deleted/);
  expect(bench.stage.world.pending).toEqual([]);
});

test('without a stream a command waits until its time is over', async () => {
  const bench = await start();
  bench.link.close();
  await say(bench.stage, 'hold it');
  await bench.stage.world.pass(59_999);
  expect(bench.stage.world.pending).toHaveLength(1);
  await bench.stage.world.pass(1);
  expect(sent(bench.stage).at(-1)).toMatch(/refused.*Nobody approved it/);
});

test('an agent that leaves withdraws what it asked', async () => {
  const bench = await start();
  await say(bench.stage, 'hold it');
  bench.stage.session.agentLeft();
  expect(bench.said.at(-1)?.value).toMatchObject({ outcome: Outcome.CANCELLED });
});

test('in a pod the agent is told what an approver runs', () => {
  const by = { policy: { namespace: 'data', name: 'p' }, rule: 'r' };
  const said = podDesk('11111111-2222-3333-4444-555555555555').howToApprove?.('bcdfghjk', by);
  expect(said).toMatch(/^kubectl sidegate approve -n data bcdfghjk-[0-9a-f]{10}$/);
  expect(podDesk('another').howToApprove?.('bcdfghjk', by)).not.toBe(said);
});
