import { X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import { runProgram } from '../../program.ts';
import { TestTerminal } from '../../testing/test-terminal.ts';
import type { Kubectl, MayCaller } from '../kubectl.ts';
import { checkCommand } from './check.ts';
import { GUARDS, INJECTORS } from './judge-admission.ts';
import { DEFINITIONS } from './judge-operator.ts';
import { ROOT, SERVING } from './testing/certificates.ts';

const NOW_MS = new X509Certificate(SERVING).validFromDate.getTime();
const NAMESPACE = 'sidegate-system';
const IN_GROUP = '.admissionregistration.k8s.io';
const READY = { spec: { replicas: 1 }, status: { readyReplicas: 1, updatedReplicas: 1 } };
const CONDITION = { type: 'Ready', status: 'True' };
const JUDGED = { metadata: { name: 'x', namespace: 'data' }, status: { conditions: [CONDITION] } };

/** Answers by the kind that is asked for, and by the name when several are. */
type Answers = Readonly<Record<string, unknown>>;

const EMPTY: Answers = {
  version: { serverVersion: { major: '1', minor: '36', gitVersion: 'v1.36.3' } },
  '--raw': { resources: ['validating', 'mutating'].map((way) => ({ name: `${way}admissionpolicies` })) },
  nodes: [{ metadata: { name: 'n' }, status: { nodeInfo: { kubeletVersion: 'v1.36.3' } } }],
};

const INSTALLED: Answers = {
  ...EMPTY,
  ...Object.fromEntries(
    DEFINITIONS.map((name) => [
      `definition ${name}`,
      [
        {
          metadata: { name },
          spec: { versions: [{ name: 'v1alpha1', served: true, storage: true }] },
          status: { conditions: [{ type: 'Established', status: 'True' }] },
        },
      ],
    ]),
  ),
  'deployments.apps': [{ metadata: { name: 'sidegate-operator', namespace: NAMESPACE }, ...READY }],
  'statefulsets.apps': [{ metadata: { name: 'sidegate-store' }, ...READY }],
  [`pods in ${NAMESPACE}`]: [
    { metadata: { name: 'o', labels: { 'sidegate.dev/leader': 'true' } }, status: { conditions: [CONDITION] } },
  ],
  configmaps: [
    {
      metadata: { name: 'sidegate-injection' },
      data: {
        image: 'sidegate/gate:1',
        control: 'https://c',
        store: `https://sidegate-store.${NAMESPACE}.svc:8443`,
        'upstream-dns': '10.0.0.10',
        'cluster-domain': 'cluster.local',
        'root.crt': ROOT,
      },
    },
  ],
  secrets: { printed: [Buffer.from(SERVING).toString('base64')] },
  [`validatingadmissionpolicies${IN_GROUP}`]: GUARDS.map((name) => ({ metadata: { name } })),
  [`validatingadmissionpolicybindings${IN_GROUP}`]: bindings(GUARDS),
  [`mutatingadmissionpolicies${IN_GROUP}`]: INJECTORS.map((name) => ({ metadata: { name } })),
  [`mutatingadmissionpolicybindings${IN_GROUP}`]: bindings(INJECTORS),
  [`validatingwebhookconfigurations${IN_GROUP}`]: [
    {
      metadata: { name: 'sidegate-validation' },
      webhooks: [{ clientConfig: { caBundle: 'cm9vdA==', service: { namespace: NAMESPACE } } }],
    },
  ],
  namespaces: [{ metadata: { name: 'agents' } }],
  'pods in agents': [
    {
      metadata: { name: 'bot' },
      spec: { initContainers: [{ name: 'sidegate', restartPolicy: 'Always' }] },
      status: { phase: 'Running', initContainerStatuses: [{ name: 'sidegate', started: true }] },
    },
  ],
  'targets.sidegate.dev': [JUDGED],
  'agentaccesses.sidegate.dev': [JUDGED],
  'policies.sidegate.dev': [JUDGED],
};

test('a cluster without anything of ours can take the chart', async () => {
  const { code, out } = await check(EMPTY, '--pre');
  expect({ code, bad: badLines(out) }).toEqual({ code: 0, bad: [] });
  expect(out).toContain('ok    Kubernetes v1.36.3\n');
});

test('an installation in which all is well has only lines that say ok', async () => {
  const { code, out } = await check(INSTALLED);
  expect({ code, bad: badLines(out) }).toEqual({ code: 0, bad: [] });
  expect(out.split('\n').length).toBeGreaterThan(20);
});

test('an empty cluster is no installation', async () => {
  const { code, out } = await check(EMPTY);
  expect(code).toBe(1);
  expect(badLines(out)).toContain(
    'FAIL  operator: it is not in the namespace sidegate-system; install the chart, or name its namespace with -n',
  );
});

test('a warning alone is no failure', async () => {
  const { code, out } = await check({ ...INSTALLED, namespaces: [] });
  expect({ code, bad: badLines(out) }).toEqual({
    code: 0,
    bad: [expect.stringMatching(/^warn {2}labelled namespaces: .*; kubectl label namespace NAME /u)],
  });
});

test('a namespace that cannot have what egress: Locked needs is told', async () => {
  const [settings] = INSTALLED['configmaps'] as readonly [{ readonly data: object }];
  const data = { ...settings.data, egress: 'Locked', 'lock-image': 'sidegate/lock:1' };
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const { code, out } = await check({
    ...INSTALLED,
    configmaps: [{ ...settings, data }],
    namespaces: [{ metadata: { name: 'agents', labels } }],
  });
  expect({ code, bad: badLines(out) }).toEqual({
    code: 1,
    bad: [
      expect.stringMatching(/^FAIL {2}namespace agents: it enforces the Pod Security level restricted, which refuses/u),
      expect.stringMatching(/^warn {2}namespace agents: egress is open in 1 of 1 pods: bot; make them again/u),
    ],
  });
});

test('every right that is missing before the installation is told', async () => {
  const { code, out } = await check(EMPTY, '--pre', '!clusterroles.rbac.authorization.k8s.io');
  expect({ code, bad: badLines(out) }).toEqual({
    code: 1,
    bad: [expect.stringContaining('you may not create clusterroles.rbac.authorization.k8s.io;')],
  });
});

test.each(Object.keys(INSTALLED).filter((kind) => kind !== 'nodes'))('what cannot be read fails: %s', async (kind) => {
  const { code, out } = await check({ ...INSTALLED, [kind]: undefined });
  expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('FAIL  ') });
  expect(out).toContain('forbidden');
});

test('without an API server nothing else is asked', async () => {
  const { code, out, asked } = await check({}, '--context', 'prod');
  expect({ code, out, asked }).toEqual({
    code: 1,
    out: 'FAIL  API server: forbidden; look at --kubeconfig and --context\n',
    asked: ['version --output=json --context=prod'],
  });
});

test('the private key of a Secret is not asked for', async () => {
  const { asked } = await check(INSTALLED);
  const secrets = asked.filter((one) => one.includes('secrets'));
  expect(secrets).toHaveLength(2);
  expect(secrets.every((one) => one.endsWith('{.items[*].data.tls\\.crt}'))).toBe(true);
});

test('as JSON each check is an object', async () => {
  const { out } = await check(EMPTY, '--json');
  const [first, , third] = out.split('\n').map((line) => (line === '' ? undefined : JSON.parse(line)));
  expect(first).toEqual({ kind: 'Check', level: 'ok', what: 'kubectl reaches the API server' });
  expect(third).toMatchObject({ kind: 'Check', level: 'fail', why: 'it is missing', mend: expect.any(String) });
});

test('what the cluster says cannot move the cursor', async () => {
  const conditions = [{ type: 'Ready', status: 'False', message: 'a\u001b[2Jb\nok    c' }];
  const { out } = await check({ ...INSTALLED, 'targets.sidegate.dev': [{ ...JUDGED, status: { conditions } }] });
  expect(out).toContain('FAIL  Target data/x: a\\x1b[2Jb ok    c;');
});

/** Parameters that begin with `!` are rights that the caller has not. */
async function check(answers: Answers, ...parameters: readonly string[]) {
  const asked: string[] = [];
  const kubectl: Kubectl = async (given) => {
    asked.push(given.join(' '));
    const answer = answerOf(answers, given);
    return answer === undefined ? fail({ code: 'KubectlFailed', message: 'forbidden' }) : ok(answer);
  };
  const denied = parameters.filter((one) => one.startsWith('!')).map((one) => one.slice(1));
  const mayCaller: MayCaller = async ([, resource = '']) => ok(!denied.includes(resource));
  const terminal = new TestTerminal();
  const words = ['check', ...parameters.filter((one) => !one.startsWith('!'))];
  const code = await runProgram([checkCommand(kubectl, mayCaller, () => NOW_MS)], words, terminal);
  return { code, out: terminal.written, asked };
}

function answerOf(answers: Answers, given: readonly string[]): unknown {
  const [verb = '', kind = ''] = given;
  if (verb === 'version' || kind === '--raw') return answers[verb === 'version' ? verb : kind];
  const valueOf = (flag: string): string =>
    given.find((one) => one.startsWith(`${flag}=`))?.slice(flag.length + 1) ?? '';
  const key = kind.startsWith('customresourcedefinitions.')
    ? valueOf('--field-selector').replace('metadata.name=', 'definition ')
    : kind === 'pods'
      ? `pods in ${valueOf('--namespace')}`
      : kind;
  const answer = key in answers ? answers[key] : [];
  if (answer === undefined) return undefined;
  return kind === 'secrets' ? ((answer as { printed?: unknown }).printed ?? []) : { items: answer };
}

function badLines(out: string): readonly string[] {
  return out.split('\n').filter((line) => line !== '' && !line.startsWith('ok    '));
}

function bindings(names: readonly string[]) {
  return names.map((name) => ({
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], paramRef: { namespace: NAMESPACE } },
  }));
}
