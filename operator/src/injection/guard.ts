import { INJECTION_LABEL } from '@sidegate/crds';
import type { PolicyVariable } from './mutating-policy.ts';

/** One thing that is refused. */
export interface Guard {
  /** Its name within the policy. */
  readonly id: string;
  /** CEL: true when the request may pass. */
  readonly expression: string;
  /** What is refused, and how to mend it. */
  readonly message: string;
  /** CEL: the same with the names of what is wrong. */
  readonly messageExpression?: string;
}

/** Guards of the same requests. */
export interface GuardPolicy {
  readonly name: string;
  /** `Labelled`: requests in namespaces with the injection label. `LabelledByConfigMap`: so, and judged by the settings. `Unlabelled`: in all others. */
  readonly scope: 'Labelled' | 'LabelledByConfigMap' | 'Unlabelled' | 'Everywhere';
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'CONNECT')[];
  readonly resources: readonly string[];
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly PolicyVariable[];
  readonly clauses: readonly Guard[];
}

/**
 * A guard about each agent's container, `c`. `bad` is a CEL expression over it, `what` a phrase after its name, `mend` a sentence.
 */
export function agentGuard(id: string, bad: string, what: string, mend: string): Guard {
  return {
    id,
    expression: `variables.agents.all(c, !(${bad}))`,
    message: `A container ${what}. ${mend}`,
    messageExpression: `"Container " + variables.agents.filter(c, ${bad}).map(c, c.name).join(", ") + ${JSON.stringify(` ${what}. ${mend}`)}`,
  };
}

/** CEL: who asks has the custom verb on the resource of the API group sidegate.dev; a wildcard in RBAC includes it. */
export function hasVerb(resource: 'namespaces' | 'pods', verb: string, name: string): string {
  const place = resource === 'pods' ? '.namespace(request.namespace)' : '';
  return `authorizer.group("sidegate.dev").resource("${resource}")${place}.name(${name}).check("${verb}").allowed()`;
}

/** CEL: the object is a namespace with the injection label. */
export function isLabelled(object: 'object' | 'oldObject'): string {
  return `${object}.metadata.?labels[?"${INJECTION_LABEL}"].orValue("") == "enabled"`;
}
