import type { Context, Use } from './findings.ts';
import { bodyValues, useFunction } from './function-use.ts';
import { UNKNOWN, type Value } from './value.ts';

/** What stands for others that it is made of. */
const MADE_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['BETWEEN', ['>=', '<=']],
  ['NOT BETWEEN', ['<', '>']],
  ['BETWEEN SYMMETRIC', ['>=', '<=']],
  ['NOT BETWEEN SYMMETRIC', ['<', '>']],
]);

/** What functions give that are behind operators of this name and not the server's own; undefined: there are none. */
export function useOperator(
  context: Context,
  schema: string | undefined,
  name: string,
  use: Use,
): readonly Value[] | undefined {
  const parts = MADE_OF.get(name);
  if (parts !== undefined) {
    const given = parts.map((part) => useOperator(context, schema, part, use));
    return given.every((each) => each === undefined) ? undefined : given.flatMap((each) => each ?? []);
  }
  if (schema === 'pg_catalog') return undefined;
  const { findings } = context;
  if (findings.names.changed.has(name)) {
    findings.stale(`The operator ${name} was`);
  }
  const functions = findings.catalog.operatorFunctions(name);
  if (functions.length === 0) return undefined;
  return functions.flatMap((behind) => {
    const call = useFunction(context, behind.schema, behind.name, undefined);
    return call.unknownResult ? [UNKNOWN] : bodyValues(call, context, use);
  });
}
