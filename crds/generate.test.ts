import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TypeWriter } from './generate/type-writer.ts';
import { generate } from './generate.ts';

describe('the generated files', () => {
  test.each([...generate()])('%s is what the YAML says', (path, text) => {
    const committed = readFileSync(join(import.meta.dirname, 'src/generated', path), 'utf8');
    expect(committed === text ? 'the same' : `differs: run node crds/generate.ts`).toBe('the same');
  });
});

describe('the type writer', () => {
  test.each([
    ['text', { type: 'string' }, 'string'],
    ['a whole number', { type: 'integer' }, 'number'],
    ['words', { type: 'string', enum: ['A', 'B'] }, "'A' | 'B'"],
    ['a list of words', { type: 'array', items: { enum: ['A', 'B'] } }, "readonly ('A' | 'B')[]"],
    ['a quantity', { 'x-kubernetes-int-or-string': true }, 'string | number'],
    ['a map', { type: 'object', additionalProperties: { type: 'string' } }, 'Readonly<Record<string, string>>'],
    ['anything', {}, 'unknown'],
    [
      'an object',
      { type: 'object', required: ['a'], properties: { a: { type: 'string' }, b: { type: 'boolean', default: true } } },
      '{\n  readonly a: string;\n  /** Default true. */\n  readonly b?: boolean;\n}',
    ],
  ] as const)('writes %s', (_, schema, expected) => {
    expect(new TypeWriter().typeOf(schema, 0)).toBe(expected);
  });

  test('names a schema by its title, once, however it is described', () => {
    const writer = new TypeWriter();
    expect(writer.typeOf({ title: 'Word', description: 'Here.', type: 'string', enum: ['A'] }, 0)).toBe('Word');
    expect(writer.typeOf({ title: 'Word', description: 'There.', type: 'string', enum: ['A'] }, 0)).toBe('Word');
    expect(writer.declarations()).toEqual(["export type Word = 'A';\n"]);
  });

  test('refuses two different schemas of one title', () => {
    const writer = new TypeWriter();
    writer.typeOf({ title: 'Word', type: 'string', enum: ['A'] }, 0);
    expect(() => writer.typeOf({ title: 'Word', type: 'string', enum: ['B'] }, 0)).toThrow(
      'two different schemas have the title Word',
    );
  });
});
