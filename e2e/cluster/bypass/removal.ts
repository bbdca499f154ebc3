import { APPROVAL_GUARD_POLICIES } from '../../../operator/src/approvals/approval-guards.ts';
import { GUARD_POLICIES } from '../../../operator/src/injection/guard-policies.ts';
import type { Guard } from './attempt.ts';
import type { Fields, Ground } from './ground.ts';
import { making, podOf } from './pods.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const POLICIES = `${REGISTRATION}/validatingadmissionpolicies`;

interface PolicySpec {
  readonly validations: readonly { readonly expression: string }[];
  readonly matchConstraints: { readonly resourceRules: readonly { readonly resources: readonly string[] }[] };
}

interface GuardClauses {
  readonly name: string;
  readonly clauses: readonly { readonly id: string; readonly expression: string }[];
}

/**
 * Takes clauses (`policy/clause`) or resources (`policy@resource`) out of the ValidatingAdmissionPolicies that are there, and leaves the rest
 * of them in force. Throws when one is not there.
 */
export function withoutClauses(...names: readonly string[]): Guard {
  return {
    what: names.join(' and '),
    take: async (ground) => {
      await using taken = new AsyncDisposableStack();
      for (const policy of new Set(names.map((name) => name.split(/[/@]/)[0] ?? ''))) {
        const path = `${POLICIES}/${policy}`;
        const whole = await written(ground, path);
        const mine = names.filter((name) => name.split(/[/@]/)[0] === policy);
        taken.defer(() => write(ground, path, whole));
        await write(ground, path, { ...whole, spec: lessened(Object(whole['spec']), policy, mine) });
      }
      return taken.move();
    },
  };
}

interface Kept extends Fields {
  readonly metadata: Fields;
}

/** The object as somebody would write it. */
async function written(ground: Ground, path: string): Promise<Kept> {
  const found: Fields = Object(await ground.must({ path }));
  const { name, namespace, labels, annotations }: Fields = Object(found['metadata']);
  const { apiVersion, kind, spec } = found;
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec };
}

/** Writes it as Helm does, whose every field is its own: fields of another's would be in the way of the next upgrade. */
async function write(ground: Ground, path: string, body: Fields): Promise<void> {
  const query = { fieldManager: 'helm', force: 'true' };
  await ground.must({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body });
}

function lessened(spec: PolicySpec, policy: string, names: readonly string[]): PolicySpec {
  const resources = names.filter((name) => name.startsWith(`${policy}@`)).map((name) => name.split('@')[1]);
  const expressions = names
    .filter((name) => name.startsWith(`${policy}/`))
    .map((name) => expressionOf(policy, name.split('/')[1] ?? ''));
  for (const expression of expressions)
    if (!spec.validations.some((one) => one.expression === expression))
      throw new Error(`${policy} of the cluster has no clause ${expression}`);
  const validations = spec.validations.filter(({ expression }) => !expressions.includes(expression));
  const resourceRules = spec.matchConstraints.resourceRules.map((rule) => ({
    ...rule,
    resources: rule.resources.filter((one) => !resources.includes(one)),
  }));
  return {
    ...spec,
    // One that always holds: a policy without clauses is refused.
    validations: validations.length === 0 ? [{ expression: 'true' }] : validations,
    matchConstraints: { ...spec.matchConstraints, resourceRules },
  };
}

function expressionOf(policy: string, id: string): string {
  const policies: readonly GuardClauses[] = [...GUARD_POLICIES, ...APPROVAL_GUARD_POLICIES];
  const clause = policies.find(({ name }) => name === policy)?.clauses.find((one) => one.id === id);
  if (clause === undefined) throw new Error(`there is no clause ${policy}/${id}`);
  return clause.expression;
}

/** Deletes objects by path and makes them again. `what`: a phrase. */
export function withoutObjects(what: string, ...paths: readonly string[]): Guard {
  return {
    what,
    take: async (ground) => {
      await using taken = new AsyncDisposableStack();
      for (const path of paths) {
        const whole = await written(ground, path);
        taken.defer(() => write(ground, path, whole));
        await ground.must({ method: 'DELETE', path });
      }
      return taken.move();
    },
  };
}

/** Takes the bindings of guards away, and with them every clause, or what puts the gate in. When they are back they are in force. */
export function withoutBindings(...names: readonly string[]): Guard {
  const paths = names.map((name) => {
    const kind = name.startsWith('sidegate-inject') ? 'mutating' : 'validating';
    return `${REGISTRATION}/${kind}admissionpolicybindings/${name}`;
  });
  const { what, take } = withoutObjects(`the bindings of ${names.join(' and ')}`, ...paths);
  return {
    what,
    take: async (ground) => {
      await using taken = new AsyncDisposableStack();
      taken.defer(() => inForce(ground));
      taken.use(await take(ground));
      return taken.move();
    },
  };
}

/** Resolves when new pods are injected and judged. */
async function inForce(ground: Ground): Promise<void> {
  const { cluster } = ground.stage;
  await cluster.until('pods are judged again', async () =>
    (await ground.asks(making(podOf({ hostPID: true })))).succeeded ? undefined : true,
  );
  await cluster.until('pods get their gate again', async () => {
    const { spec }: { spec: { initContainers?: readonly Fields[] } } = Object(await ground.must(making(podOf())));
    return spec.initContainers?.[0]?.['name'] === 'sidegate' ? true : undefined;
  });
}

/** Lets a credential be sent to other hosts than its owner named. */
export function withSecretHosts(secret: string, hosts: string): Guard {
  return {
    what: 'that the Secret names this host only',
    take: async (ground) => {
      const path = `/api/v1/namespaces/data/secrets/${secret}`;
      const { data }: { data: Readonly<Record<string, string>> } = Object(await ground.must({ path }));
      const name = async (value: string | undefined): Promise<void> => {
        const contentType = 'application/merge-patch+json';
        await ground.must({ method: 'PATCH', path, contentType, body: { data: { hosts: value } } });
      };
      await name(Buffer.from(hosts).toString('base64'));
      return { [Symbol.asyncDispose]: () => name(data['hosts']) };
    },
  };
}
