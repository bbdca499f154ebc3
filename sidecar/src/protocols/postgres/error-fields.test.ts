import { describe, expect, test } from '@jest/globals';
import { isFromCode } from './error-fields.ts';

describe('whether a function may have worded a message', () => {
  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['the server itself', { F: 'execMain.c' }, false],
    ['nobody knows', {}, true],
    ['RAISE', { F: 'pl_exec.c', W: 'PL/pgSQL function f() line 1 at RAISE' }, true],
    ['a function in SQL', { F: 'numutils.c', W: 'SQL function "f" statement 1' }, true],
    ['a statement in a function', { F: 'numutils.c', q: 'SELECT 1' }, true],
    ['a row of a COPY', { F: 'numutils.c', W: 'COPY orders, line 1, column id: "x"' }, false],
    [
      'a row of a COPY in a function',
      { F: 'numutils.c', W: 'COPY orders, line 1\nPL/pgSQL function f() line 1' },
      true,
    ],
    ['a function in a COPY', { F: 'numutils.c', W: 'SQL function "f" statement 1\nCOPY orders, line 1' }, true],
    ['a document', { F: 'jsonfuncs.c', W: 'JSON data, line 1: {a' }, false],
    ['a bound value', { F: 'numutils.c', W: "unnamed portal parameter $1 = 'x'" }, false],
    ['a bound value of a portal', { F: 'numutils.c', W: 'portal "p" parameter $1' }, false],
  ])('%s', (_, fields, expected) => {
    expect(isFromCode(new Map(Object.entries(fields)))).toBe(expected);
  });
});
