import { assertNever, describeFault, type Fault, INJECTION_LABEL, type Policy, type Target } from '@sidegate/crds';
import { RESOURCE_VALIDATORS } from '@sidegate/crds/schema';
import { policyFaults } from '../judging/policy-faults.ts';
import { listed } from '../judging/summary.ts';
import type { AdmissionJudge, AdmissionRequest } from './admission-review.ts';

/** What the answer rests on beside the object itself. */
export interface ValidationSources {
  readonly operatorNamespace: string;
  /** Whether every pod of the namespace is an agent's, as last seen. */
  readonly isLabelled: (namespace: string) => boolean;
}

const KINDS = ['Target', 'AgentAccess', 'Policy'] as const;
type Kind = (typeof KINDS)[number];

/**
 * The validating webhook for the kinds that people write: what the schemas in the cluster cannot say is refused when it is applied, with the
 * field and the mend. It is a help, not a guard: whatever was stored is judged again, and what depends on other objects is a condition.
 */
export function validateResources(sources: ValidationSources): AdmissionJudge {
  return (request) => {
    const { operation, object, oldObject } = request;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return { kind: 'Allowed' };
    // Labels and finalizers of what was stored under older rules can still be changed.
    if (operation === 'UPDATE' && JSON.stringify(specOf(object)) === JSON.stringify(specOf(oldObject)))
      return { kind: 'Allowed' };
    const kind = kindOf(object);
    if (kind === undefined) return { kind: 'Allowed' };
    const faults = faultsOf(kind, request, sources);
    if (faults.length === 0) return { kind: 'Allowed' };
    return { kind: 'Refused', message: `This ${kind} cannot be used. ${listed(faults.map(describeFault))}` };
  };
}

function faultsOf(
  kind: Kind,
  { object, namespace = 'default' }: AdmissionRequest,
  sources: ValidationSources,
): readonly Fault[] {
  const { apiVersion, metadata, spec } = Object(object);
  const { name, generateName } = Object(metadata);
  // A name that is yet to be made up has no part in what is judged.
  const own = { name: typeof name === 'string' && name !== '' ? name : `${generateName ?? ''}new`, namespace };
  const resource = { apiVersion, kind, metadata: own, spec };
  switch (kind) {
    case 'AgentAccess': {
      const read = RESOURCE_VALIDATORS.AgentAccess(resource);
      return read.ok ? [] : read.fault;
    }
    case 'Policy': {
      const read = RESOURCE_VALIDATORS.Policy(resource);
      return read.ok ? policyFaults(read.value satisfies Policy, sources.operatorNamespace) : read.fault;
    }
    case 'Target': {
      const read = RESOURCE_VALIDATORS.Target(resource);
      return read.ok ? placeFaults(read.value, namespace, sources) : read.fault;
    }
    default:
      return assertNever(kind);
  }
}

/** A credential beside agents is one that they may read. */
function placeFaults({ spec }: Target, namespace: string, { isLabelled }: ValidationSources): readonly Fault[] {
  if (spec.credential === undefined || !isLabelled(namespace)) return [];
  return [
    {
      code: 'AgentsInNamespace',
      where: 'metadata.namespace',
      message: `Every pod of the namespace ${namespace} is an agent's (it is labelled ${INJECTION_LABEL}) and could read the credential.`,
      mend: 'Put Target and Secret into a namespace without agents.',
    },
  ];
}

function kindOf(object: unknown): Kind | undefined {
  const { kind } = Object(object);
  return KINDS.find((one) => one === kind);
}

function specOf(object: unknown): unknown {
  return Object(object).spec;
}
