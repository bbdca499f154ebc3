/** Marks a place that no value can reach; the compiler shows it when a union grows. Throws: reaching it is a bug. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
