import type { CatalogChanges } from './catalog-changes.ts';
import type { NameChanges, SessionNames } from './session-names.ts';

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
  /** Names that DDL of the open transaction defines, from when it is sent. */
  #defines: ReadonlySet<string> = new Set();

  /** `database`: its name for all sessions of a gate. */
  constructor(changes: CatalogChanges, database: string) {
    this.#changes = changes;
    this.#database = database;
  }

  /** DDL is sent: what it names others may meet in either form. */
  sent({ changes = [], creates }: NameChanges): void {
    const own = temporaryOf(creates);
    const names = changes.filter((name) => !own.has(name));
    if (names.length === 0) return;
    this.#defines = new Set([...this.#defines, ...names]);
    this.#changes.define(this.#database, this, this.#defines);
  }

  /** DDL ran. Others see it, and the catalog can be read again, once it is committed. */
  changed({ changes, creates }: NameChanges): void {
    this.#uncommitted = true;
    const own = temporaryOf(creates);
    if (own.size === 0 || changes?.every((name) => own.has(name)) !== true) this.#isForAll = true;
  }

  /** No transaction is open any longer. */
  committed(): void {
    if (this.#isForAll) this.note();
    else if (this.#uncommitted) this.#ownStale = true;
    this.#isForAll = false;
    this.#uncommitted = false;
    this.over();
  }

  /** The session is over, or has nothing open. */
  over(): void {
    if (this.#defines.size === 0) return;
    this.#defines = new Set();
    this.#changes.define(this.#database, this, this.#defines);
  }

  /** What names mean here is also what others are making of them. */
  beside(names: SessionNames): SessionNames {
    const open = this.#changes.definedBeside(this.#database, this);
    if (open === undefined) return names;
    return { ...names, changed: new Set([...names.changed, ...open.names]), key: `${names.key} ${open.key}` };
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

/** The names of temporary tables that are made. */
function temporaryOf(creates: NameChanges['creates'] = []): ReadonlySet<string> {
  return new Set(creates.filter(({ temporary }) => temporary).map(({ name }) => name));
}
