import type { CatalogChanges } from './catalog-changes.ts';
import type { NameChanges } from './session-names.ts';

/** Whether the catalog that a session has still says what names mean. */
export class CatalogWatch {
  readonly #changes: CatalogChanges;
  readonly #database: string;
  /** How many changes were known when the catalog was asked for. */
  #known = 0;
  /** DDL ran in the transaction that is open. */
  #uncommitted = false;
  /** Not all of it made temporary tables: others see it as well. */
  #isForAll = false;
  /** DDL of this session alone was committed. */
  #ownStale = false;

  /** `database`: its name for all sessions of a gate. */
  constructor(changes: CatalogChanges, database: string) {
    this.#changes = changes;
    this.#database = database;
  }

  /** DDL ran. Others see it, and the catalog can be read again, once it is committed. */
  changed({ changes, creates = [] }: NameChanges): void {
    this.#uncommitted = true;
    const own = new Set(creates.filter(({ temporary }) => temporary).map(({ name }) => name));
    if (own.size === 0 || changes?.every((name) => own.has(name)) !== true) this.#isForAll = true;
  }

  /** No transaction is open any longer. */
  committed(): void {
    if (this.#isForAll) this.note();
    else if (this.#uncommitted) this.#ownStale = true;
    this.#isForAll = false;
    this.#uncommitted = false;
  }

  /** Something was met that the catalog does not know. */
  note(): void {
    this.#changes.note(this.#database);
  }

  get lies(): boolean {
    return this.#ownStale || this.#changes.count(this.#database) > this.#known;
  }

  /** It is asked for. What this session alone knows of only a reading has that begins now: then no number says which does. */
  asks(): { readonly changes?: number } {
    const isOwn = this.#ownStale;
    this.#ownStale = false;
    this.#known = this.#changes.count(this.#database);
    return isOwn ? {} : { changes: this.#known };
  }

  /** It was read as this user. */
  read(user: string, version: string): void {
    this.#changes.read(this.#database, user, { version, changes: this.#known });
  }
}
