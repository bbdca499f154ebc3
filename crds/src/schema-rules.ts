import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { type FieldFault, type FieldPath, fieldFault } from './field-fault.ts';
import type { SchemaRule, StructuralSchema } from './structural-schema.ts';

/** https://kubernetes.io/docs/reference/using-api/cel/#escaping */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** One rule of a schema, parsed: gives the fault of a value that breaks it. */
export type CompiledRule = (value: unknown, path: FieldPath) => FieldFault | undefined;

/**
 * Compiles the CEL rules that stand at one place of a schema, as the API server runs them. Rules about a change (`oldSelf`) are
 * left out: a file has no past. Throws on a rule that does not parse: the definitions are wrong then.
 */
export function compileRules(schema: StructuralSchema): readonly CompiledRule[] {
  const environment = new Environment({ unlistedVariablesAreDyn: true });
  return (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => !/\boldSelf\b/.test(rule))
    .map((rule) => compileRule(rule, environment.parse(rule.rule)));
}

function compileRule(rule: SchemaRule, holds: ParseResult): CompiledRule {
  const [, message = rule.message, mend = ''] = /^(.*?\.) (.*)$/.exec(rule.message) ?? [];
  const below = (rule.fieldPath ?? '').split('.').filter((step) => step !== '');
  return (value, path) => {
    if (holds({ self: celValue(value) }) === true) return undefined;
    return fieldFault('RuleBroken', [...path, ...below], message, mend);
  };
}

/** The value as CEL sees it: whole numbers are ints, and names that are words of CEL are escaped. */
function celValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return Array.from(value, celValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [escaped(key), celValue(entry)]));
}

function escaped(key: string): string {
  return RESERVED.has(key) ? `__${key}__` : key;
}
