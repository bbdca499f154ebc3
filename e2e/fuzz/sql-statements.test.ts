import { beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { fingerprintSync, loadModule, parseSync } from 'libpg-query';
import { PLAIN, spell, spellings, sqlTexts } from './sql-statements.ts';

beforeAll(loadModule);

test('what is made is SQL, and PostgreSQL sees the same statements in every spelling', () => {
  fc.assert(
    fc.property(sqlTexts, spellings, (statements, spelling) => {
      const plain = spell(statements, PLAIN);
      const other = spell(statements, spelling);
      expect(parseSync(plain).stmts).toHaveLength(statements.length);
      expect(fingerprintSync(other)).toBe(fingerprintSync(plain));
    }),
    { seed: 20_265, numRuns: 500 },
  );
});
