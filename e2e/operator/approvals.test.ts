import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { ApprovalRequest } from '@sidegate/crds';
import { approvalGuards } from '../../operator/src/approvals/approval-guards.ts';
import type { ApprovalDesk } from '../../sidecar/src/gate/approval-desk.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { DEADLINE_MS, type RunningProcess, startProcess } from '../support/processes.ts';
import { testGiven } from '../support/test-given.ts';
import { type HeldCommand, hold, openPodDesk } from './held-command.ts';
import { eventually, type FollowingGate, type OperatorProcess, OperatorStage } from './operator-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'approvals in a cluster, against a real API server: its programs are not built (npm run cluster -- up)',
);

const REQUESTS = '/apis/sidegate.dev/v1alpha1/namespaces/data/approvalrequests';
const POLICY = {
  rules: [
    {
      name: 'deletes',
      match: { postgres: { statements: ['DELETE'] } },
      action: 'RequireApproval',
      reason: 'A second pair of eyes.',
      approval: { approvers: { groups: ['dba'], subjects: ['carol'] }, timeoutSeconds: 3600 },
    },
  ],
};

let stage: OperatorStage;
let operator: OperatorProcess;
let gate: FollowingGate;
let token: string;
let uid: string;
let desk: ApprovalDesk;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('data');
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
  await stage.serviceAccount('agents', 'bot');
  operator = await stage.startOperator('operator-0');
  const target = { protocol: 'Postgres', host: 'orders-db.data.svc', port: 5432, allowedNamespaces: { from: 'All' } };
  await stage.resource('Target', 'data', 'orders-db', {
    ...target,
    credential: { secretRef: { name: 'orders-db-agent' } },
  });
  await stage.secret('data', 'orders-db-agent', { username: 'a', password: 'b', hosts: 'orders-db.data.svc' });
  await stage.resource('AgentAccess', 'agents', 'bot', {
    podSelector: { matchLabels: { app: 'bot' } },
    identity: { source: 'Token', issuers: ['corporate'] },
    targetRefs: [{ namespace: 'data', name: 'orders-db' }],
  });
  await stage.resource('Policy', 'data', 'second-look', POLICY);
  await stage.pod('agents', 'bot-1', { labels: { app: 'bot' } });
  token = await stage.token('agents', 'bot-1');
  const pod = await stage.get('/api/v1/namespaces/agents/pods/bot-1');
  uid = (pod as { metadata: { uid: string } }).metadata.uid;
  desk = openPodDesk(uid);
  gate = stage.gate(operator, token, { desk });
  await eventually(
    'the rule',
    () => (gate.last?.resources.policies.length === 1 && gate.last.doors.length === 1 ? true : undefined),
    () => gate.said,
  );
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

function holdNow(text: string): HeldCommand {
  if (gate.last === undefined) throw new Error('the gate has no rules');
  return hold(desk, uid, gate.last, text);
}

async function anyRequest(): Promise<ApprovalRequest> {
  const { items } = (await stage.get(REQUESTS)) as { readonly items: readonly ApprovalRequest[] };
  const [first] = items;
  if (first === undefined) throw new Error('there is no request');
  return first;
}

async function read(name: string): Promise<ApprovalRequest | undefined> {
  return (await stage.get(`${REQUESTS}/${name}`)) as ApprovalRequest | undefined;
}

/** The request, once its condition Ready has this reason. */
function becomes(name: string, reason: string): Promise<ApprovalRequest> {
  let last: ApprovalRequest | undefined;
  return eventually(
    `${name} ${reason}`,
    async () => {
      last = await read(name);
      return last?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason === reason ? last : undefined;
    },
    () => [last, operator.process.output().slice(-2_000)],
  );
}

/** What an approver's kubectl sends. */
function decide(name: string, user: string, decision: object): Promise<void> {
  return stage.patchStatus(`${REQUESTS}/${name}`, { decisions: { [user]: decision } });
}

const APPROVE = { action: 'Approve', reason: 'ticket 4711', groups: ['dba'] };

async function endOf({ ended }: HeldCommand): Promise<string> {
  const { kind, votes } = await eventually('the end', ended, () => operator.process.output().slice(-2_000));
  return [kind, ...votes.map(({ by, reason }) => `${by.user}: ${reason}`)].join(' ');
}

test('a held command is an object in the namespace of the Policy, and an approval lets it pass', async () => {
  const held = holdNow('DELETE FROM t WHERE a = $1 AND b = $2');
  const { metadata, spec } = await becomes(held.name, 'Waiting');
  expect(metadata.labels).toMatchObject({ 'sidegate.dev/pod-uid': uid });
  expect(metadata).toMatchObject({ ownerReferences: [{ kind: 'Policy', name: 'second-look' }] });
  expect(spec).toMatchObject({
    policyRef: { namespace: 'data', name: 'second-look' },
    rule: 'deletes',
    reason: 'A second pair of eyes.',
    command: { protocol: 'Postgres', text: 'DELETE FROM t WHERE a = $1 AND b = $2', parameters: ["'it''s'", 'NULL'] },
    identity: {
      verified: { source: 'Token', issuer: 'corporate', subject: 'agent@corp', groups: ['support-agents'] },
      users: ['agent@corp', 'corp:agent@corp'],
      claimed: { task: 'clean up' },
    },
    approval: { approvers: { groups: ['dba'], subjects: ['carol'] }, count: 1, grant: { scope: 'Command' } },
    approverUsers: ['carol', 'corp:carol'],
  });
  await decide(held.name, 'corp:dana', APPROVE);
  expect(await endOf(held)).toBe('Approved corp:dana: ticket 4711');
  const { status } = await becomes(held.name, 'Approved');
  expect(status?.conditions?.map(({ type, status: holds }) => `${type}=${holds}`).toSorted()).toEqual([
    'Decided=True',
    'Ready=True',
  ]);
});

test('a refusal refuses it', async () => {
  const held = holdNow('DELETE FROM u');
  await becomes(held.name, 'Waiting');
  await decide(held.name, 'carol', { action: 'Deny', reason: 'that one stays' });
  expect(await endOf(held)).toBe('Refused carol: that one stays');
  await becomes(held.name, 'Denied');
});

test.each([
  ['of the requesting identity', 'corp:agent@corp', APPROVE],
  ['of a user in no group that may', 'corp:eve', { ...APPROVE, groups: ['sales'] }],
  ['of a user whose identity nobody knows', 'eve', APPROVE],
])('a word %s does not count, whatever let it in', async (_, user, decision) => {
  const held = holdNow(`DELETE FROM v WHERE who = '${user}'`);
  await becomes(held.name, 'Waiting');
  await decide(held.name, user, decision);
  const why = await eventually('why', async () => {
    const found = (await read(held.name))?.status?.conditions?.find(({ type }) => type === 'Ready');
    return found?.message.includes(user) === true ? found.message : undefined;
  });
  expect(why).toMatch(/^1 more approval is needed/);
  expect(held.ended()).toBeUndefined();
  await decide(held.name, 'carol', APPROVE);
  expect(await endOf(held)).toBe('Approved carol: ticket 4711');
});

test('sidegate approve, through the kubectl that is there', async () => {
  const held = holdNow('DELETE FROM bb');
  await becomes(held.name, 'Waiting');
  const kubeconfig = stage.kubeconfigAs('corp:dana', ['dba', 'everybody']);
  const cli = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'sidegate.js');
  const env = { PATH: `${programs ?? ''}:${process.env['PATH'] ?? ''}` };
  const where = [`--kubeconfig=${kubeconfig}`, '-n', 'data'];
  await using lists = startProcess('node', [cli, 'approvals', ...where], { env });
  expect((await lists.ended).stdout).toContain('DELETE FROM bb');
  await using approves = startProcess('node', [cli, 'approve', held.name, ...where, '--reason', 'fine'], { env });
  expect(await approves.ended).toMatchObject({ code: 0, stdout: `corp:dana approves ${held.name}.\n` });
  expect(await endOf(held)).toBe('Approved corp:dana: fine');
});

test('a command that the agent gives up is withdrawn', async () => {
  const held = holdNow('DELETE FROM w');
  await becomes(held.name, 'Waiting');
  desk.withdraw(held.id, { kind: 'Cancel', reason: 'The agent cancelled it.', atMs: Date.now() });
  const { status } = await becomes(held.name, 'Withdrawn');
  expect(status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe('The agent cancelled it.');
});

test('a request that somebody deletes refuses the command', async () => {
  const held = holdNow('DELETE FROM x');
  await becomes(held.name, 'Waiting');
  await stage.remove(`${REQUESTS}/${held.name}`);
  expect(await endOf(held)).toBe('Cancelled');
});

test('what waits outlives the operator: it is said again, and decided once', async () => {
  const held = holdNow('DELETE FROM y');
  const { metadata } = await becomes(held.name, 'Waiting');
  await operator.process.stop('SIGTERM');
  await gate.stop();
  await decide(held.name, 'carol', APPROVE);
  operator = await stage.startOperator('operator-1');
  gate = stage.gate(operator, token, { desk });
  expect(await endOf(held)).toBe('Approved carol: ticket 4711');
  expect((await becomes(held.name, 'Approved')).metadata.uid).toBe(metadata.uid);
});

test('what a gate that started anew does not hold is withdrawn', async () => {
  await eventually('the rule', () => gate.last);
  const held = holdNow('DELETE FROM z');
  await becomes(held.name, 'Waiting');
  await gate.stop();
  desk = openPodDesk(uid);
  gate = stage.gate(operator, token, { desk });
  await becomes(held.name, 'Withdrawn');
});

test('with the guards in force the operator and an approver can do their work, and nobody else', async () => {
  const admission = '/apis/admissionregistration.k8s.io/v1';
  const user = 'system:serviceaccount:sidegate-system:sidegate-operator';
  await stage.put('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'operator' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
  await operator.process.stop('SIGTERM');
  await gate.stop();
  operator = await stage.startOperator('operator-2', undefined, stage.kubeconfigAs(user, []));
  for (const object of approvalGuards()) {
    const { kind } = object as { readonly kind: string };
    const plural = kind.endsWith('Binding') ? 'validatingadmissionpolicybindings' : 'validatingadmissionpolicies';
    await stage.put(`${admission}/${plural}`, object);
  }
  const made = { apiVersion: 'sidegate.dev/v1alpha1', kind: 'ApprovalRequest', metadata: { name: 'made-up' } };
  await eventually('the guards', async () => {
    const asked = await stage.server.client.request({
      method: 'POST',
      path: REQUESTS,
      query: { dryRun: 'All' },
      body: { ...made, spec: (await anyRequest()).spec },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    return !asked.ok && asked.fault.message.includes('made by the operator alone') ? true : undefined;
  });
  gate = stage.gate(operator, token, { desk });
  await eventually('the rule', () => gate.last);
  const held = holdNow('DELETE FROM cc');
  await becomes(held.name, 'Waiting');
  const cli = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'sidegate.js');
  const env = { PATH: `${programs ?? ''}:${process.env['PATH'] ?? ''}` };
  const approve = (by: string, groups: readonly string[]): RunningProcess => {
    const where = [`--kubeconfig=${stage.kubeconfigAs(by, groups)}`, '-n', 'data', held.name];
    return startProcess('node', [cli, 'approve', ...where, '--reason', 'fine'], { env });
  };
  await using stranger = approve('corp:eve', ['sales']);
  expect(await stranger.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('names neither this user') });
  await using approver = approve('corp:dana', ['dba']);
  expect(await approver.ended).toMatchObject({ code: 0 });
  expect(await endOf(held)).toBe('Approved corp:dana: fine');
  await becomes(held.name, 'Approved');
});

test('the pod that asked is gone, and so is the question', async () => {
  await eventually('the rule', () => gate.last);
  const held = holdNow('DELETE FROM aa');
  await becomes(held.name, 'Waiting');
  await stage.remove('/api/v1/namespaces/agents/pods/bot-1');
  await becomes(held.name, 'Withdrawn');
});
