import type { SteeredNames } from '../dns/answerer.ts';
import { type NameScope, namesOfHost } from '../dns/target-names.ts';
import type { OpenDoor } from '../gate/configuration.ts';

/**
 * The names of Targets and where they lead now. A host of which no door could be opened leads nowhere: what sits on its address is not the
 * gate. One of which some could leads to those.
 */
export function steeredNames(open: readonly OpenDoor[], blocked: readonly OpenDoor[], scope: NameScope): SteeredNames {
  const names = new Map<string, string | undefined>();
  for (const door of blocked) for (const name of namesOf(door, scope)) names.set(name, undefined);
  for (const door of open) for (const name of namesOf(door, scope)) names.set(name, door.door.listen.host);
  return names;
}

function namesOf({ target }: OpenDoor, scope: NameScope): readonly string[] {
  return namesOfHost(target.spec.host, scope);
}
