/** Settings that say what a literal means (`'01/02/2026'`), as the server names them when it reports them. */
const REPORTED = ['DateStyle', 'IntervalStyle', 'TimeZone'] as const;

const NAMES: ReadonlySet<string> = new Set(REPORTED.map((name) => name.toLowerCase()));

/** True for the name of such a setting, in lower case. */
export function isLiteralSetting(name: string): boolean {
  return NAMES.has(name);
}

/** Follows them by what the server reports with each ReadyForQuery, and in between by what statements do. */
export class LiteralSettings {
  readonly #atStart: ReadonlyMap<string, string>;
  readonly #reported: Map<string, string>;
  /** Since the last report, by their names in lower case; undefined: what it was set to cannot be told. */
  readonly #set = new Map<string, string | undefined>();
  /** Since the last report: those that were changed may have changed again, or any of them. */
  #doubt: 'None' | 'Changed' | 'All' = 'None';

  constructor(parameters: ReadonlyMap<string, string>) {
    this.#atStart = new Map(parameters);
    this.#reported = new Map(parameters);
  }

  reported(name: string, value: string): void {
    this.#reported.set(name, value);
  }

  set(name: string, value: string | undefined): void {
    if (isLiteralSetting(name)) this.#set.set(name, value);
  }

  /** A transaction ended, or settings were set that nobody can tell (`all`). */
  doubt(all: boolean): void {
    if (this.#doubt !== 'All') this.#doubt = all ? 'All' : 'Changed';
  }

  /** The server has reported all that changed. */
  ready(): void {
    this.#set.clear();
    this.#doubt = 'None';
  }

  /** Those that are not as at the start; undefined: it cannot be told what they are. */
  get changed(): readonly (readonly [name: string, value: string | undefined])[] {
    return REPORTED.flatMap((name): readonly (readonly [string, string | undefined])[] => {
      const key = name.toLowerCase();
      const value = this.#set.has(key) ? this.#set.get(key) : this.#reported.get(name);
      const isChanged = value !== this.#atStart.get(name);
      if (this.#doubt === 'All' || (isChanged && this.#doubt === 'Changed')) return [[name, undefined]];
      return isChanged ? [[name, value]] : [];
    });
  }
}
