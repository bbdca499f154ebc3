import type { FuncCall, Node } from 'libpg-query';
import type { Findings } from './findings.ts';
import { constantText } from './node.ts';
import { BULK_MAX, bulkOf, type Value } from './value.ts';
import { words } from './words.ts';

/** Aggregates that put the values of all rows into one. */
const COLLECTING =
  words(`string_agg array_agg json_agg jsonb_agg json_agg_strict jsonb_agg_strict json_object_agg jsonb_object_agg
  json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique xmlagg`);

/** What they give is longer or shorter by which characters are in their subject. */
const SHAPING = words('replace regexp_replace translate split_part');
/** The same when they are told what to take off. */
const TRIMMING = words('btrim ltrim rtrim');

/** Characters that still count as one ordinary value. */
const ORDINARY_LENGTH = 100_000;

export function isCollecting(name: string): boolean {
  return COLLECTING.has(name);
}

export function isShaping(name: string, { length }: readonly Value[]): boolean {
  return SHAPING.has(name) || (length > 1 && TRIMMING.has(name));
}

/** How large the result of a call may be, where that is not what its arguments are together. */
export function bulkOfCall(name: string, { args = [] }: FuncCall, values: readonly Value[], findings: Findings) {
  const [subject] = values;
  const own = subject === undefined ? 1 : bulkOf(subject);
  switch (name) {
    case 'repeat':
      return own * numberOf(args[1], findings);
    case 'lpad':
    case 'rpad':
      return own + numberOf(args[1], findings) / ORDINARY_LENGTH;
    case 'replace':
    case 'regexp_replace':
      return own * growthOf(name, args, findings);
    case 'array_fill':
      return Number.POSITIVE_INFINITY;
    default:
      return isCollecting(name) ? Number.POSITIVE_INFINITY : undefined;
  }
}

/** How many times longer a replacement can make a text. */
function growthOf(name: string, [, from, to]: readonly Node[], findings: Findings): number {
  findings.shapeDecides = false;
  const put = constantText(to);
  if (put === undefined) return Number.POSITIVE_INFINITY;
  const taken = name === 'replace' ? (constantText(from)?.length ?? 1) : 1;
  return put.length <= taken ? 1 : 1 + put.length / Math.max(1, taken);
}

/** The number that a constant says; anything else may be any number. */
function numberOf(node: Node | undefined, findings: Findings): number {
  findings.shapeDecides = false;
  const text = constantText(node);
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

/** `%s` and its kin, with a width that takes no more room than a value does. */
const FORMAT = /^(?:[^%]|%%|%(?:\d{1,3}\$)?-?\d{0,3}[sIL])*$/;

/** True for the constant template of format() that can neither fail on a value nor make a long text of it. */
export function isPlainFormat([template]: readonly Node[], findings: Findings): boolean {
  findings.shapeDecides = false;
  const text = constantText(template);
  return text !== undefined && FORMAT.test(text);
}

/** True when it is too large to stand beside a column's value, or to be made of one. */
export function isLarge(bulk: number): boolean {
  return bulk > BULK_MAX;
}
