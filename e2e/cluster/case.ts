import type { Stage } from './cluster-stage.ts';

/** One thing that is shown on a cluster. Throws when it does not hold. */
export interface ClusterCase {
  /** For `--only`. */
  readonly name: string;
  /** Cases that `--only` can name together. */
  readonly group?: string;
  /** What holds when it passes: a sentence. */
  readonly what: string;
  /** Cases that must have run before. */
  readonly needs?: readonly string[];
  /** Why it cannot be shown on this cluster; undefined when it can. */
  readonly skip?: (stage: Stage) => string | undefined;
  readonly run: (stage: Stage) => Promise<void>;
}

/** Throws `what` with the evidence unless `holds`. */
export function must(holds: boolean, what: string, evidence: unknown = ''): void {
  if (holds) return;
  const shown = typeof evidence === 'string' ? evidence : JSON.stringify(evidence);
  throw new Error(shown === '' ? what : `${what}:\n${shown}`);
}
