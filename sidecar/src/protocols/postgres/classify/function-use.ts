import type { FunctionUse } from '@sidegate/policy';
import type { CatalogFunction } from '../catalog.ts';
import { type BodyReading, type Context, recordUse, type Use } from './findings.ts';
import {
  hasUnknownResult,
  isHarmlessExtension,
  isHarmlessVolatile,
  isTotal,
  kindOfFunction,
} from './function-lists.ts';
import { UNKNOWN, type Value } from './value.ts';
import { readBody } from './walk.ts';

/** What is known of one call. */
export interface CallReading {
  /** Those that the call may mean. Empty when the catalog has none. */
  readonly candidates: readonly CatalogFunction[];
  /** See `isTotal`. */
  readonly total: boolean;
  /** What the bodies give that could be read: it is in the result beside the arguments. */
  readonly bodies: readonly BodyReading[];
  /** The result may hold data that is not in the arguments. */
  readonly unknownResult: boolean;
}

/** Notes that a function is called, and whether that can be understood. `count` undefined: with any number of arguments. */
export function useFunction(
  context: Context,
  schema: string | undefined,
  name: string,
  count: number | undefined,
): CallReading {
  const candidates = findCandidates(context, schema, name, count);
  const dangerous = kindOfFunction(name);
  if (dangerous !== undefined) {
    context.findings.incomplete(dangerous, `The function ${name} reaches past what a statement says (${dangerous}).`);
  }
  if (candidates.length === 0) {
    context.statement.addFunction({ schema: schema ?? '', name, volatility: 'Unknown' });
    context.findings.incomplete('UnknownFunction', `The catalog has no function ${name} that takes these arguments.`);
    return { candidates, total: false, bodies: [], unknownResult: true };
  }
  if (context.findings.names.changed.has(name)) {
    context.findings.stale(`${name} was`);
  }
  let unknownResult = hasUnknownResult(name) || dangerous !== undefined;
  if (noteCalled(candidates, context)) unknownResult = true;
  let total = isTotal(name);
  const bodies: BodyReading[] = [];
  for (const candidate of candidates) {
    const understood = understand(context, candidate);
    if (understood === undefined) unknownResult = true;
    else if (understood !== 'Plain') bodies.push(understood);
    if (candidate.schema !== 'pg_catalog') total = false;
  }
  context.statement.addFunction(describeUse(candidates));
  return { candidates, total, bodies, unknownResult };
}

/** Notes what aggregates call; true when their results may hold more than is in the arguments. */
function noteCalled(candidates: readonly CatalogFunction[], context: Context): boolean {
  let isUnknown = false;
  for (const { schema, name } of candidates.flatMap(({ calls }) => calls)) {
    if (useFunction(context, schema, name, undefined).unknownResult) isUnknown = true;
  }
  return isUnknown;
}

function findCandidates(
  context: Context,
  schema: string | undefined,
  name: string,
  count: number | undefined,
): readonly CatalogFunction[] {
  const { catalog, state } = context.findings;
  const path = new Set(['pg_catalog', ...(state.searchPath ?? [])]);
  return catalog.functions(name).filter((candidate) => {
    const visible =
      schema === undefined ? state.searchPath === undefined || path.has(candidate.schema) : candidate.schema === schema;
    return visible && (count === undefined || (count >= candidate.argumentsMin && count <= candidate.argumentsMax));
  });
}

/** Judges one function: `Plain` when it makes its result of its arguments alone. Notes why when it is not understood. */
function understand(context: Context, called: CatalogFunction): BodyReading | 'Plain' | undefined {
  const { schema, name, language, volatility } = called;
  const { findings } = context;
  if (language !== 'internal' && language !== 'c' && !findings.catalog.isSystemSchema(schema)) {
    const body = language === 'sql' ? readBody(called, context) : undefined;
    if (body !== undefined) return body;
    findings.incomplete('UnknownFunction', `What ${schema}.${name} does cannot be told: it is written in ${language}.`);
    return undefined;
  }
  if (volatility !== 'Volatile' || kindOfFunction(name) !== undefined) return 'Plain';
  const harmless = schema === 'pg_catalog' ? isHarmlessVolatile(name) : isHarmlessExtension(name);
  if (harmless) return 'Plain';
  findings.incomplete('VolatileFunction', `The function ${schema}.${name} may change things.`);
  return undefined;
}

/** What the bodies of a call give, as values that flow into its result. Used as the result is: no column of the caller's stands for them. */
export function bodyValues({ bodies }: CallReading, context: Context, use: Use): readonly Value[] {
  const values = bodies.flatMap(
    ({ columns }) => columns?.map(({ value }) => ({ ...value, literals: [], parameters: [] })) ?? [UNKNOWN],
  );
  for (const { origin } of values) recordUse(context, origin, use);
  return values;
}

const ORDER = ['Immutable', 'Stable', 'Volatile'] as const;

/** One use for all that the call may mean: the worst volatility, and the schema of a candidate that is not the server's own. */
function describeUse(candidates: readonly CatalogFunction[]): FunctionUse {
  let worst = 0;
  let [chosen] = candidates;
  for (const candidate of candidates) {
    worst = Math.max(worst, ORDER.indexOf(candidate.volatility));
    if (candidate.schema !== 'pg_catalog') chosen = candidate;
  }
  return { schema: chosen?.schema ?? '', name: chosen?.name ?? '', volatility: ORDER[worst] ?? 'Volatile' };
}
