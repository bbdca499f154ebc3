import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { eventually, type FollowingGate, type OperatorProcess, OperatorStage } from './operator-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'the operator against a real API server: its programs are not built (npm run cluster -- up)',
);

const TARGET = {
  protocol: 'Postgres',
  host: 'orders-db.data.svc',
  port: 5432,
  credential: { secretRef: { name: 'orders-db-agent' } },
  allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'support' } } },
};
const ACCESS = {
  podSelector: { matchLabels: { app: 'bot' } },
  identity: { source: 'Workload' },
  targetRefs: [{ namespace: 'data', name: 'orders-db' }],
};
const CREDENTIAL = { username: 'agent', password: 'first', hosts: 'orders-db.data.svc' };

let stage: OperatorStage;
let first: OperatorProcess;
let gate: FollowingGate;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('data');
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled', team: 'support' });
  await stage.serviceAccount('agents', 'bot');
  first = await stage.startOperator('operator-0');
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

test('conditions say what is missing until nothing is', async () => {
  await stage.resource('Target', 'data', 'orders-db', TARGET);
  await stage.becomes('Target', 'data', 'orders-db', /^Ready=False SecretNotFound, Accepted=True/);
  await stage.resource('AgentAccess', 'agents', 'bot', ACCESS);
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=False CredentialNotReady/);
  await stage.secret('data', 'orders-db-agent', { ...CREDENTIAL, hosts: 'another-db.data.svc' });
  await stage.becomes('Target', 'data', 'orders-db', /^Ready=False HostNotNamed/);
  await stage.secret('data', 'orders-db-agent', CREDENTIAL);
  await stage.becomes('Target', 'data', 'orders-db', /^Ready=True Ready, Accepted=True Accepted, CredentialReady=True/);
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=True Ready.*NoGates.*0\/0$/);
  await stage.resource('Policy', 'data', 'guard', {
    rules: [{ name: 'no-ddl', match: { postgres: { statements: ['DROP'] } }, action: 'Deny', reason: 'No.' }],
  });
  await stage.becomes('Policy', 'data', 'guard', /^Ready=True Ready, Accepted=True Accepted, Enforced=True NoGates/);
});

test('a second Target of the same host and port is Conflicted', async () => {
  await stage.resource('Target', 'data', 'copy', TARGET);
  await stage.becomes('Target', 'data', 'copy', /^Ready=False Conflicted/);
  expect(await stage.status('Target', 'data', 'orders-db')).toMatch(/^Ready=True/);
  await stage.remove('/apis/sidegate.dev/v1alpha1/namespaces/data/targets/copy');
});

test('the gate of a pod gets its Target, and the status counts it', async () => {
  await stage.pod('agents', 'bot-1', { labels: { app: 'bot' } });
  gate = stage.gate(first, await stage.token('agents', 'bot-1'));
  await eventually(
    'the credential',
    () => (gate.secrets.length > 0 ? true : undefined),
    () => gate.said,
  );
  expect(gate.secrets).toEqual(['data/orders-db first']);
  expect(gate.last?.workload).toMatchObject({ subject: 'system:serviceaccount:agents:bot', pod: { name: 'bot-1' } });
  expect(gate.last?.workload?.groups).toContain('system:serviceaccounts:agents');
  expect(gate.last?.resources.policies.map(({ metadata }) => metadata.name)).toEqual(['guard']);
  await stage.becomes(
    'AgentAccess',
    'agents',
    'bot',
    /^Ready=True.*Programmed=True Programmed, Recorded=True Recording, 1\/1$/,
  );
  await stage.becomes('Policy', 'data', 'guard', /Enforced=True Enforced/);
});

test('a rotated Secret and a changed Policy reach the open stream', async () => {
  await stage.secret('data', 'orders-db-agent', { ...CREDENTIAL, password: 'second' });
  await eventually('the rotation', () => (gate.secrets[0] === 'data/orders-db second' ? true : undefined));
  await stage.resource('Policy', 'agents', 'own', { rules: [] });
  await eventually('the policy', () => (gate.last?.resources.policies.length === 2 ? true : undefined));
});

test('a gate that refuses shows in the status, with its reason', async () => {
  gate.refuses = true;
  await stage.resource('Policy', 'agents', 'own', { mode: 'Observe', rules: [] });
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=False Refused/);
  gate.refuses = false;
  await stage.resource('Policy', 'agents', 'own', { mode: 'Enforce', rules: [] });
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=True/);
});

test('a Target that no longer admits the namespace closes, with its credential', async () => {
  await stage.resource('Target', 'data', 'orders-db', { ...TARGET, allowedNamespaces: { from: 'Same' } });
  await eventually('the end', () => (gate.last?.doors.length === 0 && gate.secrets.length === 0 ? true : undefined));
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=False NamespaceNotAllowed/);
  await stage.resource('Target', 'data', 'orders-db', TARGET);
  await eventually('the return', () => (gate.secrets.length === 1 ? true : undefined));
});

test('whoever is not the gate of a pod is refused, and a pod without its gate gets nothing', async () => {
  await stage.pod('agents', 'other-1', { labels: { app: 'other' } });
  await stage.pod('agents', 'bare-1', { labels: { app: 'bot' }, gated: false });
  const refused = {
    "the agent's audience": await stage.token('agents', 'bot-1', 'sidegate-agent'),
    "the API server's audience": await stage.token('agents', 'bot-1', 'https://kubernetes.default.svc.cluster.local'),
    'no pod': await stage.token('agents', 'bot-1', 'sidegate-gate', false),
    nothing: 'eyJhbGciOiJub25lIn0.e30.',
  };
  for (const [what, token] of Object.entries(refused)) {
    const outsider = stage.gate(first, token);
    const said = await eventually(
      what,
      () => outsider.said.find((one) => /unauthenticated|permission_denied/.test(one)),
      () => outsider.said,
    );
    expect(said).toMatch(/cannot be followed/);
    expect(outsider.applied).toEqual([]);
    await outsider.stop();
  }
  for (const pod of ['other-1', 'bare-1']) {
    const outsider = stage.gate(first, await stage.token('agents', pod));
    await eventually(
      pod,
      () => outsider.last,
      () => outsider.said,
    );
    expect(outsider.last).toMatchObject({ doors: [], secrets: [] });
    await outsider.stop();
  }
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=False PodsWithoutGate/);
  await stage.remove('/api/v1/namespaces/agents/pods/bare-1');
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=True/);
});

test('an API server that restarts is waited for; the gate keeps what it has', async () => {
  const held = gate.last?.version;
  await stage.server.restart();
  expect(gate.last?.version).toBe(held);
  await stage.secret('data', 'orders-db-agent', { ...CREDENTIAL, password: 'third' });
  await eventually(
    'the rotation',
    () => (gate.secrets[0] === 'data/orders-db third' ? true : undefined),
    () => first.process.output().slice(-2_000),
  );
});

test('when the leader dies another replica leads and serves', async () => {
  const second = await stage.startOperator('operator-1');
  await eventually('its readiness', async () => ((await fetch(`${second.probesUrl}/readyz`)).ok ? true : undefined));
  const metrics = async (): Promise<string> => (await fetch(`${second.probesUrl}/metrics`)).text();
  expect(await metrics()).toMatch(/^sidegate_operator_leading 0$/m);
  await first.process.stop('SIGKILL');
  await eventually('the second leader', async () =>
    /^sidegate_operator_leading 1$/m.test(await metrics()) ? true : undefined,
  );
  const moved = stage.gate(second, await stage.token('agents', 'bot-1'));
  await eventually(
    'the credential',
    () => (moved.secrets[0] === 'data/orders-db third' ? true : undefined),
    () => moved.said,
  );
  expect(moved.last?.version).toBe(gate.last?.version);
  await stage.becomes('AgentAccess', 'agents', 'bot', /^Ready=True.*1\/1$/);
  await stage.remove('/api/v1/namespaces/agents/pods/bot-1');
  await eventually(
    'the end of the stream',
    () => moved.said.find((one) => /permission_denied/.test(one)),
    () => moved.said,
  );
});
