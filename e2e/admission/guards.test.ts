import { join } from 'node:path';
import { afterAll, test as always, beforeAll, describe, expect, jest } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { INJECTION_LABEL } from '@sidegate/crds';
import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import { GUARD_POLICIES, guardPolicies } from '../../operator/src/injection/guard-policies.ts';
import { injectPod } from '../../operator/src/injection/inject-pod.ts';
import { checkInjection } from '../../operator/src/injection/injection-check.ts';
import type { Pod } from '../../operator/src/kinds.ts';
import { type ApiClient, openApiClient } from '../../operator/src/kube/api-client.ts';
import type { ApiFault } from '../../operator/src/kube/api-fault.ts';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import {
  AdmissionStage,
  ALLOWED_PATH,
  eventually,
  lockedSettings,
  type Manifest,
  OTHERS,
  SETTINGS,
} from './admission-stage.ts';
import { attackerOf } from './attacker.ts';
import { GATE_TOKEN, GUARD_CASES, LOCKED_VICTIM, NODE, VICTIM } from './guard-cases.ts';
import { type Asked, BARE, gated, POD_CASES } from './pod-cases.ts';
import { podOf } from './pods.ts';

jest.setTimeout(600_000);

const programs = builtPrograms();
const test = testGiven(programs, 'the guards on a real API server: its programs are not built (npm run cluster -- up)');

const LOCKED = gateTemplate(lockedSettings());
const FACTS = { name: BARE, keepsTokens: false };

let stage: AdmissionStage;
let attacker: ApiClient;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await AdmissionStage.start(programs, ['--feature-gates=PodCertificateRequest=true']);
  await stage.namespace(BARE, { [INJECTION_LABEL]: 'enabled' });
  await stage.serviceAccount(BARE, 'default');
  // Made while egress was locked; it is open here.
  await stage.must(createdFor(injectPod(podOf({}, LOCKED_VICTIM, BARE) as unknown as Pod, LOCKED, FACTS)));
  await stage.policies(policies());
  await stage.must(createdFor(gated({}, VICTIM)));
  await stage.must(createdFor(gated({ nodeName: NODE }, 'placed')));
  await stage.must(createdFor(podOf({}, VICTIM, OTHERS)));
  attacker = await attackerOf(stage);
  for (const { name } of GUARD_POLICIES) {
    const first = GUARD_CASES.find(({ guards }) => guards[0]?.split(/[/@]/)[0] === name);
    if (first !== undefined)
      await eventually(
        async () => refusal(await outcome(first.attack)),
        () => name,
      );
  }
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

function policies(without: readonly string[] = []): readonly Manifest[] {
  return guardPolicies(new Set(without)) as readonly Manifest[];
}

function createdFor(pod: object): Asked {
  const { namespace } = (pod as Manifest).metadata;
  return { method: 'POST', path: `/api/v1/namespaces/${namespace ?? ''}/pods`, body: pod };
}

async function outcome(asked: Asked, client = attacker): Promise<ApiFault | undefined> {
  const answer = await stage.ask(asked, client);
  return answer.ok ? undefined : answer.fault;
}

/** What a guard said. Undefined: no guard refused. */
function refusal(fault: ApiFault | undefined): string | undefined {
  return fault?.message.includes('ValidatingAdmissionPolicy') === true ? fault.message : undefined;
}

/** Whether the request came through to what does the work: nothing here runs pods, so connecting to one fails there. */
function passed(fault: ApiFault | undefined): boolean {
  return fault === undefined || /not have a host assigned/.test(fault.message);
}

always('every clause has a case', () => {
  const tried = new Set(GUARD_CASES.flatMap(({ guards }) => guards));
  const clauses = GUARD_POLICIES.flatMap(({ name, clauses: all }) => all.map(({ id }) => `${name}/${id}`));
  const apart = new Set([
    'sidegate-pods/settings',
    'sidegate-exec/gate',
    // egress.test.ts: they hold where egress is locked.
    'sidegate-pods/change-user',
    'sidegate-pods/escalation',
    'sidegate-pods/outlets',
  ]);
  expect(clauses.filter((clause) => !tried.has(clause) && !apart.has(clause))).toEqual([]);
});

always('every policy fails closed and every binding denies', () => {
  for (const policy of policies()) {
    const spec = JSON.stringify(policy['spec']);
    expect(spec).toContain(policy.kind.endsWith('Binding') ? '"validationActions":["Deny"]' : '"failurePolicy":"Fail"');
  }
});

/** What the check before a credential is released does not look at: it makes the gate useless, not its secrets known; or it is a hint. */
const NOT_CHECKED = /\/(?:names|port|resources|token-secrets)$/;

describe('the check before a credential is released says the same of a pod', () => {
  always.each(POD_CASES.map((one) => [one.what, one] as const))('%s', (_, { attack, neighbour, guards }) => {
    const check = (asked: Asked): boolean =>
      checkInjection(asked.body as Pod, gateTemplate(SETTINGS, [], false, [ALLOWED_PATH])).ok;
    expect([check(attack), check(neighbour)]).toEqual([NOT_CHECKED.test(guards[0] ?? ''), true]);
  });
});

describe('refused, and the neighbour passes', () => {
  test.each(GUARD_CASES.map((one) => [one.what, one] as const))(
    '%s',
    async (_, { attack, neighbour, guards, shows }) => {
      const said = refusal(await outcome(attack)) ?? 'let through';
      expect(said).toContain(`ValidatingAdmissionPolicy '${guards[0]?.split(/[/@]/)[0] ?? ''}'`);
      expect(said).toMatch(shows);
      const beside = await outcome(neighbour);
      expect(passed(beside) ? 'passed' : beside).toBe('passed');
    },
  );
});

describe('without the guard it passes', () => {
  test.each(GUARD_CASES.map((one) => [one.what, one] as const))('%s', async (_, { attack, guards }) => {
    await stage.policies(policies(guards));
    let last: ApiFault | undefined;
    await eventually(
      async () => {
        last = await outcome(attack);
        return passed(last) ? true : undefined;
      },
      () => last,
    );
  });
});

test('a kubelet gets tokens of the gate’s audience', async () => {
  await stage.policies(policies());
  await eventually(async () => refusal(await outcome(GATE_TOKEN)));
  const config = new KubeConfig();
  config.loadFromFile(join(stage.server.folder.file('certs'), 'kubelet.kubeconfig'));
  const kubelet = openApiClient({ config, timing: MACHINE_TIME });
  let last: ApiFault | undefined;
  await eventually(
    async () => {
      last = await outcome(GATE_TOKEN, kubelet);
      return last === undefined ? true : undefined;
    },
    () => last,
  );
});

test('a pod is refused while a setting is missing, or all of them', async () => {
  await stage.settings({ ...SETTINGS, store: '', upstreamDns: '' });
  const saying = (pattern: RegExp): Promise<unknown> =>
    eventually(
      async () =>
        pattern.exec(refusal(await outcome({ ...createdFor(gated()), query: { dryRun: 'All' } })) ?? '') ?? undefined,
    );
  await saying(/says nothing, or nothing that can be, for store, upstream-dns\. Install the chart again/);
  await stage.must({ method: 'DELETE', path: '/api/v1/namespaces/sidegate-system/configmaps/sidegate-injection' });
  await saying(/no params found/);
  await stage.settings();
  await eventually(async () =>
    passed(await outcome({ ...createdFor(gated()), query: { dryRun: 'All' } })) ? true : undefined,
  );
});
