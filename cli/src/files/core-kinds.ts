import type { ObjectMeta } from '@sidegate/crds';
import { compileSchema, METADATA_SCHEMA, type StructuralSchema } from '@sidegate/crds/schema';

/** A Secret (core/v1), as far as it is read. */
export interface Secret {
  readonly kind: 'Secret';
  readonly metadata: ObjectMeta;
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** A ConfigMap (core/v1), as far as it is read. */
export interface ConfigMap {
  readonly kind: 'ConfigMap';
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

/** A Namespace (core/v1): in files it only carries labels. */
export interface Namespace {
  readonly kind: 'Namespace';
  readonly metadata: ObjectMeta;
}

const UNREAD: StructuralSchema = { 'x-kubernetes-preserve-unknown-fields': true };

const TEXTS: StructuralSchema = {
  description: 'A map from key to text.',
  type: 'object',
  additionalProperties: { description: 'Text; a number or a truth value stands in quotes.', type: 'string' },
};

function objectSchema(properties: Readonly<Record<string, StructuralSchema>>): StructuralSchema {
  return {
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata'],
    properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: METADATA_SCHEMA, ...properties },
  };
}

/** Validators of the core kinds that stand beside the resources. */
export const CORE_VALIDATORS = {
  Secret: compileSchema<Secret>(
    objectSchema({
      type: { description: 'The type of the Secret.', type: 'string' },
      data: TEXTS,
      stringData: TEXTS,
      immutable: UNREAD,
    }),
  ),
  ConfigMap: compileSchema<ConfigMap>(objectSchema({ data: TEXTS, binaryData: UNREAD, immutable: UNREAD })),
  Namespace: compileSchema<Namespace>(objectSchema({ spec: UNREAD, status: UNREAD })),
};
