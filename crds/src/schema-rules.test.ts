import { describe, expect, test } from '@jest/globals';
import type { FieldFault } from './field-fault.ts';
import { ACCESS_CASES, POLICY_CASES, TARGET_CASES } from './fixture/schema-cases.ts';
import { describeFault, type Result } from './result.ts';
import { RESOURCE_VALIDATORS } from './schema.ts';

function linesOf(result: Result<unknown, readonly FieldFault[]>): readonly string[] {
  return result.ok ? [] : result.fault.map((fault) => `${fault.code} ${describeFault(fault)}`);
}

describe.each([
  ['Target', TARGET_CASES],
  ['AgentAccess', ACCESS_CASES],
  ['Policy', POLICY_CASES],
] as const)('a %s', (kind, cases) => {
  const validate = RESOURCE_VALIDATORS[kind];
  test.each(cases.map(([refused, line, allowed]) => ({ refused, line, allowed })))(
    '$line',
    ({ refused, line, allowed }) => {
      expect(linesOf(validate(refused))).toEqual([line]);
      expect(linesOf(validate(allowed))).toEqual([]);
    },
  );
});
