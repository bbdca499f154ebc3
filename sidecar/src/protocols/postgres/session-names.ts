/** A relation that DDL of this session made. */
export interface CreatedRelation {
  /** Empty when it cannot be told. */
  readonly schema: string;
  readonly name: string;
  readonly temporary: boolean;
  /** Undefined: only the catalog can tell, once it is committed (a view, a table that inherits). */
  readonly columns: readonly string[] | undefined;
}

/** The table that a new foreign key points to. */
export interface NewReference {
  readonly table: string;
  /** It changes rows when those that they point to are deleted or changed. */
  readonly acts: boolean;
}

/** What one statement does to names. */
export interface NameChanges {
  readonly changes?: readonly string[];
  readonly creates?: readonly CreatedRelation[];
  readonly refers?: readonly NewReference[];
}

/** What names mean in a session and nowhere else. Immutable. */
export interface SessionNames {
  /** Names of relations and functions that DDL of the open transaction changed: the gate's own connection does not see how. */
  readonly changed: ReadonlySet<string>;
  /** Of these, the relations that the open transaction made and did not change again, by name. */
  readonly created: ReadonlyMap<string, CreatedRelation>;
  /** Names of temporary relations that this session ever made: they hide others of the same name. */
  readonly temporary: ReadonlySet<string>;
  /** By name, tables that foreign keys made in the open transaction point to; true: such a key acts on rows. */
  readonly referred: ReadonlyMap<string, boolean>;
  /** Changes with all of it. */
  readonly key: string;
}

/** A session that has defined nothing. */
export const NO_NAMES: SessionNames = {
  changed: new Set(),
  created: new Map(),
  temporary: new Set(),
  referred: new Map(),
  key: '',
};

/** The names after a statement is done. */
export function defineNames(
  names: SessionNames,
  { changes = [], creates = [], refers = [] }: NameChanges,
): SessionNames {
  if (changes.length === 0 && creates.length === 0 && refers.length === 0) return names;
  const changed = new Set([...names.changed, ...changes]);
  const created = new Map(names.created);
  for (const name of changes) created.delete(name);
  for (const relation of creates) {
    // Two of one name in one transaction: only the server knows which is meant.
    if (!names.created.has(relation.name)) created.set(relation.name, relation);
  }
  const temporary = new Set(names.temporary);
  for (const { name, temporary: isTemporary } of creates) if (isTemporary) temporary.add(name);
  const referred = new Map(names.referred);
  for (const { table, acts } of refers) referred.set(table, acts || referred.get(table) === true);
  return keyed({ changed, created, temporary, referred });
}

/** The names after the transaction ended: the catalog tells again what they are. */
export function endNames(names: SessionNames): SessionNames {
  if (names.changed.size === 0 && names.created.size === 0 && names.referred.size === 0) return names;
  return keyed({ ...NO_NAMES, temporary: names.temporary });
}

function keyed(names: Omit<SessionNames, 'key'>): SessionNames {
  const { changed, created, temporary, referred } = names;
  if (changed.size === 0 && temporary.size === 0 && referred.size === 0) return NO_NAMES;
  return { ...names, key: JSON.stringify([[...changed], [...created.values()], [...temporary], [...referred]]) };
}
