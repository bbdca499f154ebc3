import type { DetectorName, PolicyMask } from '@sidegate/crds';
import { parseJsonPath } from './mask/index.ts';
import type { Mask } from './masking.ts';
import { PATTERN_LENGTH_MAX } from './match/glob.ts';
import { splitKeyPattern } from './match/key-pattern.ts';
import { compileQualifiedName, type QualifiedNameTest } from './match/qualified-name.ts';
import { type FaultList, fieldOf, type ResourcePlace } from './policy-fault.ts';
import type { ObjectName } from './session-rules.ts';

/** A mask of a policy with its patterns compiled. */
export interface CompiledMask {
  /** Its rule is `namespace/policy/mask`. */
  readonly mask: Mask;
  /** As it was written. */
  readonly source: PolicyMask;
  readonly columns: readonly QualifiedNameTest[];
  /** `key` or `key->field`. */
  readonly keys: readonly string[];
  readonly fields: readonly string[];
  readonly detect: readonly DetectorName[];
}

/** Compiles one mask; what is wrong with it is added to `faults`. */
export function compileMask(
  mask: PolicyMask,
  policy: ObjectName,
  place: ResourcePlace,
  faults: FaultList,
): CompiledMask {
  const { columns = [], keys = [], fields = [], detect = [] } = mask;
  if (columns.length + keys.length + fields.length + detect.length === 0) {
    faults.add(place, 'InvalidPattern', 'The mask masks nothing.', 'Name columns, keys, fields or detect.');
  }
  refuseFields(fields, place, faults);
  refuseKeys(keys, place, faults);
  return {
    mask: { rule: `${policy.namespace}/${policy.name}/${mask.name}`, with: mask.with },
    source: mask,
    columns: columns.flatMap((pattern, index) => {
      const test = compileQualifiedName(pattern, 3, 'Restrict');
      if (test !== undefined) return [test];
      faults.add(
        fieldOf(place, `${place.field}.columns[${index}]`),
        'InvalidPattern',
        `${JSON.stringify(pattern)} does not name a column.`,
        'Write schema.table.column; * stands for any text, as in *.*.ssn.',
      );
      return [];
    }),
    keys,
    fields,
    detect,
  };
}

function refuseKeys(keys: readonly string[], place: ResourcePlace, faults: FaultList): void {
  for (const [index, pattern] of keys.entries()) {
    const [key, field] = splitKeyPattern(pattern);
    if (key !== '' && field !== '' && pattern.length <= PATTERN_LENGTH_MAX) continue;
    faults.add(
      fieldOf(place, `${place.field}.keys[${index}]`),
      'InvalidPattern',
      `${JSON.stringify(pattern)} does not name a key.`,
      'Write a key or key->field; * stands for any text, as in customer:*->ssn.',
    );
  }
}

function refuseFields(fields: readonly string[], place: ResourcePlace, faults: FaultList): void {
  for (const [index, path] of fields.entries()) {
    const parsed = parseJsonPath(path);
    if (parsed.ok) continue;
    const { message, mend = 'Correct it.' } = parsed.fault;
    faults.add(fieldOf(place, `${place.field}.fields[${index}]`), 'InvalidPattern', message, mend);
  }
}
