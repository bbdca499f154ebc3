import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { COMMANDS } from '../../cli/src/commands.ts';
import { CHART, DEFINITIONS, MANIFEST, manifest, renderChart } from './chart-files.ts';
import { GOLDENS, goldenFile, goldenOf } from './chart-goldens.ts';
import { builtHelm } from './programs.ts';

const helm = builtHelm();
// Without Go there is no Helm here; the files themselves are still compared.
const withHelm = helm === undefined ? test.skip : test;

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
}

function objectsOf(text: string): readonly Rendered[] {
  const objects: unknown[] = parseAllDocuments(text).map((one) => one.toJS({ maxAliasCount: 100 }));
  return objects.filter((one): one is Rendered => typeof one === 'object' && one !== null);
}

function namesOf(objects: readonly Rendered[], kind: string): readonly string[] {
  return objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
}

test.each(DEFINITIONS)('the chart brings the definition $source as it is', ({ source, copy }) => {
  expect(readFileSync(copy, 'utf8')).toBe(readFileSync(source, 'utf8'));
});

test('the notes name no command that there is not', () => {
  const notes = readFileSync(join(CHART, 'templates', 'NOTES.txt'), 'utf8');
  const named = [...notes.matchAll(/(?:kubectl|--) sidegate (\w+)/g)].map(([, name]) => name);
  expect(named).toContain('sessions');
  expect(COMMANDS.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
});

withHelm('helm finds nothing wrong', () => {
  const { status, stdout } = spawnSync(helm ?? '', ['lint', '--strict', CHART], { encoding: 'utf8' });
  expect(stdout).toContain('0 chart(s) failed');
  expect(status).toBe(0);
});

withHelm('the plain manifest is what the chart makes', () => {
  expect(existsSync(MANIFEST) && readFileSync(MANIFEST, 'utf8')).toBe(manifest(helm ?? ''));
});

// Refreshed by `node e2e/cluster/chart-files.ts`.
withHelm.each(GOLDENS)('what the chart makes with other values is as it was: $name', (golden) => {
  const made = renderChart(helm ?? '', golden.settings, golden.byPolicy);
  expect(goldenOf(golden, renderChart(helm ?? ''), made)).toBe(readFileSync(goldenFile(golden.name), 'utf8'));
});

withHelm('a webhook by choice is the webhook of a cluster without policies', () => {
  const byChoice = renderChart(helm ?? '', ['injection.mode=Webhook']);
  expect(byChoice).toBe(renderChart(helm ?? '', [], false));
  expect(byChoice).not.toBe(renderChart(helm ?? ''));
});

withHelm('large numbers of a values file reach the programs in digits', () => {
  const values =
    'operator: {staleAfterSeconds: 1000000, failClosedAfterSeconds: 2592000}\nstore: {maxAgeDays: 1000000}\n';
  const made = renderChart(helm ?? '', [], true, values);
  expect(made).toContain('--stale-after=1000000\n');
  expect(made).toContain('--fail-closed-after=2592000\n');
  expect(made).toContain('--max-age-days=1000000\n');
  expect(renderChart(helm ?? '', [], true, 'store: {maxAgeDays: 0.5}\n')).toContain('--max-age-days=0.5\n');
});

withHelm('a store that is not of the chart raises no alarm of the chart', () => {
  const here = renderChart(helm ?? '', ['monitoring.enabled=true']);
  const elsewhere = ['monitoring.enabled=true', 'store.enabled=false', 'store.url=https://store.example.com'];
  expect(here).toContain('SidegateStoreDown');
  expect(renderChart(helm ?? '', elsewhere)).not.toContain('SidegateStoreDown');
});

withHelm('pods get their gate by a policy where the cluster has it, else by a webhook', () => {
  const byPolicy = objectsOf(renderChart(helm ?? ''));
  expect(namesOf(byPolicy, 'MutatingAdmissionPolicy')).toContain('sidegate-inject');
  expect(namesOf(byPolicy, 'MutatingWebhookConfiguration')).toEqual([]);
  const byWebhook = objectsOf(renderChart(helm ?? '', [], false));
  expect(namesOf(byWebhook, 'MutatingAdmissionPolicy')).toEqual([]);
  expect(namesOf(byWebhook, 'MutatingWebhookConfiguration')).toEqual(['sidegate-injection']);
});

withHelm('resource definitions stay when the chart goes, unless told otherwise', () => {
  const kept = (settings: readonly string[]): readonly (string | undefined)[] =>
    objectsOf(renderChart(helm ?? '', settings))
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy']);
  expect(kept([])).toEqual(['keep', 'keep', 'keep', 'keep']);
  expect(kept(['crds.keep=false'])).toEqual([undefined, undefined, undefined, undefined]);
  expect(kept(['crds.enabled=false'])).toEqual([]);
});

withHelm('every pod of ours works under Pod Security "restricted"', () => {
  const pods = objectsOf(renderChart(helm ?? '')).filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
  expect(pods.map(({ metadata }) => metadata.name)).toEqual(['sidegate-operator', 'sidegate-store']);
  for (const { spec } of pods) {
    expect(spec).toMatchObject({
      template: {
        spec: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    });
  }
});

withHelm.each([
  ['an unknown value', 'opertor.replicas=3'],
  ['a mode that there is not', 'injection.mode=Maybe'],
  ['replicas that are no number', 'operator.replicas=many'],
  ['a name server that is no address', 'injection.upstreamDns={one.example}'],
  ['an egress that there is not', 'injection.egress=Shut'],
  ['an address that is no network', 'injection.egressAllowedCIDRs={10.0.0.1}'],
  ['a name that is no network', 'injection.egressAllowedCIDRs={one.example/8}'],
])('%s is refused', (_, setting) => {
  expect(() => renderChart(helm ?? '', [setting])).toThrow('values don');
});
