import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { StructuralSchema } from './src/structural-schema.ts';

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: {
      readonly plural: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly {
      readonly subresources: Readonly<Record<string, unknown>>;
      readonly additionalPrinterColumns: readonly { readonly name: string }[];
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
    }[];
  };
}

const FILES = ['target.yaml', 'agent-access.yaml', 'policy.yaml', 'approval-request.yaml'];

describe.each(FILES)('%s', (file) => {
  const definition = parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as Definition;
  const [version] = definition.spec.versions;
  const schema = version?.schema.openAPIV3Schema ?? {};

  test('is namespaced, in the category, with short names and a status subresource', () => {
    const { names, group, scope } = definition.spec;
    expect({ name: definition.metadata.name, scope }).toEqual({
      name: `${names.plural}.${group}`,
      scope: 'Namespaced',
    });
    expect(names.categories).toEqual(['sidegate']);
    expect(names.shortNames).toHaveLength(1);
    expect(version?.subresources).toEqual({ status: {} });
  });

  test('prints Ready, Reason and Age first', () => {
    expect(version?.additionalPrinterColumns.slice(0, 3).map(({ name }) => name)).toEqual(['Ready', 'Reason', 'Age']);
  });

  test('has conditions as a map by type', () => {
    const { observedGeneration, conditions } = schema.properties?.['status']?.properties ?? {};
    expect(observedGeneration?.type).toBe('integer');
    expect(conditions?.['x-kubernetes-list-map-keys']).toEqual(['type']);
    expect(conditions?.items?.required).toEqual(['type', 'status', 'lastTransitionTime', 'reason', 'message']);
    expect(conditions?.items?.properties).toHaveProperty('observedGeneration');
  });

  test('is structural, and bounds every list, map and text of the spec', () => {
    expect(unbounded(schema.properties?.['spec'] ?? {}, 'spec')).toEqual([]);
  });

  test('says what every field of the spec means', () => {
    expect(undescribed(schema.properties?.['spec'] ?? {}, 'spec')).toEqual([]);
  });

  test('has rules that say what is wrong and what to do', () => {
    const rules = rulesOf(schema);
    expect(rules.filter(({ message }) => !/^[^.]+\. .+\.$/.test(message))).toEqual([]);
  });
});

test('an unbounded list is found', () => {
  expect(unbounded({ type: 'array', items: { type: 'string', enum: ['A'] } }, 'list')).toEqual(['list']);
});

function unbounded(schema: StructuralSchema, place: string): readonly string[] {
  const isBounded = (() => {
    switch (schema.type) {
      case 'array':
        return schema.maxItems !== undefined && schema['x-kubernetes-list-type'] !== undefined;
      case 'string':
        return schema.maxLength !== undefined || schema.enum !== undefined || schema.format === 'date-time';
      case 'object':
        return schema.additionalProperties === undefined || schema.maxProperties !== undefined;
      case 'boolean':
      case 'integer':
        return true;
      default:
        return schema['x-kubernetes-int-or-string'] === true;
    }
  })();
  return [
    ...(isBounded ? [] : [place]),
    ...below(schema).flatMap(([name, inner]) => unbounded(inner, `${place}.${name}`)),
  ];
}

function undescribed(schema: StructuralSchema, place: string): readonly string[] {
  const own = Object.entries(schema.properties ?? {}).filter(([, property]) => property.description === undefined);
  return [
    ...own.map(([name]) => `${place}.${name}`),
    ...below(schema).flatMap(([name, inner]) => undescribed(inner, `${place}.${name}`)),
  ];
}

function rulesOf(schema: StructuralSchema): readonly { readonly message: string }[] {
  return [...(schema['x-kubernetes-validations'] ?? []), ...below(schema).flatMap(([, inner]) => rulesOf(inner))];
}

function below(schema: StructuralSchema): readonly (readonly [string, StructuralSchema])[] {
  return [
    ...Object.entries(schema.properties ?? {}),
    ...(schema.items === undefined ? [] : [['[]', schema.items] as const]),
    ...(schema.additionalProperties === undefined ? [] : [['{}', schema.additionalProperties] as const]),
  ];
}
