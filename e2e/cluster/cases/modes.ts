import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { makeCertificates } from '../../support/certificates.ts';
import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { bindsNewRule, isRecorded, masks, takeAway } from './disturbance.ts';

/** Other ways to install. Each puts the plain installation back. */
export const MODE_CASES: readonly ClusterCase[] = [
  {
    name: 'webhook-mode',
    what: 'with injection by webhook a pod is what it is by policy, the guards hold, and without an operator no pod of a labelled namespace is made',
    needs: ['injected'],
    run: async (stage) => {
      const byPolicy = await specOf(stage, AGENT);
      await stage.install('injection.mode=Webhook');
      try {
        await byWebhook(stage, byPolicy);
      } finally {
        await stage.cluster.kubectl('scale', 'deployment', 'sidegate-operator', '-n', SYSTEM, '--replicas=2');
        await stage.install();
        await untilInjected(stage, 'by-policy');
        // Made under other rules, it would count as a pod without a proper gate.
        for (const pod of ['hooked-bot', 'by-policy']) await stage.deletePod(pod, 'agents', '--wait=false');
      }
    },
  },
  {
    name: 'existing-certificates',
    what: 'with Secrets that somebody else made the operator makes no certificate, spreads their root, and pods work under it',
    needs: ['injected'],
    run: async (stage) => {
      await stage.deletePod(AGENT);
      await stage.helm('uninstall', 'sidegate', '--wait');
      await stage.cluster.kubectl(
        'delete',
        'secret',
        '-n',
        SYSTEM,
        'sidegate-root',
        ...SERVERS.map(({ secret }) => secret),
      );
      const folder = mkdtempSync(join(tmpdir(), 'sidegate-certificates-'));
      try {
        const authority = await giveSecrets(stage, folder);
        await stage.install('certificates.source=Existing');
        await stage.cluster.until('the root is spread', async () =>
          (await rootOf(stage)) === authority ? true : undefined,
        );
        await untilInjected(stage, AGENT);
        must(await masks(stage), 'a pod does not work');
        await isRecorded(stage, 'under_their_root');
        await bindsNewRule(stage);
        const root = await stage.cluster.try(['get', 'secret', 'sidegate-root', '-n', SYSTEM]);
        must(root.code !== 0, 'the operator made a root of its own');
      } finally {
        rmSync(folder, { recursive: true });
        await stage.deletePod(AGENT);
        await stage.helm('uninstall', 'sidegate', '--wait');
        await stage.cluster.kubectl('delete', 'secret', '-n', SYSTEM, ...SERVERS.map(({ secret }) => secret));
        await stage.install();
        await untilInjected(stage, AGENT);
      }
    },
  },
];

const SERVERS = [
  { secret: 'sidegate-operator-tls', services: ['sidegate-operator', 'sidegate-webhook'] },
  { secret: 'sidegate-store-tls', services: ['sidegate-store'] },
] as const;

/** What Pod Security lets pass and the guards do not. */
const REFUSED: readonly (readonly [what: string, from: string, to: string, says: RegExp])[] = [
  ['the gate’s user', 'runAsUser: 1000', 'runAsUser: 64732', /gate[’']s own user/],
  ['one process namespace', '  containers:', '  shareProcessNamespace: true\n  containers:', /shareProcessNamespace/],
  [
    'a gate of the pod’s own',
    '- name: agent',
    '- name: sidegate',
    /(?:must not bring a container|container.*sidegate|sidegate.*container)/i,
  ],
];

async function byWebhook(stage: Stage, byPolicy: object): Promise<void> {
  const policies = await stage.cluster.kubectl('get', 'mutatingadmissionpolicies', '-o', 'name');
  must(!policies.includes('sidegate-inject'), 'the policy is still there', policies);
  await untilInjected(stage, 'hooked-bot');
  const made = await specOf(stage, 'hooked-bot');
  must(
    isDeepStrictEqual(made, byPolicy),
    'the pod is another one',
    `${JSON.stringify(made)}\n${JSON.stringify(byPolicy)}`,
  );
  must(await masks(stage, 'hooked-bot'), 'the pod does not work');
  const hook = await stage.cluster.try(['get', 'mutatingwebhookconfiguration', 'sidegate-injection', '-o', 'json']);
  must(hook.stdout.includes('"failurePolicy": "Fail"'), 'the webhook does not fail closed', hook.stdout);
  for (const [what, from, to, says] of REFUSED) {
    const manifest = podNamed(stage, 'refused-bot').replace(from, to);
    const tried = await stage.cluster.try(['apply', '-f', '-'], manifest);
    must(tried.code !== 0 && says.test(tried.stderr), `${what} is let in`, tried);
  }
  await takeAway(stage, 'deployment', 'operator');
  const late = podNamed(stage, 'late-bot');
  const refused = await stage.cluster.try(['apply', '-f', '-'], late);
  must(
    refused.code !== 0 && refused.stderr.includes('injection.sidegate.dev'),
    'a pod is made without its gate',
    refused,
  );
  must(await masks(stage, 'hooked-bot'), 'the pod that runs does not work');
  const free = late.replace('namespace: agents', 'namespace: default').replace('serviceAccountName: support-bot', '');
  await stage.cluster.apply(free);
  await stage.deletePod('late-bot', 'default', '--wait=false');
}

function podNamed(stage: Stage, pod: string): string {
  const [, manifest = ''] = stage.example('agent').split('\n---\n');
  return manifest.replace('  name: support-bot\n', `  name: ${pod}\n`);
}

/** Starts a pod until it has its gate: what was installed is in force a moment later. */
async function untilInjected(stage: Stage, pod: string): Promise<void> {
  await stage.deletePod(pod);
  await stage.cluster.until(`${pod} gets its gate`, async () => {
    await stage.startAgent(pod);
    if ((await stage.cluster.value('pod', pod, 'agents', '{.spec.initContainers[0].name}')) === 'sidegate') return true;
    await stage.deletePod(pod, 'agents', '--grace-period=0', '--force');
    return undefined;
  });
}

async function specOf(stage: Stage, pod: string): Promise<object> {
  const { spec } = await stage.cluster.get('pod', pod, 'agents');
  return Object(JSON.parse(JSON.stringify(spec).replaceAll(/kube-api-access-\w+/g, 'kube-api-access')));
}

function rootOf(stage: Stage): Promise<string> {
  return stage.cluster.value('configmap', 'sidegate-injection', SYSTEM, '{.data.root\\.crt}');
}

/** Makes the Secrets as cert-manager would, of one authority. */
async function giveSecrets(stage: Stage, folder: string): Promise<string> {
  const services = SERVERS.flatMap((one) => one.services.map((service) => `${service}.${SYSTEM}.svc`));
  const names = services.flatMap((name) => [name, `${name}.cluster.local`]);
  const { authority, certificate, key } = makeCertificates(folder, names);
  for (const { secret } of SERVERS) {
    const data = { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authority };
    const metadata = { name: secret, namespace: SYSTEM };
    await stage.cluster.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData: data }),
    );
  }
  return authority;
}
