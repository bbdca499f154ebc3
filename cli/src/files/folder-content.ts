import {
  type AgentAccess,
  API_VERSION,
  type Configuration,
  type ObjectMeta,
  type Policy,
  suggest,
  type Target,
} from '@sidegate/crds';
import { RESOURCE_VALIDATORS, type Validator, validateConfiguration } from '@sidegate/crds/schema';
import { CORE_VALIDATORS, type ConfigMap, type Namespace, type Secret } from './core-kinds.ts';
import { type FileFault, faultAt, type Located, placeOf } from './file-fault.ts';
import { parseSource } from './source-document.ts';
import type { SourceFile } from './source-folder.ts';

/** The namespace whose Policies speak for all Targets, when the Configuration names none. */
export const OPERATOR_NAMESPACE = 'sidegate';

/** Everything that a folder holds, each object alone being well formed. */
export interface FolderContent {
  readonly targets: readonly Located<Target>[];
  readonly accesses: readonly Located<AgentAccess>[];
  readonly policies: readonly Located<Policy>[];
  readonly secrets: readonly Located<Secret>[];
  readonly configMaps: readonly Located<ConfigMap>[];
  readonly namespaces: readonly Located<Namespace>[];
  readonly configurations: readonly Located<Configuration>[];
  /** `Kind namespace/name` of objects that are there but malformed: nothing is said of what refers to them. */
  readonly malformed: ReadonlySet<string>;
}

const READERS = {
  Target: { apiVersion: API_VERSION, validate: RESOURCE_VALIDATORS.Target },
  AgentAccess: { apiVersion: API_VERSION, validate: RESOURCE_VALIDATORS.AgentAccess },
  Policy: { apiVersion: API_VERSION, validate: RESOURCE_VALIDATORS.Policy },
  Configuration: { apiVersion: API_VERSION, validate: validateConfiguration },
  Secret: { apiVersion: 'v1', validate: CORE_VALIDATORS.Secret },
  ConfigMap: { apiVersion: 'v1', validate: CORE_VALIDATORS.ConfigMap },
  Namespace: { apiVersion: 'v1', validate: CORE_VALIDATORS.Namespace },
} as const;

type KindName = keyof typeof READERS;
type KindObject<Kind extends KindName> = (typeof READERS)[Kind]['validate'] extends Validator<infer T> ? T : never;

/** Reads every document of the files; what is malformed is told and left out, so that one read tells all faults. */
export function readContent(sources: readonly SourceFile[]): {
  readonly content: FolderContent;
  readonly faults: readonly FileFault[];
} {
  const parsed = sources.map(({ path, text }) => parseSource(path, text));
  const documents = parsed.flatMap((file) => file.documents);
  const faults = parsed.flatMap((file) => file.faults);
  const known = documents.filter((document) => {
    const fault = kindFault(document);
    if (fault !== undefined) faults.push(fault);
    return fault === undefined;
  });
  const malformed = new Set<string>();
  const all = <Kind extends KindName>(kind: Kind): readonly Located<KindObject<Kind>>[] =>
    decode(kind, known, READERS[kind].validate as Validator<KindObject<Kind>>, malformed, faults);
  const content: FolderContent = {
    targets: all('Target'),
    accesses: all('AgentAccess'),
    policies: all('Policy'),
    secrets: all('Secret'),
    configMaps: all('ConfigMap'),
    namespaces: all('Namespace'),
    configurations: all('Configuration'),
    malformed,
  };
  return { content, faults: [...faults, ...duplicates(content)] };
}

function kindFault({ value, origin }: Located<unknown>): FileFault | undefined {
  if (!isRecord(value)) {
    return faultAt(
      'WrongType',
      origin,
      [],
      'This is no object.',
      'Write an object with apiVersion, kind and metadata.',
    );
  }
  const { kind, apiVersion } = value;
  if (typeof kind !== 'string') {
    return faultAt(
      'MissingField',
      origin,
      ['kind'],
      'The object has no kind.',
      `Known kinds: ${kindNames().join(', ')}.`,
    );
  }
  if (!isKindName(kind)) {
    const near = suggest(kind, kindNames());
    const mend = near === undefined ? `Known kinds: ${kindNames().join(', ')}.` : `Did you mean "${near}"?`;
    return faultAt('UnknownKind', origin, ['kind'], `Unknown kind "${kind}".`, mend);
  }
  const expected = READERS[kind].apiVersion;
  if (apiVersion === expected) return undefined;
  const message =
    typeof apiVersion === 'string' ? `Unknown version "${apiVersion}" of ${kind}.` : 'There is no apiVersion.';
  return faultAt('UnknownVersion', origin, ['apiVersion'], message, `Write apiVersion: ${expected}.`);
}

function decode<T>(
  kind: KindName,
  documents: readonly Located<unknown>[],
  validate: Validator<T>,
  malformed: Set<string>,
  faults: FileFault[],
): readonly Located<T>[] {
  return documents.flatMap(({ value, origin }) => {
    if (!isRecord(value) || value['kind'] !== kind) return [];
    const result = validate(value);
    if (result.ok) return [{ value: result.value, origin }];
    malformed.add(malformedName(kind, value));
    for (const { code, path, message, mend } of result.fault) {
      const holdsSecret = kind === 'Secret' && path.length > 1 && (path[0] === 'data' || path[0] === 'stringData');
      faults.push(faultAt(code, origin, path, holdsSecret ? 'This must be text.' : message, mend));
    }
    return [];
  });
}

function duplicates(content: FolderContent): readonly FileFault[] {
  const { targets, accesses, policies, secrets, configMaps, namespaces, configurations } = content;
  const named: readonly (readonly Located<NamedObject>[])[] = [targets, accesses, policies, secrets, configMaps];
  return [
    ...named.flatMap((objects) => secondOf(objects, fullName)),
    ...secondOf(namespaces, ({ metadata }) => `Namespace ${metadata.name}`),
    ...secondOf(configurations, () => 'Configuration'),
  ];
}

interface NamedObject {
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** `Kind namespace/name`. */
export function fullName({ kind, metadata }: NamedObject): string {
  return `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
}

function malformedName(kind: KindName, { metadata }: Readonly<Record<string, unknown>>): string {
  const { namespace = 'default', name } = isRecord(metadata) ? metadata : {};
  return `${kind} ${String(namespace)}/${String(name)}`;
}

function secondOf<T>(objects: readonly Located<T>[], nameOf: (value: T) => string): readonly FileFault[] {
  const first = new Map<string, Located<T>>();
  return objects.flatMap((object) => {
    const name = nameOf(object.value);
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, object);
      return [];
    }
    const message = `${name} stands twice; the first is at ${placeOf(before.origin)}.`;
    return faultAt('DuplicateName', object.origin, ['metadata', 'name'], message, 'Rename or remove one of the two.');
  });
}

function kindNames(): readonly string[] {
  return Object.keys(READERS);
}

function isKindName(kind: string): kind is KindName {
  return Object.hasOwn(READERS, kind);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
