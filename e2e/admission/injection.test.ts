import { afterAll, test as always, beforeAll, describe, expect, jest } from '@jest/globals';
import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION, ok } from '@sidegate/crds';
import { parseAllDocuments } from 'yaml';
import { generate } from '../../operator/generate.ts';
import type { AdmissionServer } from '../../operator/src/admission/admission-server.ts';
import { mutatePods } from '../../operator/src/admission/mutate-pods.ts';
import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { AdmissionStage, AGENTS, eventually, type Manifest, SETTINGS } from './admission-stage.ts';
import { AGENT, PODS, podOf } from './pods.ts';
import { installWebhook } from './webhook-installation.ts';

jest.setTimeout(600_000);

const programs = builtPrograms();
const test = testGiven(programs, 'injection on a real API server: its programs are not built (npm run cluster -- up)');

/** The webhook works here, the policies in the labelled namespace. */
const HOOKED = 'hooked';

let stage: AdmissionStage;
let webhook: AdmissionServer;
/** What the webhook puts in. */
let template = gateTemplate(SETTINGS, [], true);
/** What the webhook knows of the namespace. */
let annotations: Readonly<Record<string, string>> | undefined;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await AdmissionStage.start(programs);
  await stage.namespace(HOOKED);
  await stage.serviceAccount(HOOKED, 'default');
  await stage.policies(manifests('inject.yaml'));
  const judge = mutatePods({ template: () => ok(template), annotationsOf: () => annotations });
  webhook = await installWebhook(stage, HOOKED, judge);
  for (const namespace of [AGENTS, HOOKED]) {
    await eventually(async () => {
      const made = await stage.create(podOf({}, 'canary', namespace));
      return made.ok && specOf(made.value)['dnsPolicy'] === 'None' ? true : undefined;
    });
  }
});

afterAll(async () => {
  if (programs === undefined) return;
  await webhook.close(0);
  await stage.end();
});

function manifests(file: string): readonly Manifest[] {
  return parseAllDocuments(generate().get(`charts/sidegate/generated/${file}`) ?? '').map(
    (document): Manifest => document.toJS(),
  );
}

function specOf(pod: unknown): Readonly<Record<string, unknown>> {
  return (pod as { spec: Readonly<Record<string, unknown>> }).spec;
}

/** The specs alone, without what differs by chance or place. */
function comparable(pod: unknown, namespace: string): unknown {
  return JSON.parse(JSON.stringify(specOf(pod)).replaceAll(`"${namespace}.svc.`, '"NAMESPACE.svc.'));
}

always('the corpus is large', () => {
  expect(Object.keys(PODS).length).toBeGreaterThanOrEqual(40);
});

describe('policy and webhook make the same pod', () => {
  test.each(Object.entries(PODS))('%s', async (_, spec) => {
    const [byPolicy, byWebhook] = [await stage.create(podOf(spec)), await stage.create(podOf(spec, 'pod', HOOKED))];
    if (!byPolicy.ok || !byWebhook.ok) throw new Error(JSON.stringify([byPolicy, byWebhook]));
    const made = comparable(byPolicy.value, AGENTS);
    expect(made).toEqual(comparable(byWebhook.value, HOOKED));
    expect(JSON.stringify(made)).not.toContain('kube-api-access-');
  });
});

async function keep(namespace: string, spec: object, name: string): Promise<unknown> {
  const answer = await stage.create({ ...podOf({}, name, namespace), spec }, { dry: false });
  if (!answer.ok) throw new Error(answer.fault.message);
  return answer.value;
}

test('a pod that has its gate stays as it is when it is made again', async () => {
  const first = await keep(AGENTS, specOf(podOf({ initContainers: [{ ...AGENT, name: 'prepare' }] })), 'first');
  for (const namespace of [AGENTS, HOOKED]) {
    const again = await keep(namespace, specOf(first), 'again');
    expect(comparable(again, namespace)).toEqual(comparable(first, AGENTS));
  }
});

test('a debugging container is an agent too', async () => {
  const seen: unknown[] = [];
  for (const namespace of [AGENTS, HOOKED]) {
    await keep(namespace, specOf(podOf()), 'debugged');
    const debug = { name: 'debug', image: 'busybox', env: [{ name: 'CURL_CA_BUNDLE', value: 'own' }] };
    const answer = await stage.ask({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/debugged/ephemeralcontainers`,
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [{ ...debug, securityContext: { runAsUser: 1000 } }] } },
    });
    if (!answer.ok) throw new Error(answer.fault.message);
    seen.push(comparable(answer.value, namespace));
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject({
    ephemeralContainers: [
      {
        env: expect.arrayContaining([
          { name: 'CURL_CA_BUNDLE', value: 'own' },
          { name: 'SSL_CERT_FILE', value: '/var/run/sidegate/trust/bundle.pem' },
        ]),
        volumeMounts: [
          expect.objectContaining({ name: 'sidegate-agent' }),
          expect.objectContaining({ name: 'sidegate-trust' }),
        ],
      },
    ],
  });
});

test('a namespace keeps its tokens by annotation, where the settings allow it', async () => {
  const both = async (): Promise<readonly unknown[]> =>
    [
      comparable(await must(stage.create(podOf())), AGENTS),
      comparable(await must(stage.create(podOf({}, 'pod', HOOKED))), HOOKED),
    ].map(withoutChance);
  const kept = { [KEEP_TOKENS_ANNOTATION]: 'true' };
  await stage.namespace(AGENTS, { [INJECTION_LABEL]: 'enabled' }, kept);
  await stage.settings(SETTINGS, { 'allow-service-account-tokens': 'true' });
  annotations = kept;
  const [byPolicy, byWebhook] = await eventually(async () => {
    const pods = await both();
    return JSON.stringify(pods[0]).includes('kube-api-access-') ? pods : undefined;
  });
  expect(byPolicy).toEqual(byWebhook);
  expect(byPolicy).toMatchObject({
    containers: [
      {
        volumeMounts: [
          { name: 'kube-api-access-X', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          { name: 'sidegate-agent', mountPath: '/var/run/sidegate/agent' },
          { name: 'sidegate-trust' },
        ],
      },
    ],
  });
  await stage.settings(SETTINGS);
  await eventually(async () => (JSON.stringify((await both())[0]).includes('kube-api-access-') ? undefined : true));
  annotations = undefined;
});

test('a gate starts closed, where the settings say so', async () => {
  const gates = async (): Promise<readonly unknown[]> =>
    [await must(stage.create(podOf())), await must(stage.create(podOf({}, 'pod', HOOKED)))].map(
      (pod) => (specOf(pod)['initContainers'] as readonly unknown[])[0],
    );
  await stage.settings(SETTINGS, { 'start-closed': 'true' });
  template = gateTemplate({ ...SETTINGS, startClosed: '--start-closed' }, [], true);
  const [byPolicy, byWebhook] = await eventually(async () => {
    const all = await gates();
    return JSON.stringify(all[0]).includes('--start-closed') ? all : undefined;
  });
  expect(byPolicy).toEqual(byWebhook);
  template = gateTemplate(SETTINGS, [], true);
  for (const value of ['false', 'True']) {
    await stage.settings(SETTINGS, { 'start-closed': value });
    await eventually(async () => (JSON.stringify((await gates())[0]).includes('--start-closed') ? undefined : true));
  }
  await stage.settings(SETTINGS);
});

test('without a setting nothing is put in, so that the guards refuse the pod', async () => {
  await stage.settings({ ...SETTINGS, store: '' });
  await eventually(async () => ('initContainers' in specOf(await must(stage.create(podOf()))) ? undefined : true));
  await stage.settings(SETTINGS);
  await eventually(async () => ('initContainers' in specOf(await must(stage.create(podOf()))) ? true : undefined));
});

async function must(answer: ReturnType<AdmissionStage['create']>): Promise<unknown> {
  const got = await answer;
  if (!got.ok) throw new Error(got.fault.message);
  return got.value;
}

function withoutChance(pod: unknown): unknown {
  return JSON.parse(JSON.stringify(pod).replaceAll(/kube-api-access-\w+/g, 'kube-api-access-X'));
}
