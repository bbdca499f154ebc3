/** A catalog as it was read: how many changes were known when that was asked for. */
interface Read {
  readonly version: string;
  readonly changes: number;
}

/**
 * How often the catalogs of databases are known to have changed: all sessions of a gate share it, so that what one defines the others do not
 * read as it was before.
 */
export class CatalogChanges {
  readonly #counts = new Map<string, number>();
  readonly #newest = new Map<string, Read>();

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
}
