import { type LabelSelector, NAMESPACE_NAME_LABEL, selectorMatches, suggest, type Target } from '@sidegate/crds';
import { type FileFault, faultAt, type Located, placeOf } from './file-fault.ts';
import { type FolderContent, fullName } from './folder-content.ts';
import { idlePolicies } from './idle-policies.ts';

/** Where a reference to a Target leads; undefined when no such Target is there. */
export function findTarget(
  content: FolderContent,
  reference: { readonly namespace?: string; readonly name: string },
  ownNamespace: string,
): Located<Target> | undefined {
  const namespace = reference.namespace ?? ownNamespace;
  return content.targets.find(({ value: { metadata } }) => {
    return metadata.name === reference.name && (metadata.namespace ?? 'default') === namespace;
  });
}

/** Faults between objects: what names another that is not there, or stands in its way. */
export function checkReferences(content: FolderContent): readonly FileFault[] {
  return [
    ...conflicts(content.targets),
    ...agentsBesideTargets(content),
    ...content.accesses.flatMap(({ value, origin }) => {
      const own = value.metadata.namespace ?? 'default';
      return value.spec.targetRefs.flatMap((reference, index) => {
        const path = ['spec', 'targetRefs', index] as const;
        const target = findTarget(content, reference, own);
        if (target === undefined) return missingTarget(content, reference, own, { value, origin }, [...path, 'name']);
        if (admits(target.value, own, content)) return [];
        const message = `${fullName(target.value)} does not admit the namespace ${own}.`;
        const mend = `Its owner may widen allowedNamespaces, at ${placeOf(target.origin, ['spec', 'allowedNamespaces'])}.`;
        return faultAt('NamespaceNotAllowed', origin, path, message, mend);
      });
    }),
    ...content.policies.flatMap(({ value, origin }) => {
      const own = value.metadata.namespace ?? 'default';
      return (value.spec.selector?.targetRefs ?? []).flatMap((reference, index) => {
        if (findTarget(content, reference, own) !== undefined) return [];
        const path = ['spec', 'selector', 'targetRefs', index, 'name'];
        return missingTarget(content, reference, own, { value, origin }, path);
      });
    }),
    ...idlePolicies(content),
    ...missingIssuers(content),
  ];
}

function missingTarget(
  content: FolderContent,
  reference: { readonly namespace?: string; readonly name: string },
  ownNamespace: string,
  { origin }: Located<unknown>,
  path: readonly (string | number)[],
): readonly FileFault[] {
  const name = `${reference.namespace ?? ownNamespace}/${reference.name}`;
  if (content.malformed.has(`Target ${name}`)) return [];
  const known = content.targets.map(({ value }) => fullName(value).replace('Target ', ''));
  const near = known.find((one) => one.endsWith(`/${reference.name}`)) ?? suggest(name, known);
  const mend = near === undefined ? `Targets here: ${known.join(', ') || 'none'}.` : `Did you mean ${near}?`;
  return [faultAt('MissingTarget', origin, path, `There is no Target ${name}.`, mend)];
}

function conflicts(targets: readonly Located<Target>[]): readonly FileFault[] {
  const first = new Map<string, Located<Target>>();
  return targets.flatMap((target) => {
    const { host, port } = target.value.spec;
    const before = first.get(`${host}:${port}`);
    if (before === undefined) {
      first.set(`${host}:${port}`, target);
      return [];
    }
    const place = placeOf(before.origin, ['spec', 'host']);
    const message = `${host}:${port} already stands in ${fullName(before.value)}, at ${place}.`;
    const mend = 'One host and port may stand in one Target: remove one of the two.';
    return faultAt('Conflicted', target.origin, ['spec', 'host'], message, mend);
  });
}

/** Whoever may make pods in a namespace may read its Secrets, so agents do not run where a credential lies. */
function agentsBesideTargets({ targets, accesses }: FolderContent): readonly FileFault[] {
  return targets.flatMap(({ value, origin }) => {
    if (value.spec.credential === undefined) return [];
    const { namespace = 'default' } = value.metadata;
    const beside = accesses.find((access) => (access.value.metadata.namespace ?? 'default') === namespace);
    if (beside === undefined) return [];
    const message = `Agents run in the namespace ${namespace}, where the Target's credential lies: ${fullName(beside.value)}, at ${placeOf(beside.origin)}.`;
    const mend = 'Move the Target and its Secret to a namespace without agents.';
    return faultAt('AgentsBesideTarget', origin, ['metadata', 'namespace'], message, mend);
  });
}

function admits({ metadata, spec }: Target, namespace: string, { namespaces }: FolderContent): boolean {
  const { from = 'Same', selector = {} } = spec.allowedNamespaces ?? {};
  if (from === 'All') return true;
  if (from === 'Same') return namespace === (metadata.namespace ?? 'default');
  return matchesNamespace(
    selector,
    namespace,
    namespaces.find(({ value }) => value.metadata.name === namespace)?.value,
  );
}

function matchesNamespace(
  selector: LabelSelector,
  name: string,
  namespace: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } } | undefined,
): boolean {
  return selectorMatches(selector, { ...namespace?.metadata.labels, [NAMESPACE_NAME_LABEL]: name });
}

function missingIssuers({ accesses, configurations, malformed }: FolderContent): readonly FileFault[] {
  if ([...malformed].some((name) => name.startsWith('Configuration '))) return [];
  const [configuration] = configurations;
  const known = (configuration?.value.issuers ?? []).map(({ name }) => name);
  return accesses.flatMap(({ value, origin }) =>
    (value.spec.identity.issuers ?? []).flatMap((issuer, index) => {
      if (known.includes(issuer)) return [];
      const near = suggest(issuer, known);
      const addition = `Add it to issuers of the Configuration${configuration === undefined ? '' : ` at ${placeOf(configuration.origin)}`}.`;
      const mend = near === undefined ? addition : `Did you mean "${near}"?`;
      const path = ['spec', 'identity', 'issuers', index];
      return faultAt('MissingIssuer', origin, path, `There is no issuer "${issuer}".`, mend);
    }),
  );
}
