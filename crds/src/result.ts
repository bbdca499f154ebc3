/**
 * An expected failure as a value. `code` is stable and is what programs act on; `message` says what is wrong in one sentence;
 * `where` is the place (`file:line spec.host`, or a connection); `mend` is what the reader can do about it.
 */
export interface Fault<Code extends string = string> {
  readonly code: Code;
  readonly message: string;
  readonly where?: string;
  readonly mend?: string;
}

/** Either a value or the fault that kept it from being. */
export type Result<T, F = Fault> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: F };

/** A result that holds a value. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** A result that holds a fault. */
export function fail<F>(fault: F): { readonly ok: false; readonly fault: F } {
  return { ok: false, fault };
}

/** One fault as one line for a person: `where: message mend`. */
export function describeFault(fault: Fault): string {
  const place = fault.where === undefined ? '' : `${fault.where}: `;
  const mend = fault.mend === undefined ? '' : ` ${fault.mend}`;
  return `${place}${fault.message}${mend}`;
}
