const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Reads a Kubernetes quantity of bytes (`50Mi`, `1.5G`, `4096`) into a whole number, rounded down. Undefined when it is none. */
export function parseQuantity(quantity: string | number): number | undefined {
  const found = /^(\d{1,16}(?:\.\d{1,9})?)([kMGTP]|[KMGTP]i)?$/.exec(String(quantity));
  if (found === null) return undefined;
  const factor = FACTORS[found[2] ?? ''];
  if (factor === undefined) return undefined;
  const bytes = Math.floor(Number(found[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
