import { type Fault, fail, ok, type Result } from './result.ts';

const FACTORS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

/**
 * A quantity as a whole number of bytes: `50Mi` is 52428800. Fault `BadQuantity` when it is no whole positive number with a known
 * suffix, or more than a number can hold exactly (2^53 - 1).
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(quantity: string | number): Result<number, Fault<'BadQuantity'>> {
  const [, digits, suffix = ''] = /^([1-9][0-9]*)([A-Za-z]*)$/.exec(String(quantity)) ?? [];
  const factor = FACTORS.get(suffix);
  const bytes = digits === undefined || factor === undefined ? Number.NaN : Number(digits) * factor;
  if (Number.isSafeInteger(bytes)) return ok(bytes);
  return fail({
    code: 'BadQuantity',
    message: `${JSON.stringify(quantity)} is not a quantity of bytes.`,
    mend: 'Write a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T, such as 50Mi.',
  });
}
