import type { Happening, PlaybookOptions } from './playbook.ts';

/** A conversation whose transcript is kept as a golden file. */
export interface Scenario {
  /** Also the name of the file. */
  readonly name: string;
  readonly happenings: readonly Happening[];
  readonly options?: PlaybookOptions;
  /** Where cutting the bytes must change what happens (data in clear behind a TLS request), they are not cut. */
  readonly uncut?: boolean;
}
