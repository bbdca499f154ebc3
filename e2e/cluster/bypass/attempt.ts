import { type ClusterCase, must } from '../case.ts';
import type { Stage } from '../cluster-stage.ts';
import { Ground } from './ground.ts';
import type { Outcome } from './outcome.ts';

/** One way round the gate. */
export interface Attempt {
  /** A phrase, for docs/bypass.md. */
  readonly what: string;
  readonly run: (ground: Ground) => Promise<Outcome>;
  /** What is said when it is refused. */
  readonly refusal: RegExp;
  /** The same with what the guard protects; where nothing can be taken away. */
  readonly armed?: (ground: Ground) => Promise<Outcome>;
}

/** What is taken away so that an attempt succeeds. */
export interface Guard {
  /** A phrase, for docs/bypass.md. */
  readonly what: string;
  /** Takes it away; disposing puts it back. */
  readonly take: (ground: Ground) => Promise<AsyncDisposable>;
}

/** Attempts that one guard refuses. */
export interface Bypass {
  /** The case's name without `bypass-`. */
  readonly name: string;
  /** What is refused: a phrase. */
  readonly what: string;
  /** By what it is refused, for docs/bypass.md. */
  readonly refusedBy: string;
  readonly attempts: readonly Attempt[];
  /** What is taken away; or, in words, what `armed` has. */
  readonly without?: Guard;
  readonly armedWith?: string;
}

export const BYPASS = 'bypass';
export const GROUND = `${BYPASS}-ground`;

const SAID_MAX = 240;

/** What a reader of the log is shown. */
function show(what: string, { said }: Outcome): void {
  const line = said.trim().replaceAll(/\s+/g, ' ');
  process.stderr.write(`  ${what}: ${line.length > SAID_MAX ? `${line.slice(0, SAID_MAX)} ...` : line}\n`);
}

/** The case: each attempt is refused, and succeeds when its guard is away; then the guard is back. */
export function bypassCase(bypass: Bypass): ClusterCase {
  const { name, what, refusedBy, without, attempts } = bypass;
  return {
    name: `${BYPASS}-${name}`,
    group: BYPASS,
    what: `${what}: refused by ${refusedBy}, and not without`,
    needs: [GROUND],
    run: async (stage: Stage) => {
      const ground = new Ground(stage);
      for (const attempt of attempts) await isRefused(ground, attempt);
      if (without === undefined) {
        for (const { what: tried, armed } of attempts) {
          if (armed === undefined) throw new Error(`nothing shows that this can succeed: ${tried}`);
          const outcome = await armed(ground);
          must(outcome.succeeded, `with ${bypass.armedWith ?? ''} it fails as well: ${tried}`, outcome.said);
          show(`with ${bypass.armedWith ?? ''}, ${tried}`, outcome);
        }
        return;
      }
      {
        await using _away = await without.take(ground);
        for (const attempt of attempts) await succeeds(ground, attempt, without.what);
      }
      const [first] = attempts;
      if (first === undefined) throw new Error('there is no attempt');
      await stage.cluster.until(`refused again: ${first.what}`, async () =>
        (await first.run(ground)).succeeded ? undefined : true,
      );
    },
  };
}

/** Throws unless the attempt fails for the reason that it should. */
export async function isRefused(ground: Ground, { what, run, refusal }: Attempt): Promise<void> {
  const outcome = await run(ground);
  must(!outcome.succeeded, `it succeeded: ${what}`, outcome.said);
  must(refusal.test(outcome.said), `it failed for another reason: ${what}`, outcome.said);
  show(`refused, ${what}`, outcome);
}

/** Resolves when the attempt succeeds: the API server forgets a guard a moment after it is gone. */
export async function succeeds(ground: Ground, { what, run }: Attempt, without: string): Promise<void> {
  const outcome = await ground.stage.cluster.until(`without ${without}: ${what}`, async () => {
    const tried = await run(ground);
    if (!tried.succeeded) throw new Error(tried.said);
    return tried;
  });
  show(`without ${without}, ${what}`, outcome);
}
