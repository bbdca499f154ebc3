import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { LimitRule } from '@sidegate/policy';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import type { AskingSession } from '../../sidecar/src/gate/approval-question.ts';
import type { SessionBudget } from '../../sidecar/src/gate/budget-book.ts';
import { LeasedBudgets } from '../../sidecar/src/gate/leased-budgets.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { eventually, type FollowingGate, type OperatorProcess, OperatorStage } from './operator-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'shared limits against a real API server: its programs are not built (npm run cluster -- up)',
);

const LIMIT: LimitRule = {
  by: { policy: { namespace: 'data', name: 'guard' }, rule: 'reading' },
  name: 'reading',
  rows: 100,
  perSeconds: 86_400,
  action: 'Deny',
};
const NEVER = new AbortController().signal;

let stage: OperatorStage;
let operator: OperatorProcess;

/** The gate of a pod, and the one session in it. */
interface PodGate {
  readonly gate: FollowingGate;
  readonly budgets: LeasedBudgets;
  readonly budget: SessionBudget;
}

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('data');
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
  await stage.serviceAccount('agents', 'bot');
  operator = await stage.startOperator('operator-0');
  const { name, rows, perSeconds, action } = LIMIT;
  await stage.resource('Policy', 'data', 'guard', { limits: [{ name, rows, perSeconds, action }] });
  await stage.becomes('Policy', 'data', 'guard', /^Ready/);
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

async function startPod(pod: string): Promise<PodGate> {
  await stage.pod('agents', pod, { labels: { app: 'bot' } });
  const budgets = new LeasedBudgets({
    monotonicMs: () => performance.now(),
    pause: (ms) => MACHINE_TIME.pause(ms, NEVER),
    epoch: randomUUID(),
  });
  const gate = stage.gate(operator, await stage.token('agents', pod), { budgets });
  await eventually(
    'the stream',
    () => gate.last,
    () => gate.said,
  );
  const budget = budgets.open(sessionOf(pod, 'bot@corp'), [LIMIT]);
  if (budget === undefined) throw new Error('nothing is limited');
  return { gate, budgets, budget };
}

function sessionOf(sessionId: string, subject: string): AskingSession {
  return {
    sessionId,
    door: { target: { namespace: 'data', name: 'db' }, access: { namespace: 'agents', name: 'bot' } },
    identity: {
      verified: { source: 'Token', issuer: 'corporate', subject, groups: [], expiresAtMs: 1 },
      claimed: {},
    },
    details: {},
  };
}

const take = ({ budget }: PodGate, rows: number): boolean => budget.charge(0, { rows }).kind === 'Within';

/** Takes as much, as soon as it may. */
async function takeSoon(pod: PodGate, rows: number): Promise<void> {
  await eventually(
    `${rows} rows`,
    () => {
      pod.budgets.tick();
      return take(pod, rows) ? true : undefined;
    },
    () => operator.process.output().slice(-2_000),
  );
}

test('pods of an agent share a limit, new ones and new operators too, and never exceed it', async () => {
  const first = await startPod('bot-1');
  await takeSoon(first, 40);
  // The one pod there is has all of it; a second one gets half of what is left.
  const second = await startPod('bot-2');
  await takeSoon(second, 30);
  expect([take(second, 1), take(first, 31)]).toEqual([false, false]);
  // Another operator knows what was given.
  await operator.process.stop('SIGTERM');
  await Promise.all([first.gate.stop(), second.gate.stop()]);
  operator = await stage.startOperator('operator-1');
  await stage.remove('/api/v1/namespaces/agents/pods/bot-1');
  const third = await startPod('bot-3');
  expect(take(third, 1)).toBe(false);
  // What another agent asks for later is answered later: by then the answer to the third pod is known.
  const other = third.budgets.open(sessionOf('bot-3', 'other@corp'), [LIMIT]);
  await eventually('all of another agent', () => {
    third.budgets.tick();
    return other?.charge(0, { rows: 100 }).kind === 'Within' ? true : undefined;
  });
  // 40 were used, and 30; of the 30 that the first pod had left nothing is known any more: they count as used.
  expect(take(third, 1)).toBe(false);
});
