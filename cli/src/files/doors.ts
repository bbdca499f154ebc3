import { dirname, resolve } from 'node:path';
import { type AgentAccess, type ConfiguredDoor, type Door, fail, ok, type Result } from '@sidegate/crds';
import { type FileFault, faultAt, type Located, placeOf } from './file-fault.ts';
import { type FolderContent, fullName } from './folder-content.ts';
import { findTarget } from './references.ts';

interface Name {
  readonly namespace: string;
  readonly name: string;
}

/** A door, and the reference that asks for it. */
interface PlacedDoor {
  readonly door: Door;
  readonly access: Located<AgentAccess>;
  readonly reference: number;
}

/**
 * One door for each Target that an AgentAccess names. `listen` is the host of the option --listen: every door is then on a free port
 * there; without it the Configuration says.
 */
export function planDoors(
  content: FolderContent,
  listen: string | undefined,
): Result<readonly Door[], readonly FileFault[]> {
  const placed = content.accesses.flatMap((access) =>
    access.value.spec.targetRefs.flatMap((_, reference) => placeDoor(content, access, reference, listen) ?? []),
  );
  const faults = [...strayDoors(content), ...takenDoors(placed), ...missingTokenFiles(placed)];
  return faults.length === 0 ? ok(placed.map(({ door }) => door)) : fail(faults);
}

function placeDoor(
  content: FolderContent,
  access: Located<AgentAccess>,
  reference: number,
  listen: string | undefined,
): PlacedDoor | undefined {
  const { metadata, spec } = access.value;
  const accessName: Name = { namespace: metadata.namespace ?? 'default', name: metadata.name };
  const target = findTarget(content, spec.targetRefs[reference] ?? { name: '' }, accessName.namespace)?.value;
  if (target === undefined) return undefined;
  const targetName: Name = { namespace: target.metadata.namespace ?? 'default', name: target.metadata.name };
  const [configuration] = content.configurations;
  const defaults = configuration?.value.listen ?? {};
  const own = defaults.doors?.find((one) => isSame(one.access, accessName) && isSame(one.target, targetName));
  const fromFile = (path: string): string => resolve(dirname(configuration?.origin.file ?? ''), path);
  const common = defaults.ports === 'Any' ? 0 : target.spec.port;
  const address =
    listen === undefined
      ? { host: own?.host ?? defaults.host ?? '127.0.0.1', port: own?.port ?? common }
      : { host: listen, port: 0 };
  const tokenFile = own?.workloadTokenFile ?? configuration?.value.workloadTokenFile;
  const needsToken = spec.identity.source === 'Workload';
  return {
    access,
    reference,
    door: {
      access: accessName,
      target: targetName,
      listen: {
        ...address,
        ...(own?.unixDirectory === undefined ? {} : { unixDirectory: fromFile(own.unixDirectory) }),
      },
      ...(needsToken && tokenFile !== undefined ? { workloadTokenFile: fromFile(tokenFile) } : {}),
    },
  };
}

/** A door of the Configuration that belongs to nothing is a misspelt one: it would silently change nothing. */
function strayDoors(content: FolderContent): readonly FileFault[] {
  return content.configurations.flatMap(({ value, origin }) =>
    (value.listen?.doors ?? []).flatMap((door, index) => {
      if (content.malformed.size > 0 || belongs(door, content)) return [];
      const access = `${door.access.namespace}/${door.access.name}`;
      const message = `No AgentAccess ${access} names a Target ${door.target.namespace}/${door.target.name}.`;
      return faultAt(
        'MissingDoor',
        origin,
        ['listen', 'doors', index],
        message,
        'Correct the names, or remove the door.',
      );
    }),
  );
}

function belongs(door: ConfiguredDoor, { accesses }: FolderContent): boolean {
  return accesses.some(({ value: { metadata, spec } }) => {
    const own: Name = { namespace: metadata.namespace ?? 'default', name: metadata.name };
    const names = spec.targetRefs.map((one) => ({ namespace: one.namespace ?? own.namespace, name: one.name }));
    return isSame(door.access, own) && names.some((name) => isSame(door.target, name));
  });
}

function takenDoors(placed: readonly PlacedDoor[]): readonly FileFault[] {
  const first = new Map<string, PlacedDoor>();
  return placed.flatMap((one) => {
    const { host, port } = one.door.listen;
    const before = first.get(`${host}:${port}`);
    if (port === 0) return [];
    if (before === undefined) {
      first.set(`${host}:${port}`, one);
      return [];
    }
    const path = ['spec', 'targetRefs', one.reference];
    const place = placeOf(before.access.origin, ['spec', 'targetRefs', before.reference]);
    const message = `${host}:${port} is already the door of ${fullName(before.access.value)}, at ${place}.`;
    const mend = 'Give one of them another port in listen.doors of the Configuration, or use --listen.';
    return faultAt('DoorTaken', one.access.origin, path, message, mend);
  });
}

function missingTokenFiles(placed: readonly PlacedDoor[]): readonly FileFault[] {
  return placed.flatMap(({ door, access }) => {
    if (access.value.spec.identity.source !== 'Workload' || door.workloadTokenFile !== undefined) return [];
    const message = 'The Workload identity has no token file on this machine.';
    const mend = 'Add workloadTokenFile to the Configuration.';
    return faultAt('MissingTokenFile', access.origin, ['spec', 'identity', 'source'], message, mend);
  });
}

function isSame(one: Name, other: Name): boolean {
  return one.namespace === other.namespace && one.name === other.name;
}
