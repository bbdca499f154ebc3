import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION } from '@sidegate/crds';
import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import { guardPolicies } from '../../operator/src/injection/guard-policies.ts';
import { checkInjection } from '../../operator/src/injection/injection-check.ts';
import { mutatingPolicies } from '../../operator/src/injection/mutating-policy.ts';
import type { Pod } from '../../operator/src/kinds.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { AdmissionStage, AGENTS, eventually, type Manifest, SETTINGS } from './admission-stage.ts';
import { AGENT, PODS, podOf } from './pods.ts';

jest.setTimeout(600_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'injection and guards on a real API server: its programs are not built (npm run cluster -- up)',
);

const TEMPLATE = gateTemplate(SETTINGS);
/** Enforces the strictest Pod Security profile and has a LimitRange. */
const STRICT = 'strict';

let stage: AdmissionStage;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await AdmissionStage.start(programs);
  await stage.namespace(STRICT, { [INJECTION_LABEL]: 'enabled', 'pod-security.kubernetes.io/enforce': 'restricted' });
  await stage.serviceAccount(STRICT, 'default');
  await stage.put(`/api/v1/namespaces/${STRICT}/limitranges`, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'limits', namespace: STRICT },
    spec: { limits: [{ type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }] },
  });
  await stage.policies([...mutatingPolicies(), ...guardPolicies()] as readonly Manifest[]);
  for (const namespace of [AGENTS, STRICT]) {
    await becomes(namespace, strict({}, namespace), /^let in$/);
    await becomes(namespace, strict({ hostPID: true }, namespace), /sidegate-pods|PodSecurity/);
  }
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

function strict(spec: object, namespace: string): Manifest {
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  const inPod = { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } };
  const container = { name: 'agent', image: 'agent.test/agent:1', securityContext };
  return podOf({ securityContext: inPod, containers: [container], ...spec }, 'canary', namespace);
}

/** What became of a pod: `let in` when it has its gate. */
async function verdict(pod: Manifest): Promise<string> {
  const answer = await stage.create(pod);
  if (!answer.ok) return answer.fault.message;
  const checked = checkInjection(answer.value as Pod, TEMPLATE);
  return checked.ok ? 'let in' : `let in without its gate: ${checked.fault.message}`;
}

async function becomes(namespace: string, pod: Manifest, pattern: RegExp): Promise<void> {
  let last = '';
  await eventually(
    async () => {
      last = await verdict(pod);
      return pattern.test(last) ? true : undefined;
    },
    () => [namespace, last],
  );
}

describe('every good pod is let in, and its gate passes the release check', () => {
  test.each(Object.entries(PODS))('%s', async (_, spec) => {
    expect(await verdict(podOf(spec))).toBe('let in');
  });
});

test('under the strictest Pod Security profile and a LimitRange as well', async () => {
  const made = await stage.create(strict({ initContainers: [] }, STRICT), { dry: false });
  if (!made.ok) throw new Error(made.fault.message);
  const { spec } = made.value as Pod;
  expect(spec.initContainers?.[0]).toMatchObject({
    name: 'sidegate',
    resources: { limits: { cpu: '1', memory: '512Mi' } },
  });
  expect(spec.containers[0]).toMatchObject({ resources: { limits: { cpu: '1', memory: '1Gi' } } });
  expect(checkInjection(made.value as Pod, TEMPLATE)).toEqual({ ok: true, value: undefined });
});

const volumeOf = (name: string): object => ({ name, emptyDir: {} });

describe('a pod that brings what is ours is refused', () => {
  test.each([
    [
      'a container of our name',
      { containers: [{ ...AGENT, name: 'sidegate' }] },
      /first init container.*must be sidegate/,
    ],
    [
      'an init container of our name',
      { initContainers: [{ ...AGENT, name: 'sidegate' }] },
      /not the one that is injected/,
    ],
    ['a gate with our image', { initContainers: [{ ...TEMPLATE.container, args: [] }] }, /injected: args/],
    ...TEMPLATE.volumes
      .filter(({ name }) => name !== 'sidegate-agent')
      .map(({ name }): [string, object, RegExp] => [
        `a volume ${name}`,
        { volumes: [volumeOf(name)] },
        /not as they are injected/,
      ]),
    [
      'a mount of our state',
      { containers: [{ ...AGENT, volumeMounts: [{ name: 'sidegate-state', mountPath: '/s' }] }] },
      /gate’s alone/,
    ],
    ['a label that says it is done', { containers: [AGENT], hostPID: true }, /hostPID/],
  ] as const)('%s', async (_, spec, shown) => {
    const pod = podOf({ ...spec });
    const marked = { ...pod, metadata: { ...pod.metadata, labels: { 'sidegate.dev/injected': 'true' } } };
    expect(await verdict(marked)).toMatch(shown);
  });
});

const OTHER_BINDINGS = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings';

/** What another product's policy does to pods, once they have their gate: policies run in no known order. */
const INJECTED =
  'object.spec.?initContainers.orValue([]).exists(c, c.name == "sidegate") && !object.spec.containers.exists(c, c.name == "proxy")';

function other(patch: string): readonly Manifest[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: 'zz-other' };
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
  return [
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        matchConstraints: { resourceRules },
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: `${INJECTED} ? [JSONPatch{${patch}}] : []` } }],
      },
    },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata, spec: { policyName: 'zz-other' } },
  ];
}

test('a container that another policy adds is an agent like others', async () => {
  await stage.policies(
    other(
      'op: "add", path: "/spec/containers/-", value: {"name": dyn("proxy"), "image": dyn("proxy.test/proxy:1"), "securityContext": dyn({"runAsUser": dyn(1337)})}',
    ),
  );
  const proxied = await eventually(async () => {
    const answer = await stage.create(podOf());
    const { containers = [] } = answer.ok ? (answer.value as Pod).spec : {};
    return containers.find(({ name }) => name === 'proxy');
  });
  expect(proxied.volumeMounts?.map(({ name }) => name)).toEqual(['sidegate-agent', 'sidegate-trust']);
  expect(await verdict(podOf())).toBe('let in');
});

test.each([
  ['the gate’s image', '"/spec/initContainers/0/image", value: "own.test/gate:1"', /injected: image/],
  ['the gate’s program', '"/spec/initContainers/0/args/1", value: "https://own.test"', /injected: args/],
  ['the agent’s user', '"/spec/containers/0/securityContext/runAsUser", value: 64732', /gate’s own user/],
])('when another policy changes %s the pod is refused', async (_, patch, shown) => {
  await stage.policies(other(`op: "replace", path: ${patch}`));
  await becomes(AGENTS, podOf(), shown);
});

test('a namespace keeps its tokens by annotation, where the settings allow it', async () => {
  await stage.must({ method: 'DELETE', path: `${OTHER_BINDINGS}/zz-other` });
  await becomes(AGENTS, podOf(), /^let in$/);
  const keeps = async (): Promise<boolean | string> => {
    const answer = await stage.create(podOf());
    return answer.ok ? JSON.stringify((answer.value as Pod).spec).includes('kube-api-access-') : answer.fault.message;
  };
  await stage.namespace(AGENTS, { [INJECTION_LABEL]: 'enabled' }, { [KEEP_TOKENS_ANNOTATION]: 'true' });
  expect(await keeps()).toBe(false);
  await stage.settings(SETTINGS, { 'allow-service-account-tokens': 'true' });
  await eventually(async () => ((await keeps()) === true ? true : undefined), keeps);
  await stage.namespace(AGENTS, { [INJECTION_LABEL]: 'enabled' });
  await eventually(async () => ((await keeps()) === false ? true : undefined), keeps);
});
