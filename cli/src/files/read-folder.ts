import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Configuration, type Fault, fail, ok, type Result, type Snapshot } from '@sidegate/crds';
import { planDoors } from './doors.ts';
import { type FileFault, faultAt, type Located, type Origin } from './file-fault.ts';
import { type FolderContent, OPERATOR_NAMESPACE, readContent } from './folder-content.ts';
import { checkReferences } from './references.ts';
import type { Environment } from './secret-text.ts';
import { readSources, reasonOf } from './source-folder.ts';
import { readTargetSecrets } from './target-secrets.ts';

/** After these it is not known which objects there are, so nothing is said of what refers to them. */
const NAMELESS: ReadonlySet<string> = new Set(['BadYaml', 'UnknownKind', 'UnknownVersion']);

/** A fault of a resource as the policy compiler tells it: which object, and which field, as text. */
export interface ResourceFault extends Fault {
  readonly at:
    | { readonly kind: string; readonly namespace: string; readonly name: string; readonly field: string }
    | undefined;
}

export interface ReadOptions {
  /** Hex, 32 bytes: the key of Hash masks when the Configuration names no file. */
  readonly maskKey: string;
  /** The host of the option --listen: every door is on a free port there. */
  readonly listen?: string;
  /** Compiles what was read, and gives what cannot be compiled; asked only when nothing else is wrong. */
  readonly compile?: (snapshot: Snapshot) => readonly ResourceFault[];
  /** The variables that Secrets may take a password from; none when absent. */
  readonly environment?: Environment;
}

/**
 * Reads a folder of resource files into the snapshot that a gate runs on: the whole of it, or every fault that was found, each with file,
 * line, field and what to do. The version is a keyed hash of the content, secrets included: equal content has an equal version.
 */
export async function readFolder(path: string, options: ReadOptions): Promise<Result<Snapshot, readonly FileFault[]>> {
  const sources = await readSources(path);
  if (!sources.ok) return sources;
  const { content, faults } = readContent(sources.value);
  if (faults.some(({ code, field }) => NAMELESS.has(code) || field === '' || field === 'kind'))
    return fail(inOrder(faults));
  const [configuration] = content.configurations;
  const secrets = await readTargetSecrets(content, options.environment ?? {});
  const doors = planDoors(content, options.listen);
  const maskKey = await readMaskKey(configuration, options.maskKey);
  const all = [
    ...faults,
    ...checkReferences(content),
    ...(secrets.ok ? [] : secrets.fault),
    ...(doors.ok ? [] : doors.fault),
    ...(maskKey.ok ? [] : [maskKey.fault]),
  ];
  if (all.length > 0 || !secrets.ok || !doors.ok || !maskKey.ok) return fail(inOrder(all));
  const whole = {
    resources: {
      targets: content.targets.map(({ value }) => value),
      accesses: content.accesses.map(({ value }) => value),
      policies: content.policies.map(({ value }) => value),
    },
    operatorNamespace: configuration?.value.operatorNamespace ?? OPERATOR_NAMESPACE,
    namespaceLabels: Object.fromEntries(
      content.namespaces.map(({ value: { metadata } }) => [metadata.name, metadata.labels ?? {}]),
    ),
    maskKey: maskKey.value,
    issuers: configuration?.value.issuers ?? [],
    ...(configuration?.value.owner === undefined ? {} : { owner: configuration.value.owner }),
    secrets: secrets.value,
    doors: doors.value,
  };
  const snapshot: Snapshot = { version: versionOf(whole), nonce: randomUUID(), ...whole };
  const compiled = (options.compile?.(snapshot) ?? []).map((fault) => locate(fault, content, path));
  return compiled.length === 0 ? ok(snapshot) : fail(compiled);
}

function versionOf(whole: Omit<Snapshot, 'version' | 'nonce'>): string {
  return createHmac('sha256', Buffer.from(whole.maskKey, 'hex'))
    .update(JSON.stringify(whole))
    .digest('hex')
    .slice(0, 16);
}

async function readMaskKey(
  configuration: Located<Configuration> | undefined,
  otherwise: string,
): Promise<Result<string, FileFault>> {
  const file = configuration?.value.maskKeyFile;
  if (configuration === undefined || file === undefined) return ok(otherwise);
  const { origin } = configuration;
  const mend = 'Write 64 hexadecimal digits there, such as `openssl rand -hex 32` gives.';
  try {
    const text = (await readFile(resolve(dirname(origin.file), file), 'utf8')).trim();
    if (/^[0-9a-f]{64}$/i.test(text)) return ok(text.toLowerCase());
    return fail(faultAt('BadMaskKey', origin, ['maskKeyFile'], `The file ${file} holds no key.`, mend));
  } catch (error) {
    const message = `The file ${file} cannot be read: ${reasonOf(error)}.`;
    return fail(faultAt('BadMaskKey', origin, ['maskKeyFile'], message, mend));
  }
}

function inOrder(faults: readonly FileFault[]): readonly FileFault[] {
  return faults.toSorted((a, b) => (a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1));
}

/** Gives a fault of the compiler the file and line of the field that it names. */
function locate(fault: ResourceFault, content: FolderContent, path: string): FileFault {
  const { code, message, mend = '', at } = fault;
  const objects = [...content.targets, ...content.accesses, ...content.policies];
  const found = objects.find(({ value: { kind, metadata } }) => {
    return kind === at?.kind && metadata.name === at.name && (metadata.namespace ?? 'default') === at.namespace;
  });
  const origin: Origin = found?.origin ?? { file: path, lineOf: () => 1 };
  return faultAt(code, origin, parsePath(at?.field ?? ''), message, mend);
}

/** `spec.rules[2].action` as steps. */
function parsePath(field: string): readonly (string | number)[] {
  const steps = field.match(/[^.[\]]+/g) ?? [];
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
