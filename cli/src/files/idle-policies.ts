import { type PolicyMask, type PolicyRule, type ProtocolName, suggest } from '@sidegate/crds';
import { type FileFault, faultAt } from './file-fault.ts';
import { type FolderContent, OPERATOR_NAMESPACE } from './folder-content.ts';

/** Policies, rules and masks that can bind nothing in this folder, whoever asks: misspelt ones, which would silently change nothing. */
export function idlePolicies(content: FolderContent): readonly FileFault[] {
  return [...policiesOfNobody(content), ...foreignRules(content)];
}

/** A Policy speaks for the Targets or the agents of its namespace, or for the operator: elsewhere it would silently change nothing. */
function policiesOfNobody({
  policies,
  targets,
  accesses,
  configurations,
  malformed,
}: FolderContent): readonly FileFault[] {
  if ([...malformed].some((name) => name.startsWith('Configuration '))) return [];
  const operator = configurations[0]?.value.operatorNamespace ?? OPERATOR_NAMESPACE;
  const named = [...targets, ...accesses].map(({ value }) => value.metadata.namespace ?? 'default');
  const broken = [...malformed].flatMap((name) => /^(?:Target|AgentAccess) ([^/]*)[/]/.exec(name)?.[1] ?? []);
  const heard = [...new Set([...named, ...broken])];
  return policies.flatMap(({ value, origin }) => {
    const { namespace = 'default' } = value.metadata;
    if (namespace === operator || heard.includes(namespace)) return [];
    const near = suggest(namespace, heard);
    const places = [...heard, operator].join(', ');
    const mend = near === undefined ? `Namespaces that are heard here: ${places}.` : `Did you mean "${near}"?`;
    const message = `There is no Target and no AgentAccess in the namespace ${namespace}, so this Policy binds nobody.`;
    return faultAt('PolicyBindsNobody', origin, ['metadata', 'namespace'], message, mend);
  });
}

const PROTOCOLS = { postgres: 'Postgres', redis: 'Redis', ssh: 'SSH' } as const satisfies Record<string, ProtocolName>;

/** Rules and masks of a Policy that names its Targets, none of which speaks their protocol. */
function foreignRules({ policies, targets }: FolderContent): readonly FileFault[] {
  return policies.flatMap(({ value: { metadata, spec }, origin }) => {
    const references = spec.selector?.targetRefs ?? [];
    const own = metadata.namespace ?? 'default';
    const spoken = references.flatMap(({ namespace = own, name }) => {
      const found = targets.find(({ value }) => {
        return value.metadata.name === name && (value.metadata.namespace ?? 'default') === namespace;
      });
      return found === undefined ? [] : [found.value.spec.protocol];
    });
    // Of a Target that is not there, or malformed, nobody knows what it speaks.
    if (references.length === 0 || spoken.length < references.length) return [];
    const judge = (kind: string, path: readonly (string | number)[], meant: readonly ProtocolName[]) => {
      if (meant.length === 0 || meant.some((protocol) => spoken.includes(protocol))) return [];
      const message = `The ${kind} is for ${meant.join(' and ')}, and the Policy's Targets speak ${[...new Set(spoken)].join(' and ')}: it binds nothing.`;
      const mend = `Write it for what they speak, or select other Targets.`;
      return [faultAt('ForeignProtocol', origin, path, message, mend)];
    };
    return [
      ...(spec.rules ?? []).flatMap((rule, index) => judge('rule', ['spec', 'rules', index, 'match'], meantBy(rule))),
      ...(spec.masks ?? []).flatMap((mask, index) => judge('mask', ['spec', 'masks', index], coveredBy(mask))),
    ];
  });
}

/** Empty: every protocol. */
function meantBy({ match }: PolicyRule): readonly ProtocolName[] {
  return (['postgres', 'redis', 'ssh'] as const)
    .filter((block) => match?.[block] !== undefined)
    .map((block) => PROTOCOLS[block]);
}

/** Empty: every protocol. */
function coveredBy({ columns = [], keys = [], fields = [], detect = [] }: PolicyMask): readonly ProtocolName[] {
  if (fields.length + detect.length > 0) return [];
  return [...(columns.length > 0 ? (['Postgres'] as const) : []), ...(keys.length > 0 ? (['Redis'] as const) : [])];
}
