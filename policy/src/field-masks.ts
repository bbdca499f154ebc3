import { type JsonStep, parseJsonPath } from './mask/index.ts';
import type { Mask, MaskRules } from './masking.ts';

/** A mask on a field that is in this part of a document, around it, or may be: `member` names the part, absent it is all of the document. */
export function fieldMaskIn(
  { fields }: Pick<MaskRules, 'fields'>,
  member: readonly string[] | undefined,
): Mask | undefined {
  return fields.find(({ path }) => member === undefined || mayMeet(path, member))?.mask;
}

/** True unless a step of the path names another member than is named there. */
function mayMeet(path: string, member: readonly string[]): boolean {
  const parsed = parseJsonPath(path);
  if (!parsed.ok) return true;
  for (const [at, step] of parsed.value.steps.entries()) {
    const name = member[at];
    if (name === undefined || step.deep) return true;
    if (!mayName(step, name)) return false;
  }
  return true;
}

function mayName(step: JsonStep, name: string): boolean {
  if (step.kind === 'All') return true;
  // A negative number counts from the end of an array: it may be any.
  return step.kind === 'Name' ? step.name === name : /^[+-]?\d+$/.test(name);
}
