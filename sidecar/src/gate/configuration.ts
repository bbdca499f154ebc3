import type { AgentAccess, Door, Fault, Snapshot, Target, TargetSecrets } from '@sidegate/crds';
import type { RuleSet } from '@sidegate/policy';
import type { DoorNames } from './door-names.ts';

type Name = { readonly namespace?: string; readonly name: string };

/** `namespace/name`; a resource without a namespace is in `default`. */
export function nameOf({ namespace = 'default', name }: Name): string {
  return `${namespace}/${name}`;
}

/** A door with everything that a connection through it needs. */
export interface OpenDoor {
  readonly door: Door;
  readonly target: Target;
  readonly access: AgentAccess;
  readonly secrets: TargetSecrets | undefined;
}

/** One snapshot, compiled: what the gate runs on until the next. Immutable. */
export interface Configuration {
  readonly snapshot: Snapshot;
  readonly rules: RuleSet;
  /** By {@link doorKey}. */
  readonly doors: ReadonlyMap<string, OpenDoor>;
}

/** What a door is known by: sessions through it go on when the next snapshot has the same. */
export function doorKey({ access, target, listen }: Door): string {
  return JSON.stringify([nameOf(access), nameOf(target), listen.host, listen.port]);
}

/** True when both lead from the same AgentAccess to the same Target, wherever they listen. */
export function leadsAlike(one: DoorNames, other: DoorNames): boolean {
  return nameOf(one.access) === nameOf(other.access) && nameOf(one.target) === nameOf(other.target);
}

/** Joins the parts of a snapshot; a door that leads nowhere is a fault of whoever made the snapshot. */
export function configure(
  snapshot: Snapshot,
  rules: RuleSet,
): { readonly configuration: Configuration; readonly faults: readonly Fault[] } {
  const targets = new Map(snapshot.resources.targets.map((target) => [nameOf(target.metadata), target]));
  const accesses = new Map(snapshot.resources.accesses.map((access) => [nameOf(access.metadata), access]));
  const secrets = new Map(snapshot.secrets.map((one) => [nameOf(one.target), one]));
  const doors = new Map<string, OpenDoor>();
  const faults: Fault[] = [];
  for (const door of snapshot.doors) {
    const target = targets.get(nameOf(door.target));
    const access = accesses.get(nameOf(door.access));
    if (target === undefined || access === undefined) {
      const missing = target === undefined ? `Target ${nameOf(door.target)}` : `AgentAccess ${nameOf(door.access)}`;
      faults.push({ code: 'DoorToNowhere', message: `A door leads to ${missing}, which is not in the snapshot.` });
      continue;
    }
    doors.set(doorKey(door), { door, target, access, secrets: secrets.get(nameOf(door.target)) });
  }
  return { configuration: { snapshot, rules, doors }, faults };
}

/** True when sessions to the target must be opened anew: it is somewhere else, or spoken to differently. */
export function movedTarget(before: OpenDoor, after: OpenDoor): boolean {
  const facts = ({ target: { spec }, secrets }: OpenDoor): string =>
    JSON.stringify([
      spec.protocol,
      spec.host,
      spec.port,
      spec.tls?.mode,
      spec.postgres,
      spec.redis,
      spec.ssh,
      secrets?.authorities,
    ]);
  return facts(before) !== facts(after);
}
