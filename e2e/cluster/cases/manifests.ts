import { readFileSync } from 'node:fs';
import { ACCESS_CASES, POLICY_CASES, TARGET_CASES } from '../../../crds/src/fixture/schema-cases.ts';
import { findGo } from '../../support/go.ts';
import { type ClusterCase, must } from '../case.ts';
import { MANIFEST } from '../chart-files.ts';
import { GOLDENS } from '../chart-goldens.ts';
import type { Ended } from '../cluster.ts';
import { type Stage, SYSTEM } from '../cluster-stage.ts';
import { OTHER_DEFINITIONS, otherDefinitions } from '../other-definitions.ts';

/** Where manifests are tried, so that what is installed does not stand in their way. */
const TRIED = 'sidegate-tried';
const EXAMPLES = ['namespaces', 'target', 'access', 'policy', 'approvers', 'agent'];

/** What the API server itself says of manifests, and of resources that are wrong. */
export const MANIFEST_CASES: readonly ClusterCase[] = [
  {
    name: 'manifests',
    what: 'the API server takes every manifest of the chart, with each set of values, deploy/ and the examples by its own schemas, field by field',
    // Its service account must be there before an example's pod is looked at.
    needs: ['injected'],
    skip: () => (findGo() === undefined ? 'Go fetches the definitions of others, and there is none' : undefined),
    run: async (stage) => {
      await stage.cluster.apply(`apiVersion: v1\nkind: Namespace\nmetadata: {name: ${TRIED}}`);
      await stage.cluster.apply(otherDefinitions(), '--server-side');
      try {
        for (const name of OTHER_DEFINITIONS)
          await stage.cluster.wait('default', `crd/${name}`, 'condition=Established');
        await takesAll(stage);
      } finally {
        await stage.cluster.kubectl('delete', 'namespace', TRIED, '--wait=false');
        await stage.cluster.kubectl('delete', 'crd', ...OTHER_DEFINITIONS);
      }
    },
  },
  {
    name: 'invalid-resources',
    what: 'what is wrong in a Target, AgentAccess or Policy is refused when it is applied, with the field and the mend; its neighbour that is right is taken',
    needs: ['resources'],
    run: async (stage) => {
      for (const [refused, line, allowed] of [...TARGET_CASES, ...ACCESS_CASES, ...POLICY_CASES]) {
        const tried = await dryRun(stage, JSON.stringify(refused));
        must(tried.code !== 0, `it was taken, and should not have been: ${line}`, tried);
        const [field, mend] = expected(line);
        must(tried.stderr.includes(field) && tried.stderr.includes(mend), `${line}\nis not said in`, tried.stderr);
        const taken = await dryRun(stage, JSON.stringify(allowed));
        must(taken.code === 0, `the neighbour of this is refused: ${line}`, taken.stderr);
      }
      for (const { manifest, says } of JUDGED) {
        const tried = await dryRun(stage, manifest);
        must(tried.code !== 0, 'it was taken, and should not have been', manifest);
        must(says.test(tried.stderr), `${String(says)} is not said in`, tried.stderr);
      }
    },
  },
  {
    name: 'closed-target',
    what: 'an AgentAccess that names a Target it may not use says so in its condition and opens nothing',
    needs: ['injected'],
    run: closedTarget,
  },
];

/** What no schema can say: the webhook refuses it. */
const JUDGED: readonly { readonly manifest: string; readonly says: RegExp }[] = [
  { manifest: policy(`when: 'identity.subject =='`), says: /spec\.rules\[0\]\.when/ },
  { manifest: policy(`when: 'nobody.x == 1'`), says: /spec\.rules\[0\]\.when.*nobody/s },
  {
    manifest: policy('match: {postgres: {statements: [DELTE]}}'),
    says: /statements\[0\].*no statement "DELTE". Write its first word/s,
  },
  { manifest: policy('match: {postgres: {tables: [{name: orders}]}}'), says: /tables\[0\]\.name/ },
  {
    manifest: `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: beside, namespace: agents}
spec: {protocol: Redis, host: a.b, port: 1, credential: {secretRef: {name: c}}}`,
    says: /metadata\.namespace.*Put Target and Secret into a namespace without agents/s,
  },
];

function policy(field: string): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: tried, namespace: data}
spec: {rules: [{name: r, action: Deny, ${field}}]}`;
}

function dryRun(stage: Stage, manifest: string, ...flags: readonly string[]): Promise<Ended> {
  return stage.cluster.try(['apply', '--dry-run=server', '--validate=strict', '-f', '-', ...flags], manifest);
}

/** What the API server must say of what a validator of ours says in this line: the field, and for a rule of ours its whole sentence. */
function expected(line: string): readonly [field: string, mend: string] {
  const [, code = '', field = '', sentence = ''] = /^(\w+) ([\w.[\]]+): (.*)$/s.exec(line) ?? [];
  switch (code) {
    case 'RuleBroken':
      return [field, sentence];
    case 'DuplicateEntry':
      return [field.replace(/\.name$/, ''), 'Duplicate value'];
    default:
      return [field, ''];
  }
}

/** What Helm installed has the same names where they are the cluster's. */
const OVER = ['--server-side', '--force-conflicts'] as const;

async function takesAll(stage: Stage): Promise<void> {
  const made = GOLDENS.map(({ name, settings, byPolicy }) => ({
    name: `the chart with the values "${name}"`,
    manifest: stage.render(settings, byPolicy),
  }));
  const examples = EXAMPLES.map((name) => ({
    name: `examples/kubernetes/${name}.yaml`,
    manifest: stage.example(name),
  }));
  const all = [...made, { name: 'deploy/sidegate.yaml', manifest: readFileSync(MANIFEST, 'utf8') }, ...examples];
  for (const { name, manifest } of all) {
    const tried = await dryRun(stage, elsewhere(manifest), ...OVER);
    must(tried.code === 0, `${name} is not taken`, tried.stderr);
  }
  const [plain] = made;
  const misspelt = elsewhere(plain?.manifest ?? '').replace('topologySpreadConstraints:', 'topologySpredConstraints:');
  const tried = await dryRun(stage, misspelt, ...OVER);
  must(tried.stderr.includes('topologySpredConstraints'), 'a misspelt field is taken', tried);
}

function elsewhere(manifest: string): string {
  return manifest.replaceAll(SYSTEM, TRIED);
}

/** A Target whose owner lets in no namespace but its own, named by an AgentAccess of `agents`; then its owner lets it in. */
async function closedTarget(stage: Stage): Promise<void> {
  const target = stage.example('target').replaceAll('orders-db', 'closed-db');
  const closed = target.replace(
    /allowedNamespaces:[\s\S]*?\n {2}default/,
    'allowedNamespaces: {from: Same}\n  default',
  );
  const access = stage.example('access').replace('name: support-bot', 'name: too-far');
  const service = `apiVersion: v1
kind: Service
metadata: {name: closed-db, namespace: data}
spec: {selector: {app: orders-db}, ports: [{port: 5432}]}`;
  const query = ['psql', '-qAt', '-h', 'closed-db.data.svc', '-c', 'SELECT 4715 AS closed'];
  try {
    for (const one of [service, closed, access.replace('name: orders-db', 'name: closed-db')])
      await stage.cluster.apply(one);
    await stage.ready('target', 'closed-db', 'data');
    const said = await stage.cluster.until('its condition says so', async () => {
      const path = '{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}';
      const text = await stage.cluster.value('agentaccess', 'too-far', 'agents', path);
      return text.includes('Accepted=False NamespaceNotAllowed') ? text : undefined;
    });
    must(said.includes('Target data/closed-db') && said.includes('allowedNamespaces'), 'no mend is said', said);
    const tried = await stage.agent(query);
    must(tried.code !== 0, 'the agent reaches it', tried);
    must(!(await stage.postgresLog()).includes('4715'), 'the server saw it');
    must((await stage.psql('SELECT 1 FROM orders LIMIT 1')).code === 0, 'its own Target is closed as well');
    await stage.cluster.apply(target);
    await stage.cluster.until('the agent reaches what its owner opened', async () =>
      (await stage.agent(query)).code === 0 ? true : undefined,
    );
  } finally {
    const made = [
      'agentaccess/too-far -n agents',
      'target/closed-db -n data',
      'secret/closed-db-login -n data',
      'service/closed-db -n data',
    ];
    for (const one of made) await stage.cluster.kubectl('delete', '--ignore-not-found', ...one.split(' '));
  }
}
