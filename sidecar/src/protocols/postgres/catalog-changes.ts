/** A catalog as it was read: how many changes were known when that was asked for. */
interface Read {
  readonly version: string;
  readonly changes: number;
}

/** Names that are being defined. */
export interface OpenNames {
  readonly names: ReadonlySet<string>;
  /** Changes with them. */
  readonly key: string;
}

/**
 * How often the catalogs of databases are known to have changed: all sessions of a gate share it, so that what one defines the others do not
 * read as it was before.
 */
export class CatalogChanges {
  readonly #counts = new Map<string, number>();
  readonly #newest = new Map<string, Read>();
  /** By database and session, the names that its open transaction defines. */
  readonly #open = new Map<string, Map<object, ReadonlySet<string>>>();

  count(database: string): number {
    return this.#counts.get(database) ?? 0;
  }

  /** It changed: catalogs that were asked for before lie. */
  note(database: string): void {
    this.#counts.set(database, this.count(database) + 1);
  }

  /** A catalog was read as this user. Another one than before, with no change known in between, tells of one made past this gate. */
  read(database: string, user: string, read: Read): void {
    const key = `${user} ${database}`;
    const newest = this.#newest.get(key);
    if (newest !== undefined && read.changes < newest.changes) return;
    this.#newest.set(key, read);
    if (newest?.changes === read.changes && newest.version !== read.version) this.note(database);
  }

  /** A session defines these names; none: it is done. */
  define(database: string, session: object, names: ReadonlySet<string>): void {
    const sessions = this.#open.get(database) ?? new Map<object, ReadonlySet<string>>();
    if (names.size > 0) sessions.set(session, names);
    else sessions.delete(session);
    if (sessions.size > 0) this.#open.set(database, sessions);
    else this.#open.delete(database);
  }

  /** Names that other sessions define: a command that waits for them meets what they will mean. Undefined: there are none. */
  definedBeside(database: string, session: object): OpenNames | undefined {
    const sessions = this.#open.get(database);
    if (sessions === undefined) return undefined;
    const names = new Set<string>();
    for (const [other, defined] of sessions) if (other !== session) for (const name of defined) names.add(name);
    return names.size === 0 ? undefined : { names, key: JSON.stringify([...names]) };
  }
}
