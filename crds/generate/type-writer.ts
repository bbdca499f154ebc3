import { isDeepStrictEqual } from 'node:util';
import type { StructuralSchema } from '../src/structural-schema.ts';

/** Writes TypeScript types for structural schemas; a schema with a title becomes a named type of its own. */
export class TypeWriter {
  readonly #named = new Map<string, { readonly schema: StructuralSchema; readonly text: string }>();

  /** The expression for one schema. Throws when two different schemas share a title: that is a mistake in the definitions. */
  typeOf(schema: StructuralSchema, depth: number): string {
    const { title } = schema;
    if (title === undefined) return this.#expressionOf(schema, depth);
    const known = this.#named.get(title);
    if (known === undefined) {
      this.#named.set(title, { schema, text: '' });
      this.#named.set(title, { schema, text: this.#declarationOf(title, schema) });
    } else if (!isDeepStrictEqual(shapeOf(known.schema), shapeOf(schema))) {
      throw new Error(`two different schemas have the title ${title}`);
    }
    return title;
  }

  /** Every named type, in the order of names. */
  declarations(): readonly string[] {
    return [...this.#named].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { text }]) => text);
  }

  #declarationOf(title: string, schema: StructuralSchema): string {
    const expression = this.#expressionOf(schema, 0);
    if (expression.startsWith('{')) return `export interface ${title} ${expression}\n`;
    return `export type ${title} = ${expression};\n`;
  }

  #expressionOf(schema: StructuralSchema, depth: number): string {
    if (schema['x-kubernetes-int-or-string'] === true) return 'string | number';
    if (schema.enum !== undefined) return schema.enum.map((value) => `'${value}'`).join(' | ');
    switch (schema.type) {
      case 'string':
      case 'boolean':
        return schema.type;
      case 'integer':
      case 'number':
        return 'number';
      case 'array':
        return `readonly ${bracketed(this.typeOf(schema.items ?? {}, depth))}[]`;
      case 'object':
        return this.#objectOf(schema, depth);
      default:
        return 'unknown';
    }
  }

  #objectOf(schema: StructuralSchema, depth: number): string {
    if (schema.properties === undefined) {
      const value =
        schema.additionalProperties === undefined ? 'unknown' : this.typeOf(schema.additionalProperties, depth);
      return `Readonly<Record<string, ${value}>>`;
    }
    const indent = '  '.repeat(depth + 1);
    const lines = Object.entries(schema.properties).map(([name, property]) => {
      const optional = schema.required?.includes(name) === true ? '' : '?';
      const doc = commentOf(property);
      const comment = doc === '' ? '' : `${indent}/** ${doc} */\n`;
      return `${comment}${indent}readonly ${name}${optional}: ${this.typeOf(property, depth + 1)};\n`;
    });
    return `{\n${lines.join('')}${'  '.repeat(depth)}}`;
  }
}

function commentOf(schema: StructuralSchema): string {
  const isScalar = schema.default !== undefined && typeof schema.default !== 'object';
  const standard = isScalar ? [`Default ${JSON.stringify(schema.default)}.`] : [];
  return [...(schema.description === undefined ? [] : [schema.description]), ...standard].join(' ');
}

function bracketed(type: string): string {
  return type.includes(' | ') && !type.startsWith('{') ? `(${type})` : type;
}

/** What two schemas of one title must agree in: everything but what is said about the place where it stands. */
function shapeOf(schema: StructuralSchema): unknown {
  return { ...schema, description: undefined, default: undefined };
}
