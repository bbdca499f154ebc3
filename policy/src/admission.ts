import { type AgentAccess, assertNever, fail, ok, type Result, selectorMatches, type Target } from '@sidegate/crds';
import type { VerifiedIdentity } from './identity.ts';
import type { AdmissionFault, ObjectName } from './session-rules.ts';

/** Labels of namespaces, by name. `kubernetes.io/metadata.name` is always there. */
export type NamespaceLabels = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Door {
  readonly target: Target;
  readonly targetId: ObjectName;
  readonly access: AgentAccess;
  readonly accessId: ObjectName;
}

/**
 * Whether this identity may open the Target through the AgentAccess at all: the access is not suspended and names the Target, the Target takes
 * its namespace, the identity was proved in the way that the access asks for, and has what the Target requires. Unknown groups do not meet a
 * required group.
 */
export function admit(
  door: Door,
  identity: VerifiedIdentity,
  namespaceLabels: NamespaceLabels,
): Result<undefined, AdmissionFault> {
  const { target, targetId, access, accessId } = door;
  const targetName = `Target ${targetId.namespace}/${targetId.name}`;
  const accessName = `AgentAccess ${accessId.namespace}/${accessId.name}`;
  if (access.spec.suspend === true) {
    return fail({ code: 'Suspended', message: `${accessName} is suspended.`, mend: 'Set spec.suspend to false.' });
  }
  const named = access.spec.targetRefs.some(
    (ref) => ref.name === targetId.name && (ref.namespace ?? accessId.namespace) === targetId.namespace,
  );
  if (!named) return refuse(`${accessName} does not name ${targetName}.`, 'Add it to spec.targetRefs.');
  const closed = namespaceFault(target, targetId, accessId.namespace, namespaceLabels);
  if (closed !== undefined) return refuse(`${targetName} ${closed}`, 'Widen spec.allowedNamespaces of the Target.');
  if (identity.source !== access.spec.identity.source) {
    return refuse(
      `${accessName} takes an identity by ${access.spec.identity.source}, and this one came by ${identity.source}.`,
      'Connect in the way that spec.identity.source says.',
    );
  }
  return requirementFault(target, targetName, identity);
}

function refuse(message: string, mend: string): Result<undefined, AdmissionFault> {
  return fail({ code: 'NotAdmitted', message, mend });
}

function namespaceFault(
  target: Target,
  targetId: ObjectName,
  namespace: string,
  namespaceLabels: NamespaceLabels,
): string | undefined {
  const { from = 'Same', selector } = target.spec.allowedNamespaces ?? {};
  switch (from) {
    case 'All':
      return undefined;
    case 'Same':
      return namespace === targetId.namespace
        ? undefined
        : `takes agents of its own namespace only, not of ${namespace}.`;
    case 'Selector': {
      const labels = {
        ...(Object.hasOwn(namespaceLabels, namespace) ? namespaceLabels[namespace] : {}),
        'kubernetes.io/metadata.name': namespace,
      };
      if (selector !== undefined && selectorMatches(selector, labels)) return undefined;
      return `takes no agents of namespace ${namespace}: its selector does not match the labels.`;
    }
    default:
      return assertNever(from);
  }
}

function requirementFault(
  target: Target,
  targetName: string,
  identity: VerifiedIdentity,
): Result<undefined, AdmissionFault> {
  const { groups = [], subjects = [] } = target.spec.require ?? {};
  if (subjects.length > 0 && !subjects.includes(identity.subject)) {
    return refuse(`${targetName} requires another subject than ${identity.subject}.`, 'See spec.require.subjects.');
  }
  if (groups.length === 0 || groups.some((group) => identity.groups?.includes(group) === true)) return ok(undefined);
  const why =
    identity.groups === undefined
      ? `the groups of ${identity.subject} are not known`
      : `${identity.subject} is in none of them`;
  return refuse(
    `${targetName} requires one of the groups ${groups.join(', ')}, and ${why}.`,
    'See spec.require.groups; the issuer must put groups into the token.',
  );
}
