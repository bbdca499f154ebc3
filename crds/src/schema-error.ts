import type { ErrorObject } from 'ajv';
import { type FieldFault, type FieldPath, fieldFault } from './field-fault.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { suggest } from './suggestion.ts';

const SHOWN_MAX = 60;

/** What one of ajv's errors means to the person who wrote the file. */
export function describeError(error: ErrorObject, path: FieldPath, root: StructuralSchema): FieldFault {
  const schema = schemaAt(root, path);
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(String(error.params['additionalProperty']), path, schema);
    case 'required':
      return missingField(String(error.params['missingProperty']), path, schema);
    case 'type':
      return wrongType(error.data, path, schema);
    case 'enum':
      return wrongWord(error.data, path, schema.enum ?? []);
    default:
      return badValue(error, path, schema);
  }
}

function unknownField(name: string, path: FieldPath, schema: StructuralSchema): FieldFault {
  const known = Object.keys(schema.properties ?? {});
  return fieldFault('UnknownField', [...path, name], `Unknown field "${name}".`, didYouMean(name, known, 'Known here'));
}

function missingField(name: string, path: FieldPath, schema: StructuralSchema): FieldFault {
  const meaning = schema.properties?.[name]?.description ?? '';
  return fieldFault('MissingField', [...path, name], `The field "${name}" is missing.`, `Add it. ${meaning}`.trimEnd());
}

function wrongType(value: unknown, path: FieldPath, schema: StructuralSchema): FieldFault {
  if (schema['x-kubernetes-int-or-string'] === true) return badQuantity(value, path, schema);
  const message = `This must be ${typeName(schema.type)}, and is ${nameOf(value)}.`;
  // The one word of ours that YAML reads as no text.
  const isNull = value === null && schema.enum?.includes('Null') === true;
  const mend = isNull ? "Write 'Null', in quotes: without them YAML takes it for nothing." : mendOf(schema);
  return fieldFault('WrongType', path, message, mend);
}

function badQuantity(value: unknown, path: FieldPath, schema: StructuralSchema): FieldFault {
  return fieldFault('BadQuantity', path, `${shown(value)} is not a quantity of bytes.`, mendOf(schema));
}

function wrongWord(value: unknown, path: FieldPath, words: readonly string[]): FieldFault {
  const message = `${shown(value)} is not one of ${words.join(', ')}.`;
  const near = typeof value === 'string' ? suggest(value, words) : undefined;
  return fieldFault('BadValue', path, message, near === undefined ? 'Use one of them.' : `Did you mean "${near}"?`);
}

function badValue(error: ErrorObject, path: FieldPath, schema: StructuralSchema): FieldFault {
  if (schema['x-kubernetes-int-or-string'] === true) return badQuantity(error.data, path, schema);
  return fieldFault('BadValue', path, limitMessage(error), mendOf(schema));
}

function limitMessage(error: ErrorObject): string {
  const limit = String(error.params['limit']);
  switch (error.keyword) {
    case 'minimum':
      return `${shown(error.data)} is less than ${limit}.`;
    case 'maximum':
      return `${shown(error.data)} is more than ${limit}.`;
    case 'minLength':
      return limit === '1' ? 'The text is empty.' : `The text is shorter than ${limit} characters.`;
    case 'maxLength':
      return `The text is longer than ${limit} characters.`;
    case 'minItems':
      return limit === '1' ? 'The list is empty.' : `The list has fewer than ${limit} entries.`;
    case 'maxItems':
      return `The list has more than ${limit} entries.`;
    case 'minProperties':
      return 'Nothing is stated here.';
    case 'maxProperties':
      return `There are more than ${limit} entries.`;
    default:
      return `${shown(error.data)} cannot stand here.`;
  }
}

/** The schema of the field at a path; an empty one when there is none. */
function schemaAt(root: StructuralSchema, path: FieldPath): StructuralSchema {
  return path.reduce<StructuralSchema>((schema, step) => {
    const below = schema.items ?? schema.properties?.[String(step)] ?? schema.additionalProperties;
    return below ?? {};
  }, root);
}

function didYouMean(name: string, known: readonly string[], lead: string): string {
  const near = suggest(name, known);
  return near === undefined ? `${lead}: ${known.join(', ')}.` : `Did you mean "${near}"?`;
}

function mendOf(schema: StructuralSchema): string {
  return schema.description ?? `Write ${typeName(schema.type)}.`;
}

function typeName(type: StructuralSchema['type']): string {
  switch (type) {
    case 'object':
      return 'a map';
    case 'array':
      return 'a list';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'text';
  }
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : shown(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
