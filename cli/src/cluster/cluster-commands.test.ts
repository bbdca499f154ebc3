import { expect, test } from '@jest/globals';
import { API_VERSION, type ApprovalRequest, fail, ok } from '@sidegate/crds';
import { runProgram } from '../program.ts';
import { TestTerminal } from '../testing/test-terminal.ts';
import { approvalsInCluster } from './approvals-in-cluster.ts';
import { alsoInCluster } from './cluster-command.ts';
import { decideInCluster } from './decide-in-cluster.ts';
import type { Kubectl } from './kubectl.ts';

const NAME = { namespace: 'data', name: 'x' };
const REQUEST: ApprovalRequest = {
  apiVersion: API_VERSION,
  kind: 'ApprovalRequest',
  metadata: { name: 'bcdfghjk-0123456789', namespace: 'data' },
  spec: {
    targetRef: NAME,
    accessRef: NAME,
    policyRef: { namespace: 'data', name: 'guard' },
    rule: 'deletes',
    reason: 'Two pairs of eyes.',
    session: { id: 's', commandId: 1 },
    command: { protocol: 'Postgres', sha256: 'a'.repeat(64), text: 'DELETE FROM t WHERE id = $1', parameters: ["'7'"] },
    identity: { verified: { source: 'Token', issuer: 'corporate', subject: 'agent@corp' } },
    approval: { approvers: { groups: ['dba'] } },
    requestedAt: '2026-01-01T00:00:00Z',
    expiresAt: '2036-01-01T00:00:00Z',
  },
};
const DECIDED: ApprovalRequest = {
  ...REQUEST,
  status: {
    conditions: [
      { type: 'Decided', status: 'True', reason: 'Denied', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  },
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
  readonly asked: readonly string[];
}

/** Each answer of kubectl by its first word. */
async function sidegate(answers: Readonly<Record<string, unknown>>, ...parameters: readonly string[]): Promise<Ran> {
  const asked: string[] = [];
  const kubectl: Kubectl = async (given) => {
    asked.push(given.join(' '));
    const answer = answers[given[0] ?? ''];
    return answer === undefined ? fail({ code: 'KubectlFailed', message: 'denied' }) : ok(answer);
  };
  const local = (name: string) => ({
    name,
    summary: '',
    options: { json: { type: 'flag', summary: '' }, reason: { type: 'text', summary: '' } },
    run: () => Promise.resolve(7),
  });
  const words = { wordCount: { least: 1, most: 1 } };
  const listing = { ...local('approvals'), options: { ...local('').options, all: FLAG, watch: FLAG } } as const;
  const commands = [
    alsoInCluster(listing as never, approvalsInCluster, kubectl),
    alsoInCluster({ ...local('approve'), ...words } as never, decideInCluster('Approve'), kubectl),
    alsoInCluster({ ...local('refuse'), ...words } as never, decideInCluster('Deny'), kubectl),
  ];
  const terminal = new TestTerminal();
  const code = await runProgram(commands, parameters, terminal);
  return { code, out: terminal.written, errors: terminal.errors.join('\n'), asked };
}

const FLAG = { type: 'flag', summary: '' } as const;
const DANA = { status: { userInfo: { username: 'corp:dana', groups: ['everybody', 'dba'] } } };
const EVE = { status: { userInfo: { username: 'corp:eve', groups: ['everybody'] } } };
const ALL = { auth: DANA, get: REQUEST, patch: REQUEST };
const APPROVE = ['approve', '-n', 'data', 'bcdfghjk-0123456789'] as const;

function patchOf({ asked }: Ran): unknown {
  const [, text = '{}'] = /-p (\{.*\}) --/u.exec(asked[2] ?? '') ?? [];
  const { status } = JSON.parse(text) as { status?: { decisions?: Record<string, { decidedAt?: string }> } };
  for (const entry of Object.values(status?.decisions ?? {})) delete entry.decidedAt;
  return status?.decisions;
}

test('without a namespace the command of one machine runs', async () => {
  expect(await sidegate(ALL, 'approve', 'k7m2p')).toMatchObject({ code: 7, asked: [] });
});

test('an approval is an entry under the own name, with the groups that may', async () => {
  const ran = await sidegate(ALL, ...APPROVE, '--reason', 'ticket 4711', '--context', 'prod');
  expect(ran).toMatchObject({ code: 0, out: 'corp:dana approves bcdfghjk-0123456789.\n' });
  expect(ran.asked[2]).toMatch(
    /^patch approvalrequests.sidegate.dev bcdfghjk-0123456789 --namespace=data --subresource=status/,
  );
  expect(ran.asked.every((one) => one.includes('--context=prod'))).toBe(true);
  expect(patchOf(ran)).toEqual({ 'corp:dana': { action: 'Approve', reason: 'ticket 4711', groups: ['dba'] } });
});

test('who is in no group that may states none: admission refuses, or the rule names the user', async () => {
  expect(patchOf(await sidegate({ ...ALL, auth: EVE }, ...APPROVE))).toEqual({
    'corp:eve': { action: 'Approve', reason: '' },
  });
});

test('a refusal needs a reason', async () => {
  expect(await sidegate(ALL, 'refuse', '-n', 'data', 'x')).toMatchObject({ code: 2, asked: [] });
  const ran = await sidegate(ALL, 'refuse', '-n', 'data', 'x', '--reason', 'no');
  expect(patchOf(ran)).toMatchObject({ 'corp:dana': { action: 'Deny', reason: 'no' } });
});

test('what kubectl says against it is shown', async () => {
  const { patch: _, ...refusing } = ALL;
  expect(await sidegate(refusing, ...APPROVE)).toMatchObject({ code: 1, errors: expect.stringContaining('denied') });
});

test('what waits is shown whole, and what is decided only when asked for', async () => {
  const list = { get: { items: [REQUEST, DECIDED] } };
  const { code, out, asked } = await sidegate(list, 'approvals', '-n', 'data');
  expect({ code, asked }).toEqual({
    code: 0,
    asked: ['get approvalrequests.sidegate.dev --namespace=data --output=json'],
  });
  expect(out).toContain('data/bcdfghjk-0123456789  waits');
  expect(out).toContain('DELETE FROM t WHERE id = $1');
  expect(out).toContain("$1        '7'");
  expect(out).not.toContain('refused');
  expect((await sidegate(list, 'approvals', '-A', '--all')).out).toContain('refused');
  expect((await sidegate({ get: { items: [] } }, 'approvals', '-A')).errors).toBe('Nothing waits.');
});
