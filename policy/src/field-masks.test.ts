import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { fieldMaskIn } from './field-masks.ts';
import { buildJsonMask } from './mask/index.ts';
import type { Mask } from './masking.ts';

const MASK: Mask = { rule: 'data/guard/fields', with: { type: 'Redact' } };

test.each([
  ['$.ssn', ['ssn'], true],
  ['$.ssn', ['ssn', 'last'], true],
  ['$.ssn', ['name'], false],
  ['$.ssn', ['SSN'], false],
  ['$.ssn', ['0'], false],
  ['$.a.ssn', ['a'], true],
  ['$.a.ssn', ['a', 'name'], false],
  ['$.a.ssn', ['b', 'ssn'], false],
  ['$..ssn', ['name'], true],
  ['$.a..ssn', ['b'], false],
  ['$.a..ssn', ['a', 'b'], true],
  ['$.*', ['name'], true],
  ['$.*.ssn', ['a', 'name'], false],
  ['$.items[0].ssn', ['items', '0'], true],
  ['$.items[0].ssn', ['items', '-1', 'ssn'], true],
  ['$.items[0].ssn', ['items', '0', 'name'], false],
  ['$.items[0].ssn', ['items', 'first'], false],
  ['$', ['name'], true],
])('a mask on %s and the member %j', (path, member, meets) => {
  expect(fieldMaskIn({ fields: [{ path, mask: MASK }] }, member)).toBe(meets ? MASK : undefined);
});

test('a mask meets all of a document, and no mask meets nothing', () => {
  expect(fieldMaskIn({ fields: [{ path: '$.a', mask: MASK }] }, undefined)).toBe(MASK);
  expect(fieldMaskIn({ fields: [] }, undefined)).toBeUndefined();
});

test('what is passed is what masking the whole document leaves as it is', () => {
  const name = fc.constantFrom('a', 'b', '0', '1');
  const document = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('secret', 1, true),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  })).value;
  const step = fc.constantFrom('.a', '.b', "['0']", '[0]', '[1]', '.*', '[*]', '..a', '..[0]');
  const paths = fc.array(
    fc.array(step, { maxLength: 3 }).map((steps) => `$${steps.join('')}`),
    { maxLength: 2 },
  );
  fc.assert(
    fc.property(document, paths, fc.array(name, { minLength: 1, maxLength: 3 }), (whole, fieldPaths, member) => {
      const fields = fieldPaths.map((path) => ({ path, mask: MASK }));
      if (fieldMaskIn({ fields }, member) !== undefined) return;
      const masked: unknown = JSON.parse(
        buildJsonMask(fields, (text) => text, Buffer.alloc(32))(JSON.stringify(whole)),
      );
      expect(lookUp(masked, member)).toEqual(lookUp(whole, member));
    }),
    { seed: 1, numRuns: 5_000 },
  );
});

/** As `#>` of PostgreSQL does. */
function lookUp(value: unknown, member: readonly string[]): unknown {
  const [name, ...rest] = member;
  if (name === undefined) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return lookUp(Object.entries(value).find(([one]) => one === name)?.[1], rest);
}
