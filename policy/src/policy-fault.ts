import type { Fault } from '@sidegate/crds';

/** Where in a resource a fault stands, so that a file's line can be looked up. */
export interface ResourcePlace {
  readonly kind: 'Target' | 'AgentAccess' | 'Policy';
  readonly namespace: string;
  readonly name: string;
  /** `spec.rules[0].when`. */
  readonly field: string;
}

export type PolicyFaultCode =
  | 'Duplicate'
  | 'InvalidCondition'
  | 'InvalidPattern'
  | 'InvalidQuantity'
  | 'InvalidSelector'
  | 'MissingApproval'
  | 'OutOfBounds'
  | 'UnknownChannel'
  | 'UnknownStatement'
  | 'InvalidKey';

/** A resource that cannot be compiled. `where` is `Kind namespace/name spec.rules[0].when`; `at` says the same in parts. */
export interface PolicyFault extends Fault<PolicyFaultCode> {
  readonly at: ResourcePlace | undefined;
}

/** Collects the faults of one compilation, so that a user sees all of them at once. */
export class FaultList {
  readonly faults: PolicyFault[] = [];

  add(at: ResourcePlace, code: PolicyFaultCode, message: string, mend: string): void {
    this.faults.push({ code, message, mend, where: `${at.kind} ${at.namespace}/${at.name} ${at.field}`, at });
  }
}

/** The same resource, another field. */
export function fieldOf(place: ResourcePlace, field: string): ResourcePlace {
  return { ...place, field };
}
