import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { APPROVAL_GUARD_POLICIES, approvalGuards } from '../../operator/src/approvals/approval-guards.ts';
import { type ApiClient, type ApiRequest, openApiClient } from '../../operator/src/kube/api-client.ts';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import { AdmissionStage, eventually, type Manifest } from '../admission/admission-stage.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'the guards of approvals on a real API server: its programs are not built (npm run cluster -- up)',
);

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const REQUESTS = '/apis/sidegate.dev/v1alpha1/namespaces/data/approvalrequests';
const REQUEST = `${REQUESTS}/held-1`;
const DECIDED = 'sidegate-approval-decisions';
const MADE = 'sidegate-approval-requests';

type Asked = Omit<ApiRequest, 'signal'>;

interface User {
  readonly name: string;
  readonly groups?: readonly string[];
}

const OPERATOR: User = { name: 'system:serviceaccount:sidegate-system:sidegate-operator' };
const NAMESAKE: User = { name: 'system:serviceaccount:data:sidegate-operator' };
const DANA: User = { name: 'corp:dana', groups: ['dba', 'everybody'] };
const CAROL: User = { name: 'carol' };
const EVE: User = { name: 'corp:eve', groups: ['everybody'] };
const BOT: User = { name: 'corp:agent@corp', groups: ['dba'] };
/** In the group that the rule names, without the verb. */
const MAX: User = { name: 'corp:max', groups: ['dba'] };

const NAME = { namespace: 'data', name: 'x' };
const SPEC = {
  targetRef: NAME,
  accessRef: NAME,
  policyRef: NAME,
  rule: 'deletes',
  reason: 'Two pairs of eyes.',
  session: { id: 's', commandId: 1 },
  command: { protocol: 'Postgres', sha256: 'a'.repeat(64), text: 'DELETE FROM t' },
  identity: {
    verified: { source: 'Token', issuer: 'corporate', subject: 'agent@corp' },
    users: ['agent@corp', 'corp:agent@corp'],
  },
  approval: { approvers: { groups: ['dba'], subjects: ['carol'] } },
  approverUsers: ['carol', 'corp:carol'],
  requestedAt: '2026-01-01T00:00:00Z',
  expiresAt: '2036-01-01T00:00:00Z',
};

function object(name: string, spec: object = SPEC): Manifest {
  const metadata = { name, namespace: 'data', labels: { 'sidegate.dev/pod-uid': 'u' } };
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'ApprovalRequest', metadata, spec };
}

function merge(path: string, body: object): Asked {
  return { method: 'PATCH', path, query: { dryRun: 'All' }, contentType: 'application/merge-patch+json', body };
}

function decide(user: string, change: object = {}): Asked {
  const entry = { action: 'Approve', reason: 'ticket 4711', groups: ['dba'], ...change };
  return merge(`${REQUEST}/status`, { status: { decisions: { [user]: entry } } });
}

const CONDITION = { type: 'Decided', status: 'True', message: '.', lastTransitionTime: '2026-01-01T00:00:00Z' };

/** What a guard refuses, and what is so near to it that it passes. */
interface GuardCase {
  readonly what: string;
  readonly guard: string;
  readonly by: User;
  readonly attack: Asked;
  /** Who may do the like. */
  readonly like: { readonly by: User; readonly ask: Asked };
}

const create = (name: string): Asked => ({
  method: 'POST',
  path: REQUESTS,
  query: { dryRun: 'All' },
  body: object(name),
});

const CASES: readonly GuardCase[] = [
  {
    what: 'a request that an approver makes up',
    guard: `${MADE}/create`,
    by: DANA,
    attack: create('made-up'),
    like: { by: OPERATOR, ask: create('made-up') },
  },
  {
    what: 'a request that a namesake of the operator makes up',
    guard: `${MADE}/create`,
    by: NAMESAKE,
    attack: create('made-up'),
    like: { by: OPERATOR, ask: create('made-up') },
  },
  {
    what: 'a change of the label that says which pod asked',
    guard: `${MADE}/change`,
    by: DANA,
    attack: merge(REQUEST, { metadata: { labels: { 'sidegate.dev/pod-uid': 'other' } } }),
    like: { by: OPERATOR, ask: merge(REQUEST, { metadata: { labels: { 'sidegate.dev/pod-uid': 'other' } } }) },
  },
  {
    what: 'an entry for another user',
    guard: `${DECIDED}/own`,
    by: DANA,
    attack: decide('carol'),
    like: { by: DANA, ask: decide('corp:dana') },
  },
  {
    what: 'an approval of the own request',
    guard: `${DECIDED}/requester`,
    by: BOT,
    attack: decide('corp:agent@corp'),
    like: { by: DANA, ask: decide('corp:dana') },
  },
  {
    what: 'somebody whom the rule does not name',
    guard: `${DECIDED}/named`,
    by: EVE,
    attack: decide('corp:eve', { groups: ['everybody'] }),
    like: { by: CAROL, ask: decide('carol', { groups: [] }) },
  },
  {
    what: 'a group that the user is not in',
    guard: `${DECIDED}/groups`,
    by: EVE,
    attack: decide('corp:eve'),
    like: { by: DANA, ask: decide('corp:dana') },
  },
  {
    what: 'an approver without the verb approve',
    guard: `${DECIDED}/right`,
    by: MAX,
    attack: decide('corp:max'),
    like: { by: DANA, ask: decide('corp:dana') },
  },
  {
    what: 'a condition that an approver writes',
    guard: `${DECIDED}/conditions`,
    by: DANA,
    attack: merge(`${REQUEST}/status`, { status: { conditions: [{ ...CONDITION, reason: 'Approved' }] } }),
    like: {
      by: OPERATOR,
      ask: merge(`${REQUEST}/status`, { status: { conditions: [{ ...CONDITION, reason: 'Approved' }] } }),
    },
  },
  {
    what: 'an approval of a request that is finished',
    guard: `${DECIDED}/open`,
    by: DANA,
    attack: {
      ...decide('corp:dana'),
      path: `${REQUESTS}/finished/status`,
    },
    like: { by: DANA, ask: decide('corp:dana') },
  },
  {
    what: 'a status without what somebody decided, also of the operator',
    guard: `${DECIDED}/kept`,
    by: OPERATOR,
    attack: merge(`${REQUESTS}/finished/status`, { status: null }),
    like: { by: OPERATOR, ask: merge(`${REQUESTS}/finished/status`, { status: { conditions: [] } }) },
  },
];

let stage: AdmissionStage;
const clients = new Map<string, ApiClient>();

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await AdmissionStage.start(programs);
  await stage.namespace('data');
  await define(true);
  await roles();
  await stage.must({ method: 'POST', path: REQUESTS, body: object('held-1') });
  await stage.must({ method: 'POST', path: REQUESTS, body: object('finished') });
  const status = {
    conditions: [{ ...CONDITION, reason: 'Approved' }],
    decisions: { carol: { action: 'Approve' } },
  };
  await stage.must({ ...merge(`${REQUESTS}/finished/status`, { status }), query: {} });
  await stage.policies(approvalGuards() as readonly Manifest[]);
  for (const { name } of APPROVAL_GUARD_POLICIES) {
    const first = CASES.find(({ guard }) => guard.startsWith(`${name}/`));
    if (first !== undefined) await eventually(async () => refused(await ask(first.by, first.attack)));
  }
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

/** Makes our kind known, with or without what its own schema refuses. */
async function define(withRules: boolean): Promise<void> {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'crds', 'approval-request.yaml'), 'utf8');
  const definition = parse(text) as Manifest;
  const bare = JSON.parse(
    JSON.stringify(definition, (key, value: unknown) => (key === 'x-kubernetes-validations' ? undefined : value)),
  ) as Manifest;
  await stage.put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', withRules ? definition : bare);
  await eventually(async () => ((await stage.ask({ path: REQUESTS })).ok ? true : undefined));
}

async function roles(): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const rule = (resources: readonly string[], verbs: readonly string[]) => ({
    apiGroups: ['sidegate.dev'],
    resources,
    verbs,
  });
  // More than the chart gives: what is left to the guards must not hang on RBAC.
  const everything = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  const resources = ['approvalrequests', 'approvalrequests/status'];
  const give = async (role: string, rules: readonly object[], users: readonly User[]): Promise<void> => {
    const apiVersion = `${group}/v1`;
    await stage.put(`${RBAC}/clusterroles`, { apiVersion, kind: 'ClusterRole', metadata: { name: role }, rules });
    await stage.put(`${RBAC}/clusterrolebindings`, {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: role },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
      subjects: users.map(({ name }) => ({ apiGroup: group, kind: 'User', name })),
    });
  };
  await give('writer', [rule(resources, everything)], [OPERATOR, NAMESAKE, DANA, CAROL, EVE, BOT, MAX]);
  await give('operator', [rule(['approvalrequests'], ['operate'])], [OPERATOR]);
  await give('approver', [rule(['approvalrequests'], ['approve'])], [DANA, CAROL, EVE, BOT]);
}

/** As a user, by impersonation. */
function clientOf({ name, groups = [] }: User): ApiClient {
  const known = clients.get(name);
  if (known !== undefined) return known;
  const config = new KubeConfig();
  config.loadFromFile(stage.server.kubeconfig);
  const apply = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    await apply(options);
    const all = [...groups, 'system:authenticated'];
    options.headers = { ...options.headers, 'Impersonate-User': name, 'Impersonate-Group': all };
  };
  const client = openApiClient({ config, timing: MACHINE_TIME });
  clients.set(name, client);
  return client;
}

/** `passed`, or why not. */
async function ask(by: User, asked: Asked): Promise<string> {
  const answer = await stage.ask(asked, clientOf(by));
  return answer.ok ? 'passed' : answer.fault.message;
}

function refused(outcome: string): string | undefined {
  return outcome.includes('ValidatingAdmissionPolicy') ? outcome : undefined;
}

function messageOf(guard: string): string {
  const [policy, id] = guard.split('/');
  const clauses = APPROVAL_GUARD_POLICIES.find(({ name }) => name === policy)?.clauses ?? [];
  return clauses.find((clause) => clause.id === id)?.message ?? 'there is no such guard';
}

describe.each(CASES)('$what', ({ guard, by, attack, like }) => {
  test('is refused, and by this guard', async () => {
    expect(await ask(by, attack)).toContain(messageOf(guard));
  });

  test('is told from what is like it', async () => {
    expect(await ask(like.by, like.ask)).toBe('passed');
  });
});

test('a change of what was asked is refused by the kind itself, also of the operator', async () => {
  const change = merge(REQUEST, { spec: { command: { text: 'SELECT 1' } } });
  expect(await ask(OPERATOR, change)).toContain('What was asked cannot change');
  expect(await ask(DANA, change)).toContain('What was asked cannot change');
});

test('every guard has a case', () => {
  const all = APPROVAL_GUARD_POLICIES.flatMap(({ name, clauses }) => clauses.map(({ id }) => `${name}/${id}`));
  expect([...new Set(CASES.map(({ guard }) => guard))].toSorted()).toEqual(all.toSorted());
});

test('without its guard each of them passes', async () => {
  await define(false);
  for (const guard of new Set(CASES.map((one) => one.guard))) {
    await stage.policies(approvalGuards(new Set([guard])) as readonly Manifest[]);
    for (const { what, by, attack } of CASES.filter((one) => one.guard === guard)) {
      let last = '';
      await eventually(
        async () => {
          last = await ask(by, attack);
          return last === 'passed' ? true : undefined;
        },
        () => [what, last],
      );
    }
  }
  // Who wants to change what was asked meets two guards: the kind's own, which is away by now, and this.
  await stage.policies(approvalGuards(new Set([`${MADE}/change`])) as readonly Manifest[]);
  const change = merge(REQUEST, { spec: { command: { text: 'SELECT 1' } } });
  await eventually(async () => ((await ask(DANA, change)) === 'passed' ? true : undefined));
});
