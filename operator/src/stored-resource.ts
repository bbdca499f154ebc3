import type { AgentAccess, FieldFault, Policy, Resource, Result, Target } from '@sidegate/crds';
import { RESOURCE_VALIDATORS } from '@sidegate/crds/schema';
import { type ApiObject, keyOf } from './kube/api-object.ts';

/** A resource of ours as the cluster holds it, read once. */
export interface StoredResource<R extends Resource> {
  readonly object: ApiObject;
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  /** With every default filled in; or what is wrong with it, when it was stored under another definition than ours. */
  readonly resource: Result<R, readonly FieldFault[]>;
}

export type StoredTarget = StoredResource<Target>;
export type StoredAccess = StoredResource<AgentAccess>;
export type StoredPolicy = StoredResource<Policy>;

/** Reads an object once and remembers it, as long as the object is remembered. */
export class ResourceReader<R extends Resource> {
  readonly #validate: (value: unknown) => Result<R, readonly FieldFault[]>;
  readonly #read = new WeakMap<ApiObject, StoredResource<R>>();

  constructor(validate: (value: unknown) => Result<R, readonly FieldFault[]>) {
    this.#validate = validate;
  }

  read(object: ApiObject): StoredResource<R> {
    const known = this.#read.get(object);
    if (known !== undefined) return known;
    const { apiVersion, kind, metadata } = object;
    const { name, namespace = 'default', uid, generation = 0, creationTimestamp } = metadata;
    // What the cluster adds to metadata is neither judged nor sent to gates.
    const own = { name, namespace, uid, generation };
    const stored: StoredResource<R> = {
      object,
      key: keyOf(object),
      namespace,
      name,
      generation,
      createdMs: Date.parse(creationTimestamp ?? '') || 0,
      resource: this.#validate({ apiVersion, kind, metadata: own, spec: object['spec'] }),
    };
    this.#read.set(object, stored);
    return stored;
  }
}

/** The readers of the three kinds that users write. */
export function openReaders(): {
  readonly targets: ResourceReader<Target>;
  readonly accesses: ResourceReader<AgentAccess>;
  readonly policies: ResourceReader<Policy>;
} {
  return {
    targets: new ResourceReader(RESOURCE_VALIDATORS.Target),
    accesses: new ResourceReader(RESOURCE_VALIDATORS.AgentAccess),
    policies: new ResourceReader(RESOURCE_VALIDATORS.Policy),
  };
}

/** Who came first: by the time of creation, then by name, so that the answer is the same in every replica. */
export function byAge(one: StoredResource<Resource>, other: StoredResource<Resource>): number {
  return one.createdMs - other.createdMs || (one.key < other.key ? -1 : Number(one.key > other.key));
}
