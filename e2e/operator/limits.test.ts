import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { LimitRule } from '@sidegate/policy';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import { LimitStore } from '../../operator/src/limits/limit-store.ts';
import type { ApprovalDesk } from '../../sidecar/src/gate/approval-desk.ts';
import type { AskingSession } from '../../sidecar/src/gate/approval-question.ts';
import type { SessionBudget } from '../../sidecar/src/gate/budget-book.ts';
import { LeasedBudgets } from '../../sidecar/src/gate/leased-budgets.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { hold, openPodDesk } from './held-command.ts';
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
  readonly desk: ApprovalDesk;
  readonly uid: string;
}

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('data');
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
  await stage.serviceAccount('agents', 'bot');
  await stage.namespace('others');
  await stage.serviceAccount('others', 'bot');
  operator = await stage.startOperator('operator-0');
  const { name, rows, perSeconds, action } = LIMIT;
  await stage.resource('Policy', 'data', 'guard', { limits: [{ name, rows, perSeconds, action }] });
  await stage.becomes('Policy', 'data', 'guard', /^Ready/);
  await stage.resource('Target', 'data', 'orders-db', {
    protocol: 'Postgres',
    host: 'orders-db.data.svc',
    port: 5432,
    credential: { secretRef: { name: 'orders-db-agent' } },
    allowedNamespaces: { from: 'All' },
  });
  await stage.secret('data', 'orders-db-agent', { username: 'a', password: 'b', hosts: 'orders-db.data.svc' });
  await stage.resource('AgentAccess', 'agents', 'bot', {
    podSelector: { matchLabels: { app: 'bot' } },
    identity: { source: 'Token', issuers: ['corporate'] },
    targetRefs: [{ namespace: 'data', name: 'orders-db' }],
  });
  await stage.becomes('AgentAccess', 'agents', 'bot', /Accepted=True/);
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

async function startPod(pod: string, namespace = 'agents'): Promise<PodGate> {
  await stage.pod(namespace, pod, { labels: { app: 'bot' } });
  const budgets = new LeasedBudgets({
    monotonicMs: () => performance.now(),
    pause: (ms) => MACHINE_TIME.pause(ms, NEVER),
    epoch: randomUUID(),
  });
  const found = await stage.get(`/api/v1/namespaces/${namespace}/pods/${pod}`);
  const { uid } = (found as { metadata: { uid: string } }).metadata;
  const desk = openPodDesk(uid);
  const gate = stage.gate(operator, await stage.token(namespace, pod), { budgets, desk });
  await eventually(
    'the stream',
    () => gate.last,
    () => gate.said,
  );
  const budget = budgets.open(sessionOf(pod, 'bot@corp', namespace), [LIMIT]);
  if (budget === undefined) throw new Error('nothing is limited');
  return { gate, budgets, budget, desk, uid };
}

function sessionOf(sessionId: string, subject: string, namespace = 'agents'): AskingSession {
  return {
    sessionId,
    door: { target: { namespace: 'data', name: 'db' }, access: { namespace, name: 'bot' } },
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

test('a pod that was given no Target has no part in a limit, whatever token it holds, and the list does not grow by it', async () => {
  const outsider = await startPod('outsider', 'others');
  const insider = await startPod('bot-insider');
  for (const subject of ['first@corp', 'second@corp', 'third@corp']) {
    outsider.budgets.tick();
    const budget = insider.budgets.open(sessionOf('bot-insider', subject), [LIMIT]);
    await eventually(`the limit of ${subject}`, () => {
      insider.budgets.tick();
      return budget?.charge(0, { rows: 50 }).kind === 'Within' ? true : undefined;
    });
  }
  expect(take(outsider, 1)).toBe(false);
  const kept = await new LimitStore(stage.server.client, 'sidegate').read(NEVER);
  const keys = kept.ok ? [...kept.value.keys()].join(' ') : kept.fault.message;
  expect([keys.includes('third@corp'), keys.includes('others')]).toEqual([true, false]);
});

test('an approval makes a limit as good as new before the command is judged again, and only once', async () => {
  const name = 'pace';
  const approval = { approvers: { subjects: ['carol'] }, timeoutSeconds: 3600 };
  const pace = { name, commands: 1, perSeconds: 86_400, action: 'RequireApproval', approval } as const;
  await stage.resource('Policy', 'data', 'guard', { limits: [pace] });
  const { gate, budgets, uid, desk } = await startPod('bot-4');
  const limit: LimitRule = { ...pace, by: { policy: { namespace: 'data', name: 'guard' }, rule: name } };
  const budget = budgets.open(sessionOf('bot-4', 'agent@corp'), [limit]);
  const takeOne = (): boolean => budget?.charge(0, { commands: 1 }).kind === 'Within';
  await eventually('the first command', () => {
    budgets.tick();
    return takeOne() ? true : undefined;
  });
  expect(takeOne()).toBe(false);
  const snapshot = await eventually(
    'the limit',
    () => (gate.last?.resources.policies[0]?.spec.limits?.[0]?.name === name ? gate.last : undefined),
    () => gate.said,
  );
  const taken: boolean[] = [];
  const held = hold(desk, uid, snapshot, 'SELECT 1', () => taken.push(takeOne(), takeOne()));
  const request = `/apis/sidegate.dev/v1alpha1/namespaces/data/approvalrequests/${held.name}`;
  await eventually('the request', () => stage.get(request));
  await stage.patchStatus(request, { decisions: { carol: { action: 'Approve' } } });
  await eventually('the end', held.ended, () => operator.process.output().slice(-2_000));
  expect(taken).toEqual([true, false]);
});
