import type { Fault } from './result.ts';

export type FieldFaultCode =
  | 'UnknownField'
  | 'MissingField'
  | 'WrongType'
  | 'BadValue'
  | 'BadQuantity'
  | 'DuplicateEntry'
  | 'RuleBroken';

/** From the document's root to the field: names and list positions. */
export type FieldPath = readonly (string | number)[];

/** What is wrong with one field. `where` is the path as text: `spec.rules[2].action`. */
export interface FieldFault<Code extends string = FieldFaultCode> extends Fault<Code> {
  readonly path: FieldPath;
  readonly where: string;
  readonly mend: string;
}

/** A path as a person writes it: `spec.rules[2].action`; a name with other characters stands in brackets and quotes. */
export function formatPath(path: FieldPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (!/^[A-Za-z_][\w-]*$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** A fault at a path. */
export function fieldFault<Code extends string>(
  code: Code,
  path: FieldPath,
  message: string,
  mend: string,
): FieldFault<Code> {
  return { code, message, where: formatPath(path), mend, path };
}
