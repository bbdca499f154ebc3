import { type AgentAccess, type Durability, fail, ok, type Policy, type Result, type Target } from '@sidegate/crds';
import { admit, type NamespaceLabels } from './admission.ts';
import { type Binding, bindPolicies } from './bound-policy.ts';
import type { Command } from './command.ts';
import { type CompiledPolicy, compilePolicy } from './compiled-policy.ts';
import { ConditionCompiler } from './condition.ts';
import { DecisionMemory } from './decision-memory.ts';
import { type Explanation, explainFault, explainJudgement } from './explanation.ts';
import { judge, type Scope } from './judgement.ts';
import { buildMaskRules, MASK_MEANS, type MaskMeans } from './mask-rules.ts';
import { sortedBy } from './order.ts';
import { FaultList, type PolicyFault, type ResourcePlace } from './policy-fault.ts';
import type { AdmissionFault, ObjectName, RuleSet, SessionQuestion, SessionRules } from './session-rules.ts';

export interface RuleInput {
  readonly targets: readonly Target[];
  readonly accesses: readonly AgentAccess[];
  readonly policies: readonly Policy[];
  /** Policies here speak for the whole cluster. */
  readonly operatorNamespace: string;
  /** Hex, 32 bytes: the key of Hash masks. */
  readonly maskKey: string;
  readonly version: string;
  /** Needed where a Target admits namespaces by selector. */
  readonly namespaceLabels?: NamespaceLabels;
}

/** A rule set that can also say why. */
export interface ExplainedRuleSet extends RuleSet {
  /** What `decide` would say in a session that this question opens, and everything that was weighed. */
  explain(question: SessionQuestion, command: Command): Explanation;
}

interface Bundle {
  readonly input: RuleInput;
  readonly targets: ReadonlyMap<string, Target>;
  readonly accesses: ReadonlyMap<string, AgentAccess>;
  readonly policies: readonly CompiledPolicy[];
  readonly means: MaskMeans;
  readonly key: Uint8Array;
}

interface OpenedSession {
  readonly target: Target;
  readonly access: AgentAccess;
  readonly binding: Binding;
  readonly scope: Scope;
}

/** Compiles resources into one immutable bundle, or tells everything that is wrong with them. Their order never matters. */
export function compileRules(
  input: RuleInput,
  means: MaskMeans = MASK_MEANS,
): Result<ExplainedRuleSet, readonly PolicyFault[]> {
  const faults = new FaultList();
  const conditions = new ConditionCompiler();
  const targets = indexByName(input.targets, 'Target', faults);
  const accesses = indexByName(input.accesses, 'AgentAccess', faults);
  indexByName(input.policies, 'Policy', faults);
  const policies = sortedBy(
    input.policies.map((policy) => compilePolicy(policy, conditions, faults)),
    ({ id }) => keyOf(id),
  );
  const key = readKey(input.maskKey);
  if (key === undefined) faults.faults.push(KEY_FAULT);
  if (key === undefined || faults.faults.length > 0) return fail(faults.faults);
  const bundle: Bundle = { input, targets, accesses, policies, means, key };
  return ok({
    version: input.version,
    openSession(question) {
      const opened = openSession(bundle, question);
      return opened.ok ? ok(sessionRules(opened.value)) : opened;
    },
    explain(question, command) {
      const opened = openSession(bundle, question);
      if (!opened.ok) return explainFault(opened.fault);
      const { scope, binding } = opened.value;
      return explainJudgement(scope, command, judge(scope, command, nothingGranted), binding.unbound);
    },
  });
}

function openSession(bundle: Bundle, question: SessionQuestion): Result<OpenedSession, AdmissionFault> {
  const { target: targetId, access: accessId, identity } = question;
  const target = bundle.targets.get(keyOf(targetId));
  const access = bundle.accesses.get(keyOf(accessId));
  if (target === undefined) return fail(unknown('UnknownTarget', `Target ${targetId.namespace}/${targetId.name}`));
  if (access === undefined) {
    return fail(unknown('UnknownAccess', `AgentAccess ${accessId.namespace}/${accessId.name}`));
  }
  const { operatorNamespace, namespaceLabels = {}, version } = bundle.input;
  const admitted = admit({ target, targetId, access, accessId }, identity.verified, namespaceLabels);
  if (!admitted.ok) return admitted;
  const binding = bindPolicies(bundle.policies, {
    target: targetId,
    access: accessId,
    identity: identity.verified,
    operatorNamespace,
  });
  const policies = binding.bound.map(({ policy }) => policy);
  const enforced = policies.filter(({ mode }) => mode === 'Enforce');
  // The same object says that the record needs no masks of its own.
  const isAlike = policies.every(({ mode, masks: own }) => mode === 'Enforce' || own.length === 0);
  const masks = masksOf(enforced, bundle);
  const scope: Scope = {
    version,
    target: { id: targetId, defaultAction: target.spec.defaultAction ?? 'Deny' },
    access: { id: accessId, defaultAction: access.spec.defaultAction ?? 'Deny' },
    bound: binding.bound,
    masks,
    recordMasks: isAlike ? masks : masksOf(policies, bundle),
    surroundings: { identity: identity.verified, target: targetId, host: target.spec.host },
  };
  return ok({ target, access, binding, scope });
}

function sessionRules({ target, access, binding, scope }: OpenedSession): SessionRules {
  const memory = new DecisionMemory(binding.bound);
  return {
    version: scope.version,
    durability: stronger(target.spec.recording?.durability, access.spec.recording?.durability),
    content: target.spec.recording?.content ?? 'Full',
    masks: scope.masks,
    recordMasks: scope.recordMasks,
    limits: binding.bound.flatMap(({ policy }) => (policy.mode === 'Enforce' ? policy.limits : [])),
    decide(command, granted) {
      const { decision } = judge(scope, command, granted ?? nothingGranted);
      if (granted === undefined) memory.keep(command, decision);
      return decision;
    },
    recall: (command) => memory.recall(command),
  };
}

function nothingGranted(): boolean {
  return false;
}

function masksOf(policies: readonly CompiledPolicy[], bundle: Bundle): Scope['masks'] {
  return buildMaskRules(
    policies.flatMap(({ masks }) => masks),
    bundle.means,
    bundle.key,
  );
}

function stronger(one: Durability | undefined, other: Durability | undefined): Durability {
  return one === 'Central' || other === 'Central' ? 'Central' : 'Spool';
}

function unknown(code: 'UnknownTarget' | 'UnknownAccess', name: string): AdmissionFault {
  return { code, message: `There is no ${name}.`, mend: 'It may have been deleted, or not reached this gate yet.' };
}

/** Namespaces and names hold no slash. */
function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

function indexByName<R extends Target | AgentAccess | Policy>(
  resources: readonly R[],
  kind: ResourcePlace['kind'],
  faults: FaultList,
): ReadonlyMap<string, R> {
  const byName = new Map<string, R>();
  for (const resource of resources) {
    const id = { namespace: resource.metadata.namespace ?? 'default', name: resource.metadata.name };
    if (byName.has(keyOf(id))) {
      const place: ResourcePlace = { kind, ...id, field: 'metadata.name' };
      faults.add(place, 'Duplicate', `There are two of this ${kind}.`, 'Keep one, or give the other another name.');
    }
    byName.set(keyOf(id), resource);
  }
  return byName;
}

const KEY_FAULT: PolicyFault = {
  code: 'InvalidKey',
  message: 'The mask key is not 32 bytes in hex.',
  mend: 'Make a new one; values hashed before no longer match.',
  at: undefined,
};

function readKey(hex: string): Uint8Array | undefined {
  return /^[0-9a-fA-F]{64}$/.test(hex) ? Uint8Array.from(Buffer.from(hex, 'hex')) : undefined;
}
