import type { Fault, Policy, Snapshot, Target } from '@sidegate/crds';
import { nameOf } from '../object-name.ts';

/** A table or column that a Policy names, and the rule or mask that does. */
export interface NamedColumn {
  /** `schema.table` or `schema.table.column`; the schema may be `*`. */
  readonly name: string;
  readonly fault: Fault<'NameMatchesNothing'>;
}

const TABLE = /^(?:\*|[^.*]+)\.[^.*]+$/;
const COLUMN = /^(?:\*|[^.*]+)\.[^.*]+\.[^*]+$/;

/**
 * What Policies name for a Target and its server must have, or a rule or mask is misspelt and would silently bind nothing. Nothing is said of
 * patterns, which may wait for what is to come, nor where another Target or database may have it.
 */
export function namedFor(target: Target, snapshot: Snapshot): readonly NamedColumn[] {
  const { protocol, postgres } = target.spec;
  const [database, ...others] = postgres?.databases ?? [];
  if (protocol !== 'Postgres' || database === undefined || others.length > 0) return [];
  const { policies, targets } = snapshot.resources;
  const rivals = targets.filter((one) => one.spec.protocol === 'Postgres' && one !== target);
  const found = policies
    .filter((policy) => speaksFor(policy, target, snapshot) && !rivals.some((one) => speaksFor(policy, one, snapshot)))
    .flatMap(namesIn);
  return found.map(({ name, rule, effect }) => ({
    name,
    fault: {
      code: 'NameMatchesNothing',
      message: `${rule} names ${name}, which is not in the database ${database} of the Target ${nameOf(target)}: it ${effect} nothing.`,
      mend: 'Correct the name, unless it is for what is yet to come.',
    },
  }));
}

/** Whether a Policy binds some sessions to a Target, as far as its namespace and the names in its selector go. */
function speaksFor({ metadata, spec }: Policy, target: Target, { resources, operatorNamespace }: Snapshot): boolean {
  const { namespace = 'default' } = metadata;
  const leads = (own: string, to: { readonly namespace?: string; readonly name: string }): boolean =>
    `${to.namespace ?? own}/${to.name}` === nameOf(target);
  const heard =
    namespace === operatorNamespace ||
    namespace === (target.metadata.namespace ?? 'default') ||
    resources.accesses.some(({ metadata: { namespace: own = 'default' }, spec: { targetRefs } }) => {
      return namespace === own && targetRefs.some((reference) => leads(own, reference));
    });
  const selected = spec.selector?.targetRefs;
  return heard && (selected === undefined || selected.some((reference) => leads(namespace, reference)));
}

interface Name {
  readonly name: string;
  readonly rule: string;
  readonly effect: 'masks' | 'matches';
}

function namesIn({ metadata: { namespace = 'default', name: policy }, spec }: Policy): readonly Name[] {
  const masks = (spec.masks ?? []).flatMap(({ name, columns = [] }) =>
    columns
      .filter((column) => COLUMN.test(column))
      .map((column) => ({ name: column, rule: name, effect: 'masks' as const })),
  );
  const rules = (spec.rules ?? []).flatMap(({ name, match }) =>
    (match?.postgres?.tables ?? [])
      .filter((table) => TABLE.test(table.name))
      .map((table) => ({ name: table.name, rule: name, effect: 'matches' as const })),
  );
  return [...masks, ...rules].map((one) => ({ ...one, rule: `${namespace}/${policy}/${one.rule}` }));
}
