import { Ajv, type ErrorObject, type SchemaObject } from 'ajv';
import { type FieldFault, type FieldPath, fieldFault } from './field-fault.ts';
import { AGENT_ACCESS_SCHEMA, CONFIGURATION_SCHEMA, POLICY_SCHEMA, TARGET_SCHEMA } from './generated/schemas.ts';
import type { Configuration, Resource } from './resources.ts';
import { fail, ok, type Result } from './result.ts';
import { describeError } from './schema-error.ts';
import { type CompiledRule, compileRules } from './schema-rules.ts';
import type { StructuralSchema } from './structural-schema.ts';

export type { SchemaRule, StructuralSchema } from './structural-schema.ts';

/** Checks a value against one schema. Gives a copy with defaults filled in, or every fault that was found; never throws. */
export type Validator<T> = (value: unknown) => Result<T, readonly FieldFault[]>;

const AJV = { allErrors: true, useDefaults: true, strict: false, verbose: true, messages: false } as const;

/**
 * A validator that refuses unknown fields and holds the schema's CEL rules. `T` must be the type that the schema describes.
 * Throws when the schema itself is wrong.
 */
export function compileSchema<T>(schema: StructuralSchema): Validator<T> {
  const ajv = new Ajv(AJV);
  ajv.addFormat('int32', { type: 'number', validate: (value) => Math.abs(value) < 2 ** 31 });
  ajv.addFormat('int64', { type: 'number', validate: Number.isSafeInteger });
  ajv.addFormat('date-time', (text) => !Number.isNaN(Date.parse(text)));
  const matches = ajv.compile(closed(schema));
  const check = compileChecks(schema);
  return (value) => {
    const copy = structuredClone(value);
    const faults = matches(copy) ? [] : tellingOf(matches.errors ?? []).map((error) => faultOf(error, schema));
    const broken = check(copy, []).filter(({ at }) => !faults.some(({ path }) => isWithin(path, at)));
    const all = [...faults, ...broken.map(({ fault }) => fault)];
    return all.length === 0 ? ok(copy as T) : fail(all);
  };
}

const META_NAME: StructuralSchema = {
  description: 'A name of lower-case letters, digits, hyphens and dots, at most 253 characters long.',
  type: 'string',
  minLength: 1,
  maxLength: 253,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
};

const TEXTS: StructuralSchema = {
  description: 'A map from text to text.',
  type: 'object',
  additionalProperties: { description: 'Text; a number or a truth value stands in quotes.', type: 'string' },
};

const UNREAD: StructuralSchema = { 'x-kubernetes-preserve-unknown-fields': true };

/** The metadata of an object in a file: what a user writes, and what a cluster adds to it. */
export const METADATA_SCHEMA: StructuralSchema = {
  description: 'Name and namespace of the object.',
  type: 'object',
  required: ['name'],
  properties: {
    name: META_NAME,
    namespace: {
      description: 'A name of lower-case letters, digits and hyphens, at most 63 characters long.',
      type: 'string',
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      default: 'default',
    },
    labels: TEXTS,
    annotations: TEXTS,
    uid: { type: 'string' },
    resourceVersion: { type: 'string' },
    generation: { type: 'integer' },
    creationTimestamp: UNREAD,
    managedFields: UNREAD,
    ownerReferences: UNREAD,
    finalizers: UNREAD,
    selfLink: UNREAD,
  },
};

/** Validators of the kinds that a user writes; a status is let pass unread. A namespace that is not stated is `default`. */
export const RESOURCE_VALIDATORS: {
  readonly [Kind in Resource['kind']]: Validator<Extract<Resource, { readonly kind: Kind }>>;
} = {
  Target: compileSchema(objectSchema(TARGET_SCHEMA)),
  AgentAccess: compileSchema(objectSchema(AGENT_ACCESS_SCHEMA)),
  Policy: compileSchema(objectSchema(POLICY_SCHEMA)),
};

/** The validator of the operator's configuration; every default is filled in. */
export const validateConfiguration: Validator<Configuration> = compileSchema(CONFIGURATION_SCHEMA);

function objectSchema(spec: StructuralSchema): StructuralSchema {
  return {
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: METADATA_SCHEMA,
      spec: { description: 'What the object asks for.', ...spec },
      status: UNREAD,
    },
  };
}

/** The schema as ajv reads it: what is not named is refused, and a quantity is one type instead of a choice. */
function closed(schema: StructuralSchema): SchemaObject {
  const { properties, items, additionalProperties, anyOf: _, title: __, ...rest } = schema;
  if (schema['x-kubernetes-int-or-string'] === true) return { ...rest, type: ['integer', 'string'] };
  return {
    ...rest,
    ...(items === undefined ? {} : { items: closed(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: closed(additionalProperties) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, closed(property)]),
          ),
          additionalProperties: false,
        }),
  };
}

/** What is of another type is told once: that it is none of the words that may stand there follows from it. */
function tellingOf(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const mistyped = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  return errors.filter(({ keyword, instancePath }) => keyword !== 'enum' || !mistyped.has(instancePath));
}

function faultOf(error: ErrorObject, schema: StructuralSchema): FieldFault {
  return describeError(error, pathOf(error.instancePath), schema);
}

/** RFC 6901, section 4; positions in lists become numbers. */
function pathOf(pointer: string): FieldPath {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    return /^\d+$/.test(name) ? Number(name) : name;
  });
}

function isWithin(path: FieldPath, place: FieldPath): boolean {
  return place.every((step, index) => String(path[index]) === String(step));
}

/** A fault, and the place of the value that was judged: it tells nothing when something within is malformed. */
interface Judged {
  readonly at: FieldPath;
  readonly fault: FieldFault;
}

/** What holds besides a schema's types: CEL rules, and lists whose entries must differ. */
function compileChecks(schema: StructuralSchema): (value: unknown, path: FieldPath) => readonly Judged[] {
  const rules: readonly CompiledRule[] = [...compileRules(schema), ...uniqueEntries(schema)];
  const properties = Object.entries(schema.properties ?? {}).map(
    ([name, below]) => [name, compileChecks(below)] as const,
  );
  const items = schema.items === undefined ? undefined : compileChecks(schema.items);
  const others = schema.additionalProperties === undefined ? undefined : compileChecks(schema.additionalProperties);
  return (value, path) => {
    if (typeof value !== 'object' || value === null) return [];
    const found = tryRules(rules, value, path).map((fault) => ({ at: path, fault }));
    if (Array.isArray(value)) {
      return [...found, ...value.flatMap((item, index) => items?.(item, [...path, index]) ?? [])];
    }
    const entries = value as Readonly<Record<string, unknown>>;
    const named = properties.flatMap(([name, check]) => check(entries[name], [...path, name]));
    const unnamed =
      others === undefined ? [] : Object.entries(entries).flatMap(([name, entry]) => others(entry, [...path, name]));
    return [...found, ...named, ...unnamed];
  };
}

/** A rule may throw on a value of the wrong type; the type is the fault then, and is told apart from this. */
function tryRules(rules: readonly CompiledRule[], value: unknown, path: FieldPath): readonly FieldFault[] {
  return rules.flatMap((rule) => {
    try {
      return rule(value, path) ?? [];
    } catch (error) {
      return fieldFault('RuleBroken', path, 'A rule about this field could not be evaluated.', String(error));
    }
  });
}

function uniqueEntries(schema: StructuralSchema): readonly CompiledRule[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'set' && keys.length === 0) return [];
  return [(value, path) => duplicateIn(value, keys, path)];
}

function duplicateIn(value: unknown, keys: readonly string[], path: FieldPath): FieldFault | undefined {
  if (!Array.isArray(value)) return undefined;
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const identity = keys.length === 0 ? item : keys.map((key) => (item as Readonly<Record<string, unknown>>)[key]);
    const text = JSON.stringify(identity);
    if (seen.has(text)) {
      const [key] = keys;
      const shown = keys.length === 0 ? text : `${key} ${text.slice(1, -1)}`;
      const place = key === undefined ? [...path, index] : [...path, index, key];
      return fieldFault(
        'DuplicateEntry',
        place,
        `The list has two entries with ${shown}.`,
        'Rename or remove one of them.',
      );
    }
    seen.add(text);
  }
  return undefined;
}
